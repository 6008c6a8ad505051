"""One term of a recipe: its weight, its kind, its options and its position."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QMargins, QSize, Qt, Signal, SignalInstance
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
from fakd_gui.widgets.elided_label import wrapped_label
from fakd_gui.widgets.image_tools import icon_button
from fakd_gui.widgets.input_fields import ignore_wheel
from fakd_gui.widgets.theme import restyle

if TYPE_CHECKING:
    from fakd_core.distillation.recipe import Term
    from fakd_core.distillation.terms import Parameter, TermKind

WEIGHT_DIGITS = 7
OPTIONS_PER_LINE = 2


class TermRow(QWidget):
    """A row of widgets for one term; `moved` is -1 for up and 1 for down."""

    edited = Signal()
    moved = Signal(int)
    removed = Signal()

    def __init__(self) -> None:
        super().__init__()
        from fakd_core.distillation.terms import TERMS  # Loads torch: rows are made after that.

        self._digit = self.fontMetrics().horizontalAdvance("0")
        self.weight = QLineEdit(
            acceptDrops=False,
            accessibleName="Weight of the term",
            toolTip="Weight of the term in the loss: a number above 0",
        )
        self.weight.setFixedWidth(WEIGHT_DIGITS * self._digit + 12)
        self.weight.textEdited.connect(self._weight_edited)
        self._kinds = {kind.name: kind for kind in TERMS}
        self.kind = QComboBox(accessibleName="Term", minimumWidth=9 * self._digit)
        self.kind.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        for place, kind in enumerate(TERMS):
            self.kind.addItem(kind.name)
            self.kind.setItemData(place, f"{kind.name}: {kind.title}", Qt.ItemDataRole.ToolTipRole)
        self.kind.activated.connect(lambda _: self._kind_chosen())
        ignore_wheel(self.kind)
        self.up = _button("arrow-up", "Move the term up", lambda: self.moved.emit(-1))
        self.down = _button("arrow-down", "Move the term down", lambda: self.moved.emit(1))
        self.remove = _button("close", "Remove the term", self.removed)
        self.options: dict[str, QLineEdit | QComboBox] = {}
        self.layers = QLineEdit(acceptDrops=False)
        self._options_box = QWidget(visible=False)
        self.problem = ""
        self._note = wrapped_label("error", visible=False)
        line = QHBoxLayout(spacing=4)
        for widget in (self.weight, QLabel("×"), self.kind, self.up, self.down, self.remove):
            line.addWidget(widget, int(widget is self.kind))
        layout = QVBoxLayout(self, contentsMargins=QMargins(), spacing=4)
        layout.addLayout(line)
        layout.addWidget(self._options_box)
        layout.addWidget(self._note)

    def text(self) -> str:
        """The term as written in a recipe."""
        parameters = self._kinds[self.kind.currentText()].parameters
        values = {one: _value(self.options[one.name]) for one in parameters if one.name in self.options}
        listed = ",".join(f"{one.name}={text}" for one, text in values.items() if not one.is_hidden(text))
        layers = self.layers.text().replace(" ", "")
        name = self.kind.currentText()
        return f"{_value(self.weight)}*{name}{listed and f'({listed})'}{layers and f'@{layers}'}"

    def show_term(self, term: Term, *, can_move_up: bool, can_move_down: bool) -> None:
        """Show `term`; texts that already mean it stay as they are, so that typing isn't disturbed."""
        if self.kind.currentText() != term.name or not self._options_box.layout():
            self.kind.setCurrentText(term.name)
            self._make_options(term.kind)
        self.kind.setToolTip(f"{term.name}: {term.kind.title}")
        _show(self.weight, term.weight)
        values = dict(term.params)
        for parameter in term.kind.parameters:
            _show(self.options[parameter.name], values.get(parameter.name, parameter.default))
        if _layers(self.layers.text()) != term.layers:
            self.layers.setText(",".join(map(str, term.layers)))
        restyle(self.layers, invalid=False)
        for button, can_move in ((self.up, can_move_up), (self.down, can_move_down)):
            button.setVisible(can_move_up or can_move_down)
            button.setEnabled(can_move)

    def set_problem(self, problem: str) -> None:
        """Show below the term why it can't be used; an empty text clears that."""
        self.problem = problem
        self._note.setText(problem)
        self._note.setVisible(bool(problem))

    def focus_move(self, by: int) -> None:
        """Focus the button that moved the term by `by`, or the other one if the term is at an end."""
        pressed, other = (self.up, self.down) if by < 0 else (self.down, self.up)
        (pressed if pressed.isEnabled() else other).setFocus()

    def tab_order(self) -> list[QWidget]:
        """The widgets in the order of the Tab key."""
        return [self.weight, self.kind, self.up, self.down, self.remove, *self._option_fields().values()]

    def _kind_chosen(self) -> None:
        self._make_options(self._kinds[self.kind.currentText()])
        self.edited.emit()

    def _weight_edited(self, text: str) -> None:
        value = options.parse_number(text)
        restyle(self.weight, invalid=not (isinstance(value, float) and value > 0))
        self.edited.emit()

    def _make_options(self, kind: TermKind) -> None:
        """Make a field with the default for each option of the term, and one for its layers if it has any."""
        former, self._options_box = self._options_box, QWidget()
        self.layout().replaceWidget(former, self._options_box)
        former.deleteLater()
        grid = QGridLayout(
            self._options_box, contentsMargins=QMargins(16, 0, 0, 0), horizontalSpacing=6, verticalSpacing=4
        )
        self.options = {parameter.name: self._option(parameter) for parameter in kind.parameters}
        self.layers = QLineEdit(acceptDrops=False, placeholderText="as chosen below")
        self._fit(self.layers, "layers: such as 2,3; empty: those chosen below the recipe")
        self.layers.textEdited.connect(self._layers_edited)
        for place, (name, widget) in enumerate(self._option_fields().items()):
            label = QLabel(name)
            label.setBuddy(widget)
            row, column = divmod(place, OPTIONS_PER_LINE)
            grid.addWidget(label, row, 2 * column)
            grid.addWidget(widget, row, 2 * column + 1)
        for column in range(OPTIONS_PER_LINE):
            grid.setColumnStretch(2 * column + 1, 1)
        self._options_box.show()

    def _option_fields(self) -> dict[str, QLineEdit | QComboBox]:
        """The fields below the term, of which those of outputs have no layers."""
        kind = self._kinds[self.kind.currentText()]
        return {**self.options, "layers": self.layers} if kind.compares == "maps" else self.options

    def _option(self, parameter: Parameter) -> QLineEdit | QComboBox:
        widget: QLineEdit | QComboBox
        if parameter.choices:
            widget = QComboBox()
            widget.addItems(parameter.choices)
            widget.setCurrentText(str(parameter.default))
            ignore_wheel(widget)
            widget.activated.connect(lambda _: self.edited.emit())
        else:
            widget = QLineEdit(options.format_value(parameter.default), acceptDrops=False)
            widget.textEdited.connect(lambda _: self._option_edited(parameter))
        self._fit(widget, f"{parameter.name}: {parameter.allowed}")
        return widget

    def _fit(self, widget: QLineEdit | QComboBox, tip: str) -> None:
        widget.setMinimumWidth(4 * self._digit)
        widget.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        widget.setAccessibleName(f"Option {tip.partition(':')[0]}")
        widget.setToolTip(tip)

    def _layers_edited(self, text: str) -> None:
        restyle(self.layers, invalid=_layers(text) is None)
        self.edited.emit()

    def _option_edited(self, parameter: Parameter) -> None:
        widget = self.options[parameter.name]
        try:
            parameter.parse(_value(widget))
            restyle(widget, invalid=False)
        except ValueError:
            restyle(widget, invalid=True)
        self.edited.emit()


def _button(icon_name: str, tip: str, pressed: Callable[[], object] | SignalInstance) -> QToolButton:
    button = icon_button(icon_name, tip, autoRaise=True, iconSize=QSize(14, 14))
    button.clicked.connect(pressed)
    return button


def _layers(text: str) -> tuple[int, ...] | None:
    """The layers that `text` lists; None if it lists something else."""
    listed = text.replace(" ", "")
    if not re.fullmatch(r"(\d+(,\d+)*)?", listed, re.ASCII):
        return None
    return tuple(map(int, filter(None, listed.split(","))))


def _show(widget: QLineEdit | QComboBox, value: float | str) -> None:
    """Show a valid value, unless the text that is being typed means it already."""
    if isinstance(widget, QComboBox):
        widget.setCurrentText(str(value))
    elif options.parse_number(widget.text()) != value:
        widget.setText(options.format_value(value))
    restyle(widget, invalid=False)


def _value(widget: QLineEdit | QComboBox) -> str:
    """The value in `widget`, a number as recipes write it."""
    if isinstance(widget, QComboBox):
        return widget.currentText()
    number = options.parse_number(widget.text())
    return options.format_value(number) if isinstance(number, float) else widget.text().strip()
