"""All fields of the training form, drawn from the schema: values, marks, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from fakd_core.runs.options import training_options
from fakd_core.training.check import SettingsCheck
from fakd_gui.train import options
from fakd_gui.train.editors import Editor, make_editor
from fakd_gui.train.fields import Field, FoldedSection, Section
from fakd_gui.train.model_card import ModelCard, compare_costs
from fakd_gui.train.preset_bar import PresetBar
from fakd_gui.train.recipe_editor import Pairing, RecipeEditor
from fakd_gui.train.taps_row import TapsRow

ABOUT_PRESETS = "Settings under a name. Quick runs anywhere; the papers' follow, then your own."


class FormBody(QWidget):
    """`edited` carries the name of the option that a person changed."""

    edited = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.editors: dict[str, Editor] = {}
        self.fields: dict[str, Field] = {}
        self.teacher_card, self.student_card = ModelCard("Teacher"), ModelCard("Student")
        self.taps = TapsRow()
        self.taps.chosen.connect(lambda ref: self.editors["teacher"].show([ref]))
        self._filling = False

    def draw(self, presets: PresetBar) -> None:
        """Make every field, below the presets."""
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(14)
        top = Section("")
        self.preset_row = top.add("Pr&eset", presets, ABOUT_PRESETS, [presets.combo], presets.naming)
        column.addWidget(top)
        for title, names in options.sections():
            section = FoldedSection(title) if title == options.RARE else Section(title)
            for name in names:
                self._add(section, name)
            if isinstance(section, FoldedSection):
                self.more, self._rare = section, names
            column.addWidget(section)
        column.addStretch()

    @property
    def recipe(self) -> RecipeEditor:
        return cast(RecipeEditor, self.editors["distill"].widget)

    def values(self) -> dict[str, object]:
        """The values as `TrainConfig` takes them; what can't be read stays text."""
        read = {name: editor.read() for name, editor in self.editors.items()}
        known = training_options()
        return {**read, **{name: known[name].default for name in options.unused(read)}}

    def fill(self, values: Mapping[str, object]) -> None:
        """Show `values` (names of `TrainConfig`), without `edited`."""
        filling, self._filling = self._filling, True
        for name, value in values.items():
            self.editors[name].show(value)
        self._filling = filling

    def show_findings(self, findings: SettingsCheck | None) -> None:
        """Mark what has to be changed and tell what was found; None while nothing is known yet."""
        unused = options.unused({name: editor.read() for name, editor in self.editors.items()})
        for name, editor in self.editors.items():
            editor.widget.setEnabled(name not in unused)
        values = self.values()
        problems = {**(findings.problems if findings else {}), **options.problems_of(values)}
        for name, field in self.fields.items():
            field.set_fact(findings.facts.get(name, "") if findings else "")
            field.set_problem(problems.get(name, ""))
        self._summarise(values, problems)
        if findings is not None:
            self._show_models(findings)
            self.taps.show_choice(findings.taps)
            if findings.taps is not None and findings.taps.problem:
                self.fields["teacher"].set_problem(problems.get("teacher", ""), told_elsewhere=True)
        self._pair(findings)

    def show_field(self, name: str) -> None:
        """Unfold the section of the option `name`."""
        if name in self._rare:
            self.more.unfold()
            # Hidden until now, it has no place yet; by itself Qt finds one later, level by level.
            for part in (self.more, self):
                part.layout().activate()

    def _add(self, section: Section, name: str) -> None:
        option = training_options()[name]
        editor = self.editors[name] = make_editor(option)
        below: dict[str, QWidget] = {"teacher": self.teacher_card, "student": self.student_card}
        if isinstance(editor.widget, RecipeEditor):
            below[name] = editor.widget.below
        self.fields[name] = section.add(
            options.label(option), editor.widget, options.tip(option), editor.marked, below.get(name)
        )
        if name == "teacher":
            section.add_wide(self.taps)
        editor.changed.connect(lambda *_: self._edited(name))

    def _edited(self, name: str) -> None:
        if not self._filling:
            self.edited.emit(name)

    def _summarise(self, values: Mapping[str, object], problems: Mapping[str, str]) -> None:
        """What is unusual among the options that are folded away."""
        known = training_options()
        unusual = [
            _in_short(known[name].title, values[name])
            for name in self._rare
            if values[name] != known[name].default
        ]
        self.more.summarise(unusual, sum(name in problems for name in self._rare))

    def _show_models(self, findings: SettingsCheck) -> None:
        """What the networks are; a field with a problem names none."""
        teachers = [] if self.fields["teacher"].problem else findings.teachers
        student = None if self.fields["student"].problem else findings.student
        several = "One of them, drawn at random, teaches at each step." if len(teachers) > 1 else ""
        self.teacher_card.show_networks(teachers, several)
        smaller = compare_costs(student, teachers[0]) if student and teachers else ""
        self.student_card.show_networks([student] if student else [], smaller)

    def _pair(self, findings: SettingsCheck | None) -> None:
        """Tell the recipe what its terms will compare; what is wrong with one of them is told at its row."""
        values = options.checkable(self.values())
        layers = cast("tuple[int, ...]", values["layers"])
        widths = []
        if findings is not None and findings.student is not None:
            student = findings.student.spec
            widths = [
                pair
                for one in findings.teachers
                for tap, pair in enumerate(zip(student.tap_channels, one.spec.tap_channels, strict=False))
                if tap in layers
            ]
        self.recipe.pair(
            Pairing(
                alpha=cast(float, values["alpha"]),
                layers=layers,
                batch=cast(int, values["batch"]),
                has_teacher=bool(values["teacher"]),
                widths=widths,
            )
        )
        at_rows = self.recipe.recipe() is not None and any(row.problem for row in self.recipe.rows)
        self.fields["distill"].set_problem(self.fields["distill"].problem, told_elsewhere=at_rows)


def _in_short(title: str, value: object) -> str:
    return title.lower() if value is True else f"{title.lower()} {options.written(value)}"
