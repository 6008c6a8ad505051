"""The recipe of a distillation as text, as rows and as a formula; the text is the source of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import QMargins, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from fakd_core.errors import ConfigError
from fakd_gui.train.term_row import TermRow
from fakd_gui.widgets.elided_label import wrapped_label
from fakd_gui.widgets.image_tools import icon_button
from fakd_gui.widgets.theme import Theme, current_theme, follow_theme

if TYPE_CHECKING:
    from fakd_core.distillation.recipe import Recipe, Term


LEGEND = (
    "S: the student's output, T: the teacher's, HR: the ground truth, α: weight of the teacher's output. "
    "Subscripts are the layers that a term compares."
)


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """The settings that decide which terms can be used, and the loss that they give.

    Without a teacher, the loss depends on the ground truth alone. `channels` are those of the taps of the
    student and of each known teacher.
    """

    alpha: float = 0.5
    layers: Sequence[int] = (1, 2, 3)
    batch: int = 16
    has_teacher: bool = True
    channels: Sequence[tuple[Sequence[int], Sequence[int]]] = ()

    def problem(self, term: Term) -> str:
        """The reason why `term` can't be used or has no effect; empty if it can."""
        from fakd_core.distillation.loss import DistillationLoss
        from fakd_core.distillation.recipe import Recipe
        from fakd_core.distillation.upcycling import Upcycling

        if not self.has_teacher:
            return ""
        if term.name == "IA" and self.batch < 2:
            return "IA compares the patches of a batch with one another; use a batch of 2 or more"
        try:
            Upcycling((term,), self.batch)
            loss = DistillationLoss(self.alpha, Recipe((term,)), self.layers)
            for student, teacher in self.channels:
                loss.check_widths(student, teacher)
        except ConfigError as error:
            return str(error)
        return ""

    def _compared(self, term: Term) -> Sequence[int]:
        """The layers that `term` compares; none for a term of outputs."""
        return (term.layers or sorted(self.layers)) if term.kind.compares == "maps" else ()

    def plain_formula(self, recipe: Recipe) -> str:
        """The loss in one line, for screen readers."""
        if not self.has_teacher:
            return "loss = L1(student, HR)"
        parts = [
            (1 - self.alpha, "L1(student, HR)"),
            (self.alpha, "L1(student, teacher)"),
            *((term.weight, f"{term.name}{_options_of(term)}{_layers_of(term)}") for term in recipe),
        ]
        return "loss = " + " + ".join(f"{weight:g}·{name}" for weight, name in parts if weight)

    def rich_formula(self, recipe: Recipe, theme: Theme) -> str:
        """The loss in HTML, each part in the colour of its curve."""

        def part(name: str, text: str) -> str:
            return f'<span style="color:{theme.part_colour(name)}">{text}</span>'

        data_part = part("DS", "‖S − HR‖<sub>1</sub>")
        if not self.has_teacher:
            return f"<i>L</i> = {data_part}"
        teacher_part = part("TS", "‖S − T‖<sub>1</sub>")
        parts = [f"(1 − <i>α</i>) {data_part}", f"<i>α</i> {teacher_part}"]
        if self.alpha in (0, 1):
            parts = [teacher_part if self.alpha else data_part]
        for term in recipe:
            weight = "" if term.weight == 1 else f"{term.weight:g} "
            layers = ",".join(map(str, self._compared(term)))
            below = f"<sub>{layers}</sub>" if layers else ""
            small = f"<small>{escape(_options_of(term))}</small>" if term.params else ""
            parts.append(weight + part(term.name, f"{escape(term.name)}{below}{small}"))
        return f"<i>L</i> = {' + '.join(parts)}, <i>α</i>&nbsp;=&nbsp;{self.alpha:g}"


def _options_of(term: Term) -> str:
    """The options of a term, such as '(k=2, pool=max)'; empty if it has none."""
    return replace(term, layers=()).full_name.removeprefix(term.name).replace(",", ", ")


def _layers_of(term: Term) -> str:
    """The layers of a term in words; empty if it compares those of the run."""
    return f" at layers {', '.join(map(str, term.layers))}" if term.layers else ""


class RecipeEditor(QWidget):
    """Edits a recipe as text or in rows of one term each."""

    changed = Signal(str)
    """The text, whether it was typed, set or changed in a row."""
    removed = Signal(str, str)
    """A row was removed: its term, and the text before."""

    def __init__(self) -> None:
        super().__init__()
        self.edit = QLineEdit(acceptDrops=False, minimumWidth=90)
        self.terms = icon_button("plus", "Add a term to the recipe", opens_menu=True)
        self.terms.menu().aboutToShow.connect(self._fill_menu)
        self.rows: list[TermRow] = []
        self.formula = wrapped_label(
            toolTip=LEGEND, textInteractionFlags=Qt.TextInteractionFlag.TextSelectableByMouse
        )
        self.below = QWidget(visible=False)
        """The rows and the formula, which need more width than a field of a form has."""
        self._pairing = Pairing()
        self._knows_terms = False
        self._rows_layout = QVBoxLayout(spacing=4)
        below = QVBoxLayout(self.below, contentsMargins=QMargins(), spacing=6)
        below.addLayout(self._rows_layout)
        below.addWidget(self.formula)
        layout = QHBoxLayout(self, contentsMargins=QMargins(), spacing=4)
        layout.addWidget(self.edit, 1)
        layout.addWidget(self.terms)
        self.setFocusProxy(self.edit)
        self.edit.textChanged.connect(self._text_changed)
        follow_theme(self, lambda _: self._update_rows())

    def text(self) -> str:
        return self.edit.text()

    def setText(self, text: str) -> None:
        self.edit.setText(text)

    def append(self, name: str) -> None:
        """Append the term `name` with weight 1, SA with the paper's weight."""
        text = self.text().strip()
        term = f"{10 if name == 'SA' else 1}*{name}"
        self._replace(term if text.lower() in ("", "none") else f"{text}+{term}")

    def show_rows(self) -> None:
        """Show rows and formula from now on; parsing a recipe loads torch, so not at the start."""
        if not self._knows_terms:
            self._knows_terms = True
            self.below.show()
            self._update_rows()

    def pair(self, pairing: Pairing) -> None:
        """Mark the terms that can't be used with `pairing`."""
        self._pairing = pairing
        self._update_rows()

    def recipe(self) -> Recipe | None:
        """The parsed text; None if it is invalid, or before `show_rows`."""
        if not self._knows_terms:
            return None
        from fakd_core.distillation.recipe import parse_recipe

        try:
            return parse_recipe(self.text())
        except ConfigError:
            return None

    def _fill_menu(self) -> None:
        from fakd_core.distillation.terms import TERMS  # Loads torch, so not at the start.

        menu = self.terms.menu()
        menu.clear()
        for kind in TERMS:
            equal = " (needs networks of equal width)" if kind.needs_equal_channels else ""
            action = menu.addAction(f"{kind.name}: {kind.title}{equal}")
            action.triggered.connect(lambda _=False, name=kind.name: self.append(name))

    # -- synchronising text and rows -----------------------------------------------------------------

    def _text_changed(self, text: str) -> None:
        self._update_rows()
        self.changed.emit(text)

    def _update_rows(self) -> None:
        recipe = self.recipe()
        if recipe is None:
            return  # The rows keep the last valid recipe; the form shows the problem of the text.
        while len(self.rows) > len(recipe):
            row = self.rows.pop()
            row.hide()
            row.deleteLater()
        while len(self.rows) < len(recipe):
            self._add_row()
        for place, (row, term) in enumerate(zip(self.rows, recipe, strict=True)):
            row.show_term(term, can_move_up=place > 0, can_move_down=place < len(recipe) - 1)
            row.set_problem(self._pairing.problem(term))
        self._order_focus()
        self.formula.setText(self._pairing.rich_formula(recipe, current_theme()))
        self.formula.setAccessibleName(self._pairing.plain_formula(recipe))

    def _add_row(self) -> None:
        row = TermRow()
        row.edited.connect(self._update_text)
        row.moved.connect(lambda by: self._move(row, by))
        row.removed.connect(lambda: self._remove(row))
        self._rows_layout.addWidget(row)
        self.rows.append(row)

    def _order_focus(self) -> None:
        """Let the Tab key go through the rows from top to bottom, after the button that adds them."""
        last: QWidget = self.terms
        for widget in (widget for row in self.rows for widget in row.tab_order()):
            QWidget.setTabOrder(last, widget)
            last = widget

    def _update_text(self) -> None:
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
        """Change the text as if typed, so that Ctrl+Z in the field undoes it."""
        if text != self.text():
            self.edit.selectAll()
            self.edit.insert(text)
            self.edit.setCursorPosition(0)
