"""The settings of a training run, drawn from the schema of `TrainConfig` and checked while they are typed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QLineEdit, QScrollArea, QSpinBox, QWidget

from fakd_core.data.folders import SAMPLES
from fakd_core.errors import ConfigError
from fakd_core.events import CancelToken
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.options import training_options
from fakd_core.runs.presets import PRESETS, QUICK, preset_path, read_settings, user_presets
from fakd_core.runs.references import model_label
from fakd_core.training.check import SettingsCheck, SettingsChecker
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.problem import Problem
from fakd_gui.session.run_folders import free_run_folder
from fakd_gui.session.session import Session
from fakd_gui.train import options
from fakd_gui.train.form_body import FormBody
from fakd_gui.train.preset_bar import CUSTOM, PresetBar
from fakd_gui.train.recipe_editor import RecipeEditor
from fakd_gui.widgets.reference_field import ReferenceField

CHECK_DELAY_MS = 250
MARGIN = 12
"""Pixels around a field that is brought into view."""
USUAL_POOL = 4096
"""Patches of a teacher cache, until a person says how many."""


class TrainForm(QScrollArea):
    """Every option of `TrainConfig`. `changed` follows every change, and every check of the values."""

    changed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.findings: SettingsCheck | None = None
        self._settings_checker = SettingsChecker(session.models.get)
        self._own_run_name = False
        self.body = FormBody()
        self.presets = PresetBar(session, self.body.values)
        self.body.draw(self.presets)
        self.editors, self.fields = self.body.editors, self.body.fields
        self.setWidget(self.body)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._checker = LatestWins("check the settings", self)
        self._checker.result.connect(self._found)
        self._checker.failed.connect(self._check_failed)
        self._timer = QTimer(self, singleShot=True, interval=CHECK_DELAY_MS)
        self._timer.timeout.connect(self._check)
        self._connect()
        self._show_preset(QUICK.name)

    # -- single fields that the rest of the app reaches for ------------------------------------------

    @property
    def teacher(self) -> ReferenceField:
        return cast(ReferenceField, self.editors["teacher"].widget)

    @property
    def student(self) -> ReferenceField:
        return cast(ReferenceField, self.editors["student"].widget)

    @property
    def train_data(self) -> ReferenceField:
        return cast(ReferenceField, self.editors["train_data"].widget)

    @property
    def run(self) -> ReferenceField:
        return cast(ReferenceField, self.editors["run"].widget)

    @property
    def recipe(self) -> RecipeEditor:
        return self.body.recipe

    @property
    def steps(self) -> QSpinBox:
        return cast(QSpinBox, self.editors["steps"].widget)

    @property
    def alpha(self) -> QLineEdit:
        return cast(QLineEdit, self.editors["alpha"].widget)

    # -- values --------------------------------------------------------------------------------------

    def values(self) -> dict[str, object]:
        """The values as `TrainConfig` takes them; what can't be read stays text."""
        return self.body.values()

    def config(self) -> TrainConfig | None:
        """The settings, or None while something is known to be wrong with them.

        What is still being checked counts as right: the trainer checks it all again before writing.
        """
        if self.problems():
            return None
        return TrainConfig.build(**self.values())

    @property
    def first_teacher(self) -> str:
        """The teacher that the other workspaces show; nothing without one."""
        names = self.editors["teacher"].read()
        return str(names[0]) if isinstance(names, tuple) and names else ""

    @property
    def checking(self) -> bool:
        return self._timer.isActive() or self._checker.running or self.findings is None

    def problems(self) -> list[str]:
        """One line a field that must be changed."""
        known = training_options()
        return [
            f"{known[name].title}: {field.problem}" for name, field in self.fields.items() if field.problem
        ]

    def show_problem(self) -> None:
        """Bring the first field that must be changed into view, with the reason, and set the focus in it."""
        name = next((name for name, field in self.fields.items() if field.problem), None)
        if name is None:
            return
        self.body.show_field(name)
        QCoreApplication.sendEvent(self, QEvent(QEvent.Type.LayoutRequest))  # It scrolls as far as it knows.
        field = self.fields[name]
        parts = [field.widget, *field.widget.findChildren(QWidget)]
        open_ = [part for part in parts if part.focusPolicy() & Qt.FocusPolicy.TabFocus and part.isEnabled()]
        marked = [part for part in open_ if part.property("invalid")]
        part = next(iter((*marked, *open_)), field.widget)
        # The reason may be longer than the room: the field itself comes last.
        for shown in (field.note, part):
            if shown.isVisible():
                self.ensureWidgetVisible(shown, 0, MARGIN)
        part.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def estimate(self) -> str:
        """What the run takes and needs, or nothing while that is unknown."""
        found = self.findings.estimate if self.findings else None
        return found.summary() if found else ""

    def warning(self) -> str:
        """What there is too little of for the run."""
        found = self.findings.estimate if self.findings else None
        return found.warning if found else ""

    def fill(self, values: Mapping[str, object]) -> None:
        """Show `values` (names of `TrainConfig`); fields that are not named stay as they are."""
        self.body.fill(values)
        self._changed()

    def new_run_name(self) -> None:
        """Propose a free run folder, unless the person named one that is free."""
        if not self._own_run_name or Path(self.run.text()).expanduser().exists():
            self._own_run_name = False
            self._propose_run()

    def check_now(self) -> None:
        """Check again though nothing was typed (files may have changed, a training may have ended)."""
        self._timer.start()
        self.changed.emit()

    # -- presets and files ---------------------------------------------------------------------------

    def apply_preset(self, name: str) -> None:
        """Show the preset `name`, one that comes along or an own one; edited settings can be had back."""
        before = self.remember()
        if name in PRESETS:
            self._show_preset(name)
        else:
            path = preset_path(name)
            if not self._read(path):
                self.presets.set_current(str(before["preset"]))
                return
            self._name_preset(name)
        self._offer_back(before, name)

    def load_settings(self, path: Path) -> bool:
        """Show what the TOML file `path` says, such as a run's; False, with an error told, if it can't be."""
        before = self.remember()
        if not self._read(path):
            return False
        self._name_preset(CUSTOM)
        self._offer_back(before, path.name)
        self.session.announce(f"Loaded {path.name}")
        return True

    def remember(self) -> dict[str, object]:
        """What stands in the form, right or wrong, as plain values."""
        values = {name: _plain(editor.read()) for name, editor in self.editors.items()}
        if not self._own_run_name:
            del values["run"]
        return {"preset": self.presets.current, "values": values}

    def recall(self, remembered: Mapping[str, object]) -> None:
        """Show what `remember` gave; what is missing or unknown stays as it is."""
        values, preset = remembered.get("values"), remembered.get("preset")
        if not isinstance(values, Mapping):
            return
        self.fill({str(name): value for name, value in values.items() if name in self.editors})
        self._own_run_name = bool(values.get("run"))
        self.new_run_name()
        known = {*PRESETS, *user_presets()}
        self._name_preset(preset if isinstance(preset, str) and preset in known else CUSTOM)

    def _read(self, path: Path) -> bool:
        try:
            values = read_settings(path)
        except ConfigError as error:
            self.session.report(f"Not loaded. {error}")
            return False
        run = values.pop("run", None)
        self.fill(values)
        if run is not None and not run.exists():
            self._own_run_name = True
            self.fill({"run": run})
        else:
            self.new_run_name()
        return True

    def _show_preset(self, name: str) -> None:
        values = options.rest_of(PRESETS[name].values)
        if not values["train_data"] and self.train_data.text() not in ("", SAMPLES):
            values = {**values, "train_data": self.train_data.text()}  # The folder a person chose is meant.
        self.fill(values)
        self._name_preset(name)

    def _name_preset(self, name: str) -> None:
        self.presets.set_current(name)
        self.body.preset_row.set_fact(PRESETS[name].summary if name in PRESETS else "")

    def _offer_back(self, before: Mapping[str, object], name: str) -> None:
        if before["preset"] == CUSTOM:
            after = self.remember()
            self.session.offer_undo(
                f"{name} replaced the settings", lambda: self.recall(before), lambda: self.recall(after)
            )

    # -- reacting ------------------------------------------------------------------------------------

    def _connect(self) -> None:
        self.presets.chosen.connect(self.apply_preset)
        self.presets.loaded.connect(self.load_settings)
        self.body.edited.connect(self._edited)
        typed = self.run.combo.lineEdit()
        assert typed is not None
        typed.textEdited.connect(self._run_named)
        self.student.changed.connect(lambda _: self._propose_run())
        self.recipe.removed.connect(self._offer_term_back)

    def _edited(self, name: str) -> None:
        if name == "teacher_cache" and self.editors["cache_patches"].read() is None:
            self.body.fill({"cache_patches": USUAL_POOL})
        if self.presets.current != CUSTOM:
            self._name_preset(CUSTOM)
        self._changed()

    def _run_named(self, typed: str) -> None:
        self._own_run_name = bool(typed.strip())

    def _propose_run(self) -> None:
        if self._own_run_name:
            return
        student = model_label(self.student.text().split(":")[0]) or "run"
        self.body.fill({"run": free_run_folder(self.session.runs_root, student)})

    def _offer_term_back(self, term: str, before: str) -> None:
        after = self.recipe.text()
        self.session.offer_undo(
            f"Removed {term} from the recipe",
            lambda: self.recipe.setText(before),
            lambda: self.recipe.setText(after),
        )

    def _changed(self) -> None:
        self.findings = None
        self.body.show_findings(None)
        self._timer.start()
        self.changed.emit()

    def _check(self) -> None:
        values = options.checkable(self.values())
        checker, measure = self._settings_checker, self.session.training is None

        def work(token: CancelToken) -> SettingsCheck:
            return checker.check(values, measure=measure, token=token)

        self._checker.submit(work)

    def _found(self, findings: SettingsCheck) -> None:
        self.findings = findings
        self.recipe.show_rows()  # The check has loaded what that needs.
        self.body.show_findings(findings)
        self.changed.emit()

    def _check_failed(self, problem: Problem) -> None:
        self.session.note(problem)
        self.findings = SettingsCheck(problems={"run": problem.text})
        self.body.show_findings(self.findings)
        self.changed.emit()


def _plain(value: object) -> object:
    """`value` as JSON keeps it."""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


class FormGuide(QObject):
    """While the form has problems, a click on one of `signs` leads to the first of them.

    A sign may be disabled, as the button is that waits for the problems to be solved.
    """

    def __init__(self, form: TrainForm, *signs: QWidget) -> None:
        super().__init__(form)
        self._form = form
        self._signs = signs
        for sign in signs:
            sign.installEventFilter(self)
        form.changed.connect(self._show)
        self._show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.MouseButtonPress and self._form.problems():
            self._form.show_problem()
            return True
        return super().eventFilter(watched, event)

    def _show(self) -> None:
        leads = bool(self._form.problems())
        for sign in self._signs:
            sign.setCursor(Qt.CursorShape.PointingHandCursor if leads else Qt.CursorShape.ArrowCursor)
