"""State of the Train workspace: the settings of the next training, the run that is shown, and how."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator
from PySide6.QtCore import QObject, Signal

from fakd_core.data.folders import SAMPLES
from fakd_core.events import TrainEvent
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.option_help import training_options
from fakd_core.runs.presets import PRESETS, QUICK, user_presets
from fakd_core.runs.references import model_label
from fakd_core.runs.series import RunSeries
from fakd_gui.session.queue import TrainingQueue
from fakd_gui.session.run_folders import follow_run, free_run_folder
from fakd_gui.session.session import Session
from fakd_gui.session.user_files import Memory
from fakd_gui.train import options
from fakd_gui.train.run_view import RunView

LOSS, PSNR, SSIM, LEARNING_RATE = "Loss", "Validation PSNR (dB)", "Validation SSIM", "Learning rate"
GAIN = "What FAKD adds (dB)"
"""PSNR over the baseline's; shown for runs with a baseline."""
PLOTS = (LOSS, PSNR, GAIN, SSIM, LEARNING_RATE)
CUSTOM = "Custom"
"""Shown instead of a preset's name if the settings are no preset's."""
DEFAULT_CACHE_PATCHES = 4096

WELCOME = (
    "Press Start (Ctrl+Return): a small student learns from the teacher, and its curves appear here. "
    "Drop a folder of images to train on it, or a run folder to see its curves."
)

if TYPE_CHECKING:
    from fakd_core.training.check import SettingsCheck


class DisplayOptions(Memory, frozen=True):
    """Options for the curves and previews: `smoothing` is the weight of the past in percent."""

    smoothing: int = 60
    log_axis: bool = False
    weighted: bool = True
    plots: tuple[str, ...] = PLOTS
    follow: bool = True
    """Show each new preview."""

    @field_validator("plots")
    @classmethod
    def _show_at_least_one(cls, plots: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in PLOTS if name in plots) or PLOTS


class TrainMemory(DisplayOptions):
    """The part of the state that is kept between starts."""

    preset: str = CUSTOM
    settings: dict[str, Any] = Field(default_factory=dict)
    compared: list[Path] = Field(default_factory=list)
    queue: list[dict[str, Any]] = Field(default_factory=list)
    """The settings of the trainings that wait."""
    sizes: dict[str, list[int]] = Field(default_factory=dict)
    """Sizes of splitters by object name."""


class TrainState(QObject):
    """Everything chosen in this workspace; what the workspaces share is in the session."""

    values_changed = Signal()
    """Settings changed."""
    filled = Signal(dict)
    """Options and their new values, which the form shows."""
    check_changed = Signal()
    preset_changed = Signal()
    shown_changed = Signal()
    """Another run is shown, or the shown one has another beginning."""
    text_changed = Signal()
    """The shown run has another name or line of text."""
    event_taken = Signal(object)
    """The training reported an event, which the live run has taken."""
    overlays_changed = Signal()
    curves_changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.values: dict[str, object] = {}
        """Every option of `TrainConfig` as entered; what can't be read stays text."""
        self.preset = CUSTOM
        self.last_user_preset = ""
        """The user's preset that was shown last: edited settings are saved under its name again."""
        self.run_is_named = False
        """The user named the run folder, so that none is proposed."""
        self.check: SettingsCheck | None = None
        self.is_checking = True
        self.shown = RunView(name="No training yet", text=WELCOME)
        self.live: RunView | None = None
        """The running training, or the one that ran last."""
        self.overlays: list[tuple[Path, RunSeries]] = []
        """The runs that are compared with the shown one, in the order in which they were chosen."""
        self.curves = DisplayOptions()
        self.queue = TrainingQueue(session, self)
        self.queue.changed.connect(self.propose_new_run)
        session.run_moved.connect(self._move_run)
        self.show_preset(QUICK.name)

    # -- settings ------------------------------------------------------------------------------------

    def config_values(self) -> dict[str, object]:
        """The settings as `TrainConfig` takes them, with the default of each option that has no effect."""
        unused = {name: training_options()[name].default for name in options.unused(self.values)}
        return {**self.values, **unused}

    @property
    def problems(self) -> dict[str, str]:
        """Problems that prevent the training from starting, by option."""
        found = self.check.problems if self.check else {}
        return {**found, **options.problems_of(self.config_values())}

    def config(self) -> TrainConfig | None:
        """The settings; None while there is a known problem.

        A check that is not finished counts as passed: the trainer checks everything before it writes.
        """
        return None if self.problems else TrainConfig.build(**self.config_values())

    @property
    def first_teacher(self) -> str:
        names = self.values["teacher"]
        return str(names[0]) if isinstance(names, tuple) and names else ""

    def edit(self, name: str, value: object) -> None:
        """Set an option that the user chose; the settings are no preset's then."""
        if name == "run":
            self.run_is_named = value is not None
        values = {name: value}
        if name == "teacher_cache" and self.values["cache_patches"] is None:
            values["cache_patches"] = DEFAULT_CACHE_PATCHES
        self.fill(values)
        if self.preset != CUSTOM:
            self.set_preset(CUSTOM)

    def fill(self, values: Mapping[str, object]) -> None:
        """Set some options; the others stay as they are."""
        self._fill(values)
        if "student" in values:
            self._propose_run()
        self._change()

    def show_preset(self, name: str) -> None:
        """Set the options of a built-in preset; training images that the user chose stay."""
        defaults = {key: option.default for key, option in training_options().items() if not option.required}
        values = {**defaults, **PRESETS[name].values}
        if values["train_data"] == ("",) and self.values.get("train_data") not in (None, ("",), (SAMPLES,)):
            del values["train_data"]
        self.fill(values)
        self.set_preset(name)

    def set_preset(self, name: str) -> None:
        """Name the preset that the settings are of, also if it is the same and its file changed."""
        if name != CUSTOM:
            self.last_user_preset = name if name in user_presets() else ""
        self.preset = name
        self.preset_changed.emit()

    def take_settings(self, values: dict[str, Any]) -> None:
        """Set the options of a file; its run folder is kept only if it is new."""
        run = values.get("run")
        if run is not None and run.exists():
            del values["run"]
        elif run is not None:
            self.run_is_named = True
        self.fill(values)
        self.propose_new_run()

    def propose_new_run(self) -> None:
        """Propose a free run folder, unless the user named one that is free."""
        run = self.values["run"]
        if not self.run_is_named or (isinstance(run, Path) and run.exists()):
            self.run_is_named = False
            self._propose_run()
            self._change()

    def snapshot(self) -> tuple[str, dict[str, object]]:
        """The preset and the settings, valid or not, without a proposed run folder."""
        values = {name: value for name, value in self.values.items() if name != "run" or self.run_is_named}
        return self.preset, values

    def restore(self, preset: str, values: Mapping[str, object]) -> None:
        """Set what `snapshot` returned; options that are missing stay as they are."""
        self.fill({name: value for name, value in values.items() if name in self.values})
        self.run_is_named = bool(values.get("run"))
        self.propose_new_run()
        self.set_preset(preset if preset in {*PRESETS, *user_presets()} else CUSTOM)

    def set_check(self, check: SettingsCheck) -> None:
        self.check, self.is_checking = check, False
        self.check_changed.emit()

    def _fill(self, values: Mapping[str, object]) -> None:
        self.values |= values
        self.filled.emit(dict(values))

    def _propose_run(self) -> None:
        if not self.run_is_named:
            student = model_label(str(self.values["student"])) or "run"
            self._fill({"run": free_run_folder(self._session.runs_root, student, self.queue.taken)})

    def _change(self) -> None:
        self.check, self.is_checking = None, True
        self.values_changed.emit()

    # -- runs ----------------------------------------------------------------------------------------

    def show_run(self, view: RunView) -> None:
        self.shown = view
        self.shown_changed.emit()

    def take(self, event: TrainEvent) -> None:
        """Add an event to the live run."""
        text = self.live.text
        self.live.take(event)
        if self.live.text != text:
            self.text_changed.emit()
        self.event_taken.emit(event)

    def prepend_past(self, past: RunView) -> None:
        """Insert the beginning of the live run, which was resumed."""
        self.live.series.prepend(past.series)
        self.live.previews.prepend(past.previews)
        if self.shown is self.live:
            self.shown_changed.emit()

    def set_overlays(self, runs: list[tuple[Path, RunSeries]]) -> None:
        self.overlays = runs
        self.overlays_changed.emit()

    def _move_run(self, run: Path, to: Path | None) -> None:
        """Follow a run that was renamed; the settings keep one that is gone, which the check reports."""
        before = [*self.values["teacher"], self.values["student"]]
        after = [follow_run(str(ref or ""), run, to) for ref in before]
        if None in after:
            self._change()
        elif after != before:
            *teachers, student = after
            self.fill({"teacher": tuple(teachers), "student": student})
        for view in (self.shown, self.live):
            if view is not None and view.run == run and to is not None:
                view.run, view.name = to, to.name
        self.text_changed.emit()

    # -- display -------------------------------------------------------------------------------------

    def change_curves(self, **changes: Any) -> None:
        """Change fields of `curves`."""
        changed = self.curves.model_copy(update=changes)
        if changed != self.curves:
            self.curves = changed
            self.curves_changed.emit()
