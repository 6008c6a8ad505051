"""The recipe of a distillation as text, as rows, and as the formula it stands for; the text is the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from fakd_core.errors import ConfigError
from fakd_gui.train.formula import LEGEND, Formula, FormulaTerm
from fakd_gui.train.options import written
from fakd_gui.train.term_row import TermRow
from fakd_gui.widgets.theme import Theme, current_theme, follow_theme, icon

if TYPE_CHECKING:
    from fakd_core.distillation.recipe import Recipe, Term


@dataclass(frozen=True)
class Pairing:
    """What decides which terms can work: widths of the networks' maps, layers compared, patches per step.

    `widths` are (student's, one teacher's); of a network that isn't known yet, none is given.
    """

    alpha: float = 0.5
    layers: Sequence[int] = (1, 2, 3)
    batch: int = 16
    has_teacher: bool = True
    widths: Sequence[tuple[int, int]] = ()

    def problem(self, term: Term) -> str:
        """Why `term` can't be used, or does nothing; nothing where it can."""
        kind = term.kind
        unequal = [pair for pair in self.widths if pair[0] != pair[1]]
        if kind.needs_equal_channels and unequal:
            student, teacher = unequal[0]
            return (
                f"{term.name} compares maps of equal width; the student has {student} features, the teacher "
                f"{teacher}: take a term such as SA, which works across widths"
            )
        if len(self.layers) < kind.min_layers:
            return f"{term.name} needs at least {kind.min_layers} layers; tick more below"
        if term.name == "IA" and self.batch < 2:
            return "IA compares the patches of a step with one another; take a batch of 2 or more"
        return ""


class RecipeEditor(QWidget):
    """`changed` carries the text whenever it changes, whoever changed it."""

    changed = Signal(str)
    removed = Signal(str, str)
    """A row was removed: its term, and the text before."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.edit = QLineEdit()
        self.edit.setAcceptDrops(False)
        self.edit.setMinimumWidth(90)
        self.terms = TermsButton()
        self.rows: list[TermRow] = []
        self.formula = QLabel()
        self.formula.setWordWrap(True)
        self.formula.setToolTip(LEGEND)
        self.formula.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.formula.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.below = QWidget()
        """The rows and the formula: they need more width than a form's field has."""
        self._pairing = Pairing()
        self._knows_terms = False
        self._rows_layout = QVBoxLayout()
        self._rows_layout.setSpacing(4)
        below = QVBoxLayout(self.below)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(6)
        below.addLayout(self._rows_layout)
        below.addWidget(self.formula)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.edit, 1)
        layout.addWidget(self.terms)
        self.setFocusProxy(self.edit)
        self.edit.textChanged.connect(self._text_changed)
        self.terms.chosen.connect(self.append)
        self.below.hide()
        follow_theme(self, self._apply_theme)

    def text(self) -> str:
        return self.edit.text()

    def setText(self, text: str) -> None:
        self.edit.setText(text)

    def append(self, name: str) -> None:
        """Add the term `name` with weight 1, or with the paper's for SA."""
        written = self.text().strip()
        term = f"{10 if name == 'SA' else 1}*{name}"
        self._replace(term if written.lower() in ("", "none") else f"{written}+{term}")

    def show_rows(self) -> None:
        """Show rows and formula from now on: reading a recipe needs the table of terms, with torch."""
        if not self._knows_terms:
            self._knows_terms = True
            self.below.show()
            self._follow_text()

    def pair(self, pairing: Pairing) -> None:
        """Mark the terms that can't be used with `pairing`."""
        self._pairing = pairing
        self._follow_text()

    def recipe(self) -> Recipe | None:
        """What the text stands for; None while it stands for nothing, or before `show_rows`."""
        if not self._knows_terms:
            return None
        from fakd_core.distillation.recipe import parse_recipe

        try:
            return parse_recipe(self.text())
        except ConfigError:
            return None

    # -- keeping text and rows in step ---------------------------------------------------------------

    def _text_changed(self, text: str) -> None:
        self._follow_text()
        self.changed.emit(text)

    def _follow_text(self) -> None:
        recipe = self.recipe()
        if recipe is None:
            return  # The rows keep what was understood last; the form says what is wrong with the text.
        while len(self.rows) > len(recipe):
            row = self.rows.pop()
            self._rows_layout.removeWidget(row)
            row.hide()
            row.deleteLater()
        while len(self.rows) < len(recipe):
            self._add_row()
        for place, (row, term) in enumerate(zip(self.rows, recipe, strict=True)):
            row.show_term(term, place > 0, place < len(recipe) - 1)
            row.set_problem(self._pairing.problem(term) if self._pairing.has_teacher else "")
        self._order_focus()
        self._show_formula(recipe)

    def _add_row(self) -> None:
        row = TermRow()
        row.edited.connect(self._follow_rows)
        row.moved.connect(lambda by: self._move(row, by))
        row.removed.connect(lambda: self._remove(row))
        self._rows_layout.addWidget(row)
        self.rows.append(row)

    def _order_focus(self) -> None:
        """The Tab key goes through the rows from the top, after the button that adds them."""
        last: QWidget = self.terms
        for widget in (widget for row in self.rows for widget in row.in_order()):
            QWidget.setTabOrder(last, widget)
            last = widget

    def _follow_rows(self) -> None:
        self._replace("+".join(row.text() for row in self.rows))

    def _move(self, row: TermRow, by: int) -> None:
        place = self.rows.index(row)
        texts = [other.text() for other in self.rows]
        texts.insert(place + by, texts.pop(place))
        self._replace("+".join(texts))
        self.rows[place + by].focus_move(by)

    def _remove(self, row: TermRow) -> None:
        before, term = self.text(), row.text()
        texts = [other.text() for other in self.rows if other is not row]
        self._replace("+".join(texts) or "none")
        self.edit.setFocus()
        self.removed.emit(term, before)

    def _replace(self, text: str) -> None:
        """Change the text as typing would, so that Ctrl+Z in the field takes it back."""
        if text != self.text():
            self.edit.selectAll()
            self.edit.insert(text)
            self.edit.setCursorPosition(0)

    def _show_formula(self, recipe: Recipe) -> None:
        pairing = self._pairing
        terms = [
            FormulaTerm(
                term.weight, term.name, ", ".join(f"{name}={written(value)}" for name, value in term.params)
            )
            for term in recipe
        ]
        formula = Formula(pairing.alpha, terms, sorted(pairing.layers), pairing.has_teacher)
        self.formula.setText(formula.rich(current_theme()))
        self.formula.setAccessibleName(formula.plain())

    def _apply_theme(self, theme: Theme) -> None:
        self._follow_text()


class TermsButton(QToolButton):
    """Lists every term with its meaning; `chosen` carries the name of one."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolTip("Add a term")
        self.setAccessibleName("Add a term to the recipe")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        menu = QMenu(self)
        menu.aboutToShow.connect(self._fill)
        self.setMenu(menu)
        follow_theme(self, lambda theme: self.setIcon(icon("plus")))

    def _fill(self) -> None:
        # The table of terms comes with torch, which the start of the app does not wait for.
        from fakd_core.distillation.terms import TERMS

        menu = self.menu()
        menu.clear()
        for kind in TERMS:
            equal = " (needs networks of equal width)" if kind.needs_equal_channels else ""
            action = menu.addAction(f"{kind.name}: {kind.title}{equal}")
            action.triggered.connect(lambda _=False, name=kind.name: self.chosen.emit(name))
