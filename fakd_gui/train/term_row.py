"""One term of a recipe: its weight, its kind, its options and its position."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from fakd_gui.train import options
from fakd_gui.widgets.input_fields import ignore_wheel
from fakd_gui.widgets.theme import Theme, follow_theme, icon, restyle

if TYPE_CHECKING:
    from fakd_core.distillation.recipe import Term
    from fakd_core.distillation.terms import Parameter

WEIGHT_DIGITS = 7
OPTIONS_PER_LINE = 2


class TermRow(QWidget):
    """A row of widgets for one term; `moved` is -1 for up and 1 for down."""

    edited = Signal()
    moved = Signal(int)
    removed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.weight = QLineEdit()
        self.weight.setAcceptDrops(False)
        self.weight.setAccessibleName("Weight of the term")
        self.weight.setToolTip("Weight of the term in the loss: a number above 0")
        digit = self.fontMetrics().horizontalAdvance("0")
        self.weight.setFixedWidth(WEIGHT_DIGITS * digit + 12)
        self.kind = QComboBox()
        self.kind.setAccessibleName("Term")
        self.kind.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.kind.setMinimumWidth(9 * digit)
        ignore_wheel(self.kind)
        self.up = self._button("Move the term up", lambda: self.moved.emit(-1))
        self.down = self._button("Move the term down", lambda: self.moved.emit(1))
        self.remove = self._button("Remove the term", self.removed.emit)
        self.options: dict[str, QLineEdit | QComboBox] = {}
        self._listedbox = QWidget()
        self._problem = QLabel()
        self._problem.setProperty("role", "error")
        self._problem.setWordWrap(True)
        self._problem.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._lay_out()
        self._fill_kinds()
        self.weight.textEdited.connect(lambda _: self._weight_edited())
        self.kind.activated.connect(lambda _: self._kind_chosen())
        follow_theme(self, self._apply_theme)

    def text(self) -> str:
        """The term as written in a recipe."""
        listed = ",".join(f"{name}={_value(widget)}" for name, widget in self.options.items())
        return f"{_value(self.weight)}*{self.kind.currentText()}" + (f"({listed})" if listed else "")

    def show_term(self, term: Term, *, can_move_up: bool, can_move_down: bool) -> None:
        """Show `term`; texts that already mean it stay as they are, so that typing isn't disturbed."""
        if options.parse_number(self.weight.text()) != term.weight:
            self.weight.setText(options.format_value(term.weight))
        restyle(self.weight, invalid=False)
        if self.kind.currentText() != term.name or set(self.options) != {name for name, _ in term.params}:
            self.kind.setCurrentText(term.name)
            self._make_options(term.kind.parameters)
        self.kind.setToolTip(f"{term.name}: {term.kind.title}")
        for name, value in term.params:
            widget = self.options[name]
            if isinstance(widget, QComboBox):
                widget.setCurrentText(str(value))
            elif options.parse_number(widget.text()) != value:
                widget.setText(options.format_value(value))
            restyle(widget, invalid=False)
        self.up.setVisible(can_move_up or can_move_down)
        self.down.setVisible(can_move_up or can_move_down)
        self.up.setEnabled(can_move_up)
        self.down.setEnabled(can_move_down)

    def set_problem(self, problem: str) -> None:
        """Show below the term why it can't be used; an empty text clears that."""
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))

    @property
    def problem(self) -> str:
        return self._problem.text()

    def focus_move(self, by: int) -> None:
        """Focus the button that moved the term by `by`, or the other one if the term is at an end."""
        pressed, other = (self.up, self.down) if by < 0 else (self.down, self.up)
        (pressed if pressed.isEnabled() else other).setFocus()

    def tab_order(self) -> list[QWidget]:
        """The widgets in the order of the Tab key."""
        return [self.weight, self.kind, self.up, self.down, self.remove, *self.options.values()]

    def _fill_kinds(self) -> None:
        # Loads torch: rows are made after that.
        from fakd_core.distillation.terms import TERMS

        for place, kind in enumerate(TERMS):
            self.kind.addItem(kind.name)
            self.kind.setItemData(place, f"{kind.name}: {kind.title}", Qt.ItemDataRole.ToolTipRole)

    def _kind_chosen(self) -> None:
        from fakd_core.distillation.terms import TERMS

        kind = TERMS.find(self.kind.currentText())
        self._make_options(kind.parameters if kind else ())
        self.edited.emit()

    def _weight_edited(self) -> None:
        value = options.parse_number(self.weight.text())
        restyle(self.weight, invalid=not (isinstance(value, float) and value > 0))
        self.edited.emit()

    def _make_options(self, parameters: tuple[Parameter, ...]) -> None:
        """Make a field with the default for each option of the term."""
        layout = self._listedbox.layout()
        assert isinstance(layout, QGridLayout)
        while (item := layout.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        self.options = {}
        for place, parameter in enumerate(parameters):
            label = QLabel(parameter.name)
            widget = self._option(parameter)
            label.setBuddy(widget)
            row, column = divmod(place, OPTIONS_PER_LINE)
            layout.addWidget(label, row, 2 * column)
            layout.addWidget(widget, row, 2 * column + 1)
            self.options[parameter.name] = widget
        self._listedbox.setVisible(bool(parameters))

    def _option(self, parameter: Parameter) -> QLineEdit | QComboBox:
        widget: QLineEdit | QComboBox
        if parameter.choices:
            widget = QComboBox()
            widget.addItems(list(parameter.choices))
            widget.setCurrentText(str(parameter.default))
            ignore_wheel(widget)
            widget.activated.connect(lambda _: self.edited.emit())
        else:
            widget = QLineEdit(options.format_value(parameter.default))
            widget.setAcceptDrops(False)
            widget.textEdited.connect(lambda _: self._option_edited(parameter))
        widget.setMinimumWidth(4 * self.fontMetrics().horizontalAdvance("0"))
        widget.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        widget.setAccessibleName(f"Option {parameter.name}")
        widget.setToolTip(f"{parameter.name}: {parameter.allowed}")
        return widget

    def _option_edited(self, parameter: Parameter) -> None:
        widget = self.options[parameter.name]
        try:
            parameter.parse(_value(widget))
            restyle(widget, invalid=False)
        except ValueError:
            restyle(widget, invalid=True)
        self.edited.emit()

    def _button(self, tip: str, pressed: object) -> QToolButton:
        button = QToolButton()
        button.setAutoRaise(True)
        button.setIconSize(QSize(14, 14))
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.clicked.connect(pressed)
        return button

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(4)
        for widget in (self.weight, QLabel("×"), self.kind, self.up, self.down, self.remove):
            line.addWidget(widget, 1 if widget is self.kind else 0)
        grid = QGridLayout(self._listedbox)
        grid.setContentsMargins(16, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        for column in range(OPTIONS_PER_LINE):
            grid.setColumnStretch(2 * column + 1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(line)
        layout.addWidget(self._listedbox)
        layout.addWidget(self._problem)
        self._listedbox.hide()
        self._problem.hide()

    def _apply_theme(self, theme: Theme) -> None:
        for button, name in ((self.up, "arrow-up"), (self.down, "arrow-down"), (self.remove, "close")):
            button.setIcon(icon(name))


def _value(widget: QLineEdit | QComboBox) -> str:
    """The value in `widget`, a number as recipes write it."""
    if isinstance(widget, QComboBox):
        return widget.currentText()
    number = options.parse_number(widget.text())
    return options.format_value(number) if isinstance(number, float) else widget.text().strip()
