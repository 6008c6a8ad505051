"""The settings of a training: a field for every option of `TrainConfig`, with problems and facts below it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from PySide6.QtCore import QCoreApplication, QEvent, QMargins, QObject, QSize, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from fakd_core.runs.methods import METHODS, method_of
from fakd_core.runs.option_help import training_options
from fakd_core.runs.presets import PRESETS
from fakd_gui.train import options
from fakd_gui.train.commands import TrainCommands
from fakd_gui.train.editors import Editor, choice, make_editor
from fakd_gui.train.fields import Field, FoldedSection, Section
from fakd_gui.train.model_card import ModelCard, compare_costs
from fakd_gui.train.preset_bar import PresetBar
from fakd_gui.train.recipe_editor import Pairing, RecipeEditor
from fakd_gui.train.state import TrainState
from fakd_gui.train.taps_row import TapsRow
from fakd_gui.widgets.theme import follow_theme

MARGIN = 12
"""Pixels around a field that is scrolled into view."""
PRESET_TIP = (
    "Named settings: Quick, which runs on any machine, Fast FAKD, which gives the most for the time, the "
    "papers' settings, and your own."
)
METHOD_TIP = "A published way of distilling: it sets α and the recipe, and leaves everything else as it is."
OTHER_RECIPE = "Other"
USE_TEACHER = "Use in the other workspaces"


class TrainForm(QScrollArea):
    """Shows the settings of the state, and edits them."""

    def __init__(self, state: TrainState, commands: TrainCommands) -> None:
        super().__init__(
            widgetResizable=True,
            frameShape=QScrollArea.Shape.NoFrame,
            horizontalScrollBarPolicy=Qt.ScrollBarPolicy.ScrollBarAlwaysOff,
            accessibleName="Settings of the training",
        )
        self._state = state
        self._commands = commands
        self._is_filling = False
        self._shows_problem_later = False
        self._leading: tuple[QWidget, ...] = ()
        self.editors: dict[str, Editor] = {}
        self.fields: dict[str, Field] = {}
        self.presets = PresetBar(state, commands)
        self.method = choice([*METHODS, OTHER_RECIPE])
        """The method that the recipe is of."""
        self.teacher_card, self.student_card = ModelCard("Teacher"), ModelCard("Student")
        self.teacher_card.text.linkActivated.connect(commands["use_teacher"].trigger)
        self.taps = TapsRow()
        self._draw()
        self.taps.chosen.connect(lambda ref: state.edit("teacher", (ref,)))
        commands.refused.connect(self.show_problem)
        self.recipe.removed.connect(commands.offer_term_back)
        self.method.activated.connect(self._choose_method)
        state.filled.connect(self._show_values)
        state.preset_changed.connect(self._show_preset)
        commands["use_teacher"].changed.connect(self._show_models)
        for changed in (state.values_changed, state.check_changed):
            changed.connect(self._refresh)
        follow_theme(self, lambda _: self._show_models())
        self._show_values(state.values)
        self._show_preset()
        self._refresh()

    # -- problems ------------------------------------------------------------------------------------

    def problems(self) -> list[str]:
        """A line for each field that must be changed."""
        known = training_options()
        return [
            f"{known[name].title}: {field.problem}" for name, field in self.fields.items() if field.problem
        ]

    def show_problem(self) -> None:
        """Scroll to the first field that must be changed and its problem, and focus it."""
        name = next((name for name, field in self.fields.items() if field.problem), None)
        self._shows_problem_later = name is not None and not self.isVisible()
        if name is None or self._shows_problem_later:
            return
        if name in self._rare:
            self.more.unfold()
        # What was shown or unfolded since the last events has no place yet: Qt lays it out level by level.
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
        field = self.fields[name]
        parts = [field.widget, *field.widget.findChildren(QWidget)]
        focusable = [
            part for part in parts if part.focusPolicy() & Qt.FocusPolicy.TabFocus and part.isEnabled()
        ]
        marked = [part for part in focusable if part.property("invalid")]
        part = next(iter((*marked, *focusable)), field.widget)
        # The problem may be higher than the viewport: the field itself comes last.
        for shown in (field.note, part):
            if shown.isVisible():
                self.ensureWidgetVisible(shown, 0, MARGIN)
        part.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def lead_from(self, *widgets: QWidget) -> None:
        """Make a click on one of `widgets` lead to the first problem, if there are any.

        They may be disabled, such as a button that waits for the problems to be solved.
        """
        self._leading = widgets
        for widget in widgets:
            widget.installEventFilter(self)
        self._refresh()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.MouseButtonPress and watched in self._leading and self.problems():
            self.show_problem()
            return True
        return super().eventFilter(watched, event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._shows_problem_later:
            self.show_problem()

    def minimumSizeHint(self) -> QSize:
        """Room for the whole form and its scroll bar: it doesn't scroll horizontally."""
        width = self.widget().minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width()
        return QSize(width, super().minimumSizeHint().height())

    # -- showing the state ---------------------------------------------------------------------------

    def _show_values(self, values: Mapping[str, object]) -> None:
        """Show `values` where the fields don't already, and take what the fields make of them."""
        was_filling, self._is_filling = self._is_filling, True
        try:
            for name, value in values.items():
                editor = self.editors[name]
                if editor.read() != value:
                    with suppress(TypeError, OverflowError):  # Remembered settings may hold anything.
                        editor.show(value)
                    self._state.values[name] = editor.read()
        finally:
            self._is_filling = was_filling

    def _edited(self, name: str) -> None:
        if not self._is_filling:
            self._state.edit(name, self.editors[name].read())

    def _show_preset(self) -> None:
        name = self._state.preset
        self._preset_row.show_note(fact=PRESETS[name].summary if name in PRESETS else "")

    def _choose_method(self) -> None:
        if self.method.currentText() in METHODS:
            self._commands.apply_method(self.method.currentText())
        self._show_method()

    def _show_method(self) -> None:
        method = method_of(self._state.values["alpha"], self._state.values["distill"])
        self.method.setCurrentText(method.name if method else OTHER_RECIPE)
        self._method_row.show_note(fact=f"{method.summary} ({method.source})" if method else "")
        self.method.setEnabled(bool(self._state.values["teacher"]))

    def _refresh(self) -> None:
        """Show the problems and what is known of the settings."""
        self._show_method()
        state, check, elsewhere = self._state, self._state.check, set()
        problems, unused = state.problems, options.unused(state.values)
        if check is not None:
            self.recipe.show_rows()  # The check has loaded torch.
            self._show_models()
            self.taps.show_choice(check.taps)
            if check.taps is not None and check.taps.problem:
                elsewhere.add("teacher")
        self.recipe.pair(self._pairing())
        if self.recipe.recipe() is not None and any(row.problem for row in self.recipe.rows):
            elsewhere.add("distill")
        for name, field in self.fields.items():
            field.widget.setEnabled(name not in unused)
            field.show_note(
                problems.get(name, ""),
                fact=check.facts.get(name, "") if check else "",
                is_shown_elsewhere=name in elsewhere,
            )
        self._summarise(problems)
        cursor = Qt.CursorShape.PointingHandCursor if problems else Qt.CursorShape.ArrowCursor
        for widget in self._leading:
            widget.setCursor(cursor)

    def _summarise(self, problems: Mapping[str, str]) -> None:
        """List the folded options that don't have their defaults, and unfold if one has a problem."""
        values, known = self._state.config_values(), training_options()
        changed = [name for name in self._rare if values[name] != known[name].default]
        self.more.summary.setText(", ".join(_format(known[name].title, values[name]) for name in changed))
        if any(name in problems for name in self._rare):
            self.more.unfold()

    def _show_models(self) -> None:
        """Show the networks; a field with a problem has none."""
        check, problems = self._state.check, self._state.problems
        if check is None:
            return
        teachers = [] if "teacher" in problems else check.teachers
        student = None if "student" in problems else check.student
        several = "At each step, one of them is sampled." if len(teachers) > 1 else ""
        action = USE_TEACHER if self._commands["use_teacher"].isEnabled() else ""
        self.teacher_card.show_networks(teachers, several, action)
        share = compare_costs(student, teachers[0]) if student and teachers else ""
        self.student_card.show_networks([student] if student else [], share)

    def _pairing(self) -> Pairing:
        """The other settings, which the recipe checks its terms against."""
        check = self._state.check
        values = options.with_valid_values(self._state.config_values())
        channels = []
        if check is not None and check.student is not None:
            ours = check.student.spec.tap_channels
            channels = [(ours, teacher.spec.tap_channels) for teacher in check.teachers]
        return Pairing(
            alpha=values["alpha"],
            layers=values["layers"],
            batch=values["batch"],
            has_teacher=bool(values["teacher"]),
            channels=channels,
        )

    # -- drawing -------------------------------------------------------------------------------------

    def _draw(self) -> None:
        body = QWidget()
        self.setWidget(body)
        column = QVBoxLayout(body, contentsMargins=QMargins(12, 10, 12, 10), spacing=14)
        top = Section()
        self._preset_row = top.add(
            "Pr&eset", self.presets, PRESET_TIP, marked=[self.presets.combo], below=self.presets.naming
        )
        column.addWidget(top)
        for title, names in options.sections():
            section = Section(title)
            if title == options.RARE:
                section = self.more = FoldedSection(title)
                self._rare = names
            for name in names:
                self._add(section, name)
            column.addWidget(section)
        column.addStretch()

    def _add(self, section: Section, name: str) -> None:
        if name == "distill":
            self._method_row = section.add("Met&hod", self.method, METHOD_TIP)
        option = training_options()[name]
        editor = self.editors[name] = make_editor(option)
        editor.changed.connect(lambda *_: self._edited(name))
        below = {"teacher": self.teacher_card, "student": self.student_card}.get(name)
        if isinstance(editor.widget, RecipeEditor):
            self.recipe, below = editor.widget, editor.widget.below
        self.fields[name] = section.add(
            options.label(option), editor.widget, options.tip(option), marked=editor.marked, below=below
        )
        if name == "teacher":
            section.add_wide(self.taps)


def _format(title: str, value: object) -> str:
    return title.lower() if value is True else f"{title.lower()} {options.format_value(value)}"
