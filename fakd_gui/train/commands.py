"""Commands of the Train workspace: the training, its settings and presets, and how curves are drawn."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from fakd_core.errors import ConfigError
from fakd_core.runs.config import continued_settings
from fakd_core.runs.methods import METHODS, method_of
from fakd_core.runs.presets import (
    PRESETS,
    SUFFIX,
    check_preset_name,
    preset_path,
    read_settings,
    save_settings,
    user_presets,
)
from fakd_core.system.platforms import quote
from fakd_gui.session.jobs import Job
from fakd_gui.session.session import Session
from fakd_gui.train.compare_methods import CompareMethods
from fakd_gui.train.state import CUSTOM, DisplayOptions, TrainState
from fakd_gui.widgets.actions import ActionTable, Command, Gesture
from fakd_gui.widgets.file_dialogs import ask_open_path, ask_save_path
from fakd_gui.widgets.theme import follow_theme, icon

COMMANDS = (
    Command("start", "&Start", "Start training", ("Ctrl+Return",), "play"),
    Command(
        "queue",
        "Add to the &queue",
        "Train with these settings once the running training has ended",
        ("Ctrl+Shift+Return",),
    ),
    Command("pause", "&Pause", "Pause training", ("Ctrl+P",)),
    Command("stop", "S&top", "Stop training and save everything", ("Ctrl+.",), "stop"),
    Command("compare_methods", "Compare &methods…", "Train several methods, each for the same time"),
    Command("use_teacher", "Use the &teacher in the other workspaces"),
    Command("save_preset", "&Save as preset…"),
    Command("rename_preset", "&Rename the preset…"),
    Command("delete_preset", "&Delete the preset"),
    Command("load_settings", "&Load settings…"),
    Command("save_settings", "Save settings as &TOML…"),
    Command("log_axis", "&Log axis", "Logarithmic loss axis", checkable=True),
    Command(
        "weighted",
        "&Weighted",
        "Show losses multiplied by their weights, as in the total, or without",
        checkable=True,
    ),
    Command("fit", "&Fit the curves", "Show all steps and values (double click)", icon="fit-to-page-outline"),
    Command("export_csv", "Data as CSV…"),
    Command("export_png", "Image as PNG…"),
    Command("export_svg", "Image as SVG…"),
    Command("follow", "&Follow", "Show each new validation", checkable=True),
)
DISPLAY_OPTIONS = [command.name for command in COMMANDS if command.name in DisplayOptions.model_fields]
"""Commands that switch the field of `DisplayOptions` with their name."""
GESTURES = (
    Gesture("wheel, Ctrl+wheel", "on the curves: zoom along the steps, or along both axes"),
    Gesture("drag, Shift+drag", "on the curves: pan, or select what to show"),
    Gesture("double click", "on the curves: show all steps and values again"),
    Gesture("click", "on a validation's curve: show its previews"),
    Gesture("Left, Right", "on the previews' slider: one validation back or forward"),
)


class TrainCommands(ActionTable):
    """The commands of the workspace; a widget connects those that only it can carry out."""

    refused = Signal()
    """Start was triggered, but the settings have a problem."""

    def __init__(self, session: Session, state: TrainState, widget: QWidget) -> None:
        super().__init__("Train", COMMANDS, widget, gestures=GESTURES)
        self._session = session
        self._state = state
        self._widget = widget
        for name in ("start", "queue", "pause", "stop"):
            # They work in every workspace: the window's menu has them.
            self[name].setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        self.on("start", self.start)
        self.on("queue", self.enqueue)
        self.on("compare_methods", self.compare_methods)
        self.on("pause", self.toggle_pause)
        self.on("stop", self.stop)
        self.on("use_teacher", lambda: session.set_teacher(state.first_teacher))
        self.on("delete_preset", self.delete_preset)
        self.on("load_settings", self._ask_for_settings)
        self.on("save_settings", self._save_settings)
        for name in DISPLAY_OPTIONS:
            self[name].toggled.connect(lambda on, name=name: state.change_curves(**{name: on}))
        for changed in (
            state.preset_changed,
            state.curves_changed,
            state.check_changed,
            state.values_changed,
            session.training_started,
            session.training_finished,
            session.teacher_changed,
        ):
            changed.connect(self._refresh)
        follow_theme(self, self._refresh)

    def _refresh(self, *_: object) -> None:
        state, job = self._state, self._session.training
        is_paused = job is not None and job.token.paused
        self["pause"].setText("&Resume" if is_paused else "&Pause")
        self["pause"].setIcon(icon("play" if is_paused else "pause"))
        self.set_tip("pause", "Resume training" if is_paused else "Pause training")
        self["start"].setEnabled(job is None)
        self["queue"].setEnabled(job is not None)
        self["compare_methods"].setEnabled(bool(state.first_teacher))
        for name in ("pause", "stop"):
            self[name].setEnabled(job is not None and not job.token.cancelled)
        is_sound = state.check is not None and bool(state.check.teachers) and "teacher" not in state.problems
        self["use_teacher"].setEnabled(is_sound and state.first_teacher != self._session.teacher)
        for name in ("rename_preset", "delete_preset"):
            self[name].setEnabled(state.preset in user_presets())
        for name in DISPLAY_OPTIONS:
            self[name].setChecked(getattr(state.curves, name))

    # -- training ------------------------------------------------------------------------------------

    def start(self) -> Job | None:
        """Start a training with the settings; None if one is running or the settings have a problem."""
        if self._session.training is not None:
            return None
        config = self._state.config()
        if config is None:
            self.refused.emit()
            return None
        return self._session.start_training(config)

    def enqueue(self) -> None:
        """Have the settings trained after the running training, or at once if none is running."""
        config = self._state.config()
        if config is None:
            self.refused.emit()
            return
        self._state.queue.add([config])
        self._session.announce(f"{self._state.queue.waiting[-1].run.name} waits in the queue")
        if self._session.training is None:
            self._state.queue.start_next()

    def compare_methods(self) -> None:
        """Open the dialog of methods for the settings, unless they have a problem."""
        config = self._state.config()
        if config is None or not config.teacher:
            self.refused.emit()
            return
        CompareMethods(self._session, self._state, config, self._widget.window()).show()

    def toggle_pause(self) -> None:
        token = self._session.training.token
        (token.resume if token.paused else token.pause)()
        self._refresh()

    def stop(self) -> None:
        self._session.training.cancel()
        self._refresh()

    def train_on(self, folder: Path) -> None:
        """Use `folder` as training images; undo returns to the previous choice."""
        before, after = self._state.values["train_data"], (str(folder),)
        self._state.edit("train_data", after)
        if any(before) and before != after:
            names = " and ".join(Path(one).name for one in before)
            self._offer_former(f"Train on {folder.name}, not on {names}", "train_data", before)

    def offer_term_back(self, term: str, before: str) -> None:
        """Offer to undo the removal of `term` from the recipe that was `before`."""
        self._offer_former(f"Removed {term} from the recipe", "distill", before)

    def _offer_former(self, text: str, option: str, before: object) -> None:
        """Offer to undo the change of an option that had the value `before`."""
        edit, after = self._state.edit, self._state.values[option]
        self._session.offer_undo(text, lambda: edit(option, before), lambda: edit(option, after))

    # -- presets and files ---------------------------------------------------------------------------

    def apply_preset(self, name: str) -> None:
        """Use the settings of a built-in preset or of the user's; undo returns to edited settings."""
        before = self._state.snapshot()
        if name in PRESETS:
            self._state.show_preset(name)
        elif self._read(preset_path(name)):
            self._state.set_preset(name)
        else:
            self._state.preset_changed.emit()  # The previous preset is shown again.
            return
        self._offer_back(before, name)

    def apply_method(self, name: str) -> None:
        """Use the options of a method; undo returns to a recipe of no method's."""
        state, after = self._state, METHODS[name].values
        before = {option: state.values[option] for option in after}
        for option, value in after.items():
            state.edit(option, value)
        if method_of(before["alpha"], before["distill"]) is None:
            self._session.offer_undo(
                f"{name} replaced the recipe {before['distill']}",
                lambda: [state.edit(option, value) for option, value in before.items()],
                lambda: [state.edit(option, value) for option, value in after.items()],
            )

    def load_settings(self, path: Path) -> None:
        """Use the settings of a TOML file, such as a run's, or report that it can't be read."""
        before = self._state.snapshot()
        if self._read(path):
            self._state.set_preset(CUSTOM)
            self._offer_back(before, path.name)
            self._session.announce(f"Loaded {path.name}")

    def train_longer(self, run: Path) -> None:
        """Use the settings of `run` for a training that starts from its best student."""
        before = self._state.snapshot()
        with self._session.reporting():
            self._state.take_settings(continued_settings(run))
            self._state.set_preset(CUSTOM)
            self._offer_back(before, run.name)
            self._session.announce(f"Starts from the student of {run.name}: choose the steps and press Start")

    def save_preset(self, name: str) -> None:
        """Save the settings as the user's preset `name`; undo returns to the one it replaces.

        Raises:
            ConfigError: the name or the settings are invalid, or the file can't be written.
        """
        _check_name(name)
        path = preset_path(name)
        before = path.read_bytes() if path.exists() else None
        save_settings(path, self._state.config_values())
        self._state.set_preset(name)
        if before is None:
            self._session.announce(f"Saved the preset {name}")
        else:
            after = path.read_bytes()
            self._session.offer_undo(
                f"Replaced the preset {name}",
                lambda: self._restore(name, before),
                lambda: self._restore(name, after),
            )

    def rename_preset(self, name: str) -> None:
        """Rename the user's preset that is shown.

        Raises:
            ConfigError: the name is invalid or exists, or the file can't be renamed.
        """
        _check_name(name)
        old, path = self._state.preset, preset_path(name)
        if path.exists() and name.lower() != old.lower():
            raise ConfigError(f"{name} already exists; choose another name.")
        try:
            preset_path(old).rename(path)
        except OSError as error:
            raise ConfigError(f"It can't be renamed: {error.strerror}.") from None
        self._state.set_preset(name)

    def delete_preset(self) -> None:
        """Delete the user's preset that is shown; its settings stay, and undo restores it."""
        name = self._state.preset
        path = preset_path(name)
        try:
            content = path.read_bytes()
            path.unlink()
        except OSError as error:
            self._session.report(f"{path}: can't be deleted ({error.strerror}).")
            return
        self._state.set_preset(CUSTOM)
        self._session.offer_undo(f"Deleted the preset {name}", lambda: self._restore(name, content))

    def _restore(self, name: str, content: bytes) -> None:
        path = preset_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self._state.set_preset(name if self._state.preset == CUSTOM else self._state.preset)

    def _read(self, path: Path) -> bool:
        try:
            values = read_settings(path)
        except ConfigError as error:
            self._session.report(f"Not loaded. {error}")
            return False
        self._state.take_settings(values)
        return True

    def _offer_back(self, before: tuple[str, dict[str, object]], name: str) -> None:
        if before[0] == CUSTOM:
            after = self._state.snapshot()
            self._session.offer_undo(
                f"{name} replaced the settings",
                lambda: self._state.restore(*before),
                lambda: self._state.restore(*after),
            )

    def _ask_for_settings(self) -> None:
        if path := ask_open_path(
            self._widget, "Load settings", "Settings", [SUFFIX], self._session.runs_root
        ):
            self.load_settings(path)

    def _save_settings(self) -> None:
        start = Path.home() / f"{self._state.last_user_preset or 'settings'}{SUFFIX}"
        chosen = ask_save_path(self._widget, "Save settings", start, {"Settings": SUFFIX})
        if chosen is None:
            return
        path, _ = chosen
        try:
            save_settings(path, self._state.config_values())
        except ConfigError as error:
            self._session.report(f"Not saved. {error}")
        else:
            command = f"fakd train --config {quote(path.name)}"
            self._session.announce(f"Wrote {path.name}; on the command line: {command}")


def _check_name(name: str) -> None:
    check_preset_name(name)
    if name.lower() == CUSTOM.lower():
        raise ConfigError(f"{CUSTOM} stands for settings of no preset; choose another name.")
