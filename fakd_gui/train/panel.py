"""The Train workspace: settings on the left, what they lead to on the right."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSplitter, QVBoxLayout, QWidget

from fakd_core.runs.references import bundled_models
from fakd_gui.session.jobs import Job, LatestWins
from fakd_gui.session.opening import Action
from fakd_gui.session.session import Session
from fakd_gui.train.form import FormGuide, TrainForm
from fakd_gui.train.monitor import TrainMonitor
from fakd_gui.train.run_view import RunView
from fakd_gui.widgets.theme import Theme, follow_theme, icon
from fakd_gui.widgets.tweaks import restyle

MARGIN = 12
ESTIMATE = (
    "Time: one small step was measured on this machine and scaled up; validation comes on top.\n"
    "Memory: what the networks, the optimiser and one step's batch take, to about a quarter."
)


class TrainPanel(QWidget):
    """Starts, pauses and stops the session's training."""

    KEYS = (
        ("wheel, Ctrl+wheel", "on the curves: zoom over the steps, or in both directions"),
        ("drag, Shift+drag", "on the curves: move, or enclose what to show"),
        ("double click", "show all steps and values again"),
        ("click", "on a validation's curve: show its pictures"),
        ("Left, Right", "on the slider of the pictures: one validation back or on"),
        ("F2, Del, Return", "in the list of runs: rename, delete to the trash, show"),
    )

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.form = TrainForm(session)
        self.monitor = TrainMonitor(session)
        self.start_button = QPushButton("Start")
        self.start_button.setProperty("role", "primary")
        self.pause_button = QPushButton("Pause")
        self.stop_button = QPushButton("Stop")
        self.stop_button.setToolTip("Stop and save everything (Ctrl+.)")
        self.estimate = QLabel()
        self.estimate.setProperty("role", "muted")
        self.estimate.setWordWrap(True)
        self._reader = LatestWins("read the run", self)
        self._reader.result.connect(self._show_past)
        self._reader.failed.connect(session.error)
        self._lay_out()
        FormGuide(self.form, self.estimate, self.start_button)
        self.start_button.clicked.connect(self.start)
        self.pause_button.clicked.connect(self.toggle_pause)
        self.stop_button.clicked.connect(self.stop)
        self.form.changed.connect(self._form_changed)
        session.teacher_changed.connect(self._show_teacher)
        session.training_started.connect(self._show_state)
        session.training_finished.connect(self._training_finished)
        session.run_selected.connect(self.show_run)
        session.open_requested.connect(self._open)
        follow_theme(self, self._apply_theme)
        if self.form.first_teacher in bundled_models():
            session.set_teacher(self.form.first_teacher)
        self._show_state()

    # -- actions -------------------------------------------------------------------------------------

    def start(self) -> Job | None:
        """Start training with the form's settings; None, and the focus where one is wrong."""
        if self.session.training is not None:
            return None
        config = self.form.config()
        if config is None:
            self.form.show_problem()
            return None
        return self.session.start_training(config)

    def toggle_pause(self) -> None:
        job = self.session.training
        if job is not None:
            job.resume() if job.token.paused else job.pause()
            self._show_state()

    def stop(self) -> None:
        if self.session.training is not None:
            self.session.training.cancel()
            self.stop_button.setEnabled(False)
            self.pause_button.setEnabled(False)

    def train_on(self, folder: Path) -> None:
        """Take `folder` as the training images; what was chosen before comes back by undo."""
        before = self.form.train_data.text()
        self.form.train_data.set_text(str(folder))
        if before and before != str(folder):
            self.session.offer_undo(
                f"Train on {folder.name}, not on {Path(before).name}",
                lambda: self.form.train_data.set_text(before),
                lambda: self.form.train_data.set_text(str(folder)),
            )

    def _open(self, action: Action, paths: list[Path]) -> None:
        match action:
            case Action.TRAIN_ON:
                self.train_on(paths[0])
            case Action.LOAD_SETTINGS:
                self.load_settings(paths[0])

    def load_settings(self, path: Path) -> None:
        """Show the settings in the TOML file `path` in the form: an own preset, or a run's config.toml."""
        self.form.load_settings(path)

    def show_run(self, run: Path) -> None:
        """Show what is known of `run`, read on a thread; of the running one everything is here already."""
        config = self.session.training_config
        if self.session.training is not None and config is not None and config.run == run:
            self._reader.cancel()
            self.monitor.show_live()
            return
        self._reader.submit(lambda token: RunView.load(run, token))

    def remember(self) -> dict[str, object]:
        return {
            "form": self.form.remember(),
            "monitor": self.monitor.remember(),
            "split": self.split.sizes(),
        }

    def recall(self, remembered: Mapping[str, object]) -> None:
        form, monitor, split = (remembered.get(name) for name in ("form", "monitor", "split"))
        if isinstance(form, Mapping):
            self.form.recall(form)
        if isinstance(monitor, Mapping):
            self.monitor.recall(monitor)
        if isinstance(split, list) and all(isinstance(size, int) and size > 0 for size in split):
            self.split.setSizes(split)

    # -- reacting ------------------------------------------------------------------------------------

    def _show_past(self, story: object) -> None:
        assert isinstance(story, RunView)
        self.monitor.show_past(story)

    def _form_changed(self) -> None:
        """A teacher that was found to be usable is the teacher of every workspace."""
        findings = self.form.findings
        if findings is not None and findings.teachers and not self.form.fields["teacher"].problem:
            self.session.set_teacher(self.form.first_teacher)
        self._show_state()

    def _show_teacher(self, ref: str) -> None:
        if ref != self.form.first_teacher:
            self.form.teacher.set_text(ref)

    def _training_finished(self, end: object) -> None:
        self.form.new_run_name()
        self.form.check_now()
        self._show_state()

    def _show_state(self, *_: object) -> None:
        job = self.session.training
        running = job is not None
        problems = self.form.problems()
        self.start_button.setVisible(not running)
        self.pause_button.setVisible(running)
        self.stop_button.setVisible(running)
        self.pause_button.setEnabled(running)
        self.stop_button.setEnabled(running and not job.token.cancelled if job else False)
        paused = job is not None and job.token.paused
        self.pause_button.setText("Resume" if paused else "Pause")
        self.pause_button.setToolTip("Go on" if paused else "Hold it where it is (Ctrl+P)")
        self.pause_button.setIcon(icon("play" if paused else "pause"))
        self.start_button.setEnabled(not problems)
        warning = ""
        if problems:
            self.start_button.setToolTip("To start, change:\n" + "\n".join(problems))
            settings = "setting" if len(problems) == 1 else "settings"
            estimate = f"{len(problems)} {settings} to change, marked above"
        else:
            self.start_button.setToolTip("Start training (Ctrl+Return)")
            warning = self.form.warning()
            estimate = "checking…" if self.form.checking else warning or self.form.estimate()
        self.estimate.setText("" if running else estimate)
        self.estimate.setToolTip(ESTIMATE)
        restyle(self.estimate, role="warning" if warning else "muted")

    def _apply_theme(self, theme: Theme) -> None:
        on_accent = "#10151b" if theme.dark else "#ffffff"
        self.start_button.setIcon(icon("play", on_accent))
        self.stop_button.setIcon(icon("stop"))
        self._show_state()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._fit_form()

    def _fit_form(self) -> None:
        """All of the form, and the bar that scrolls it: what is cut off could not be reached."""
        bar = self.form.verticalScrollBar().sizeHint().width()
        self._left.setMinimumWidth(self.form.widget().minimumSizeHint().width() + bar)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        for button in (self.start_button, self.pause_button, self.stop_button):
            buttons.addWidget(button)
        buttons.addWidget(self.estimate, 1)
        buttons.setSpacing(10)
        buttons.setContentsMargins(MARGIN, 8, MARGIN, 10)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.form, 1)
        column.addLayout(buttons)
        self._left = left
        self._fit_form()
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(left)
        self.split.addWidget(self.monitor)
        self.split.setStretchFactor(0, 0)
        self.split.setStretchFactor(1, 1)
        self.split.setSizes([340, 700])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.split)
