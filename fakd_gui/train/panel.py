"""The Train workspace: settings on the left, the run that is shown on the right."""

from __future__ import annotations

from PySide6.QtCore import QMargins, Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSplitter, QVBoxLayout, QWidget

from fakd_core.runs.config import TrainConfig
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.references import bundled_models
from fakd_gui.session.opening import Action, each
from fakd_gui.session.session import Session
from fakd_gui.train.commands import TrainCommands
from fakd_gui.train.form import TrainForm
from fakd_gui.train.monitor import TrainMonitor
from fakd_gui.train.queue_list import QueueList
from fakd_gui.train.runner import TrainRunner
from fakd_gui.train.state import DisplayOptions, TrainMemory, TrainState
from fakd_gui.widgets.actions import follow_action
from fakd_gui.widgets.elided_label import wrapped_label
from fakd_gui.widgets.low_area import LowArea
from fakd_gui.widgets.theme import Theme, follow_theme, icon, restyle, with_role

ESTIMATE_TIP = (
    "Time: a small step was timed on this machine and scaled up; validation is not included.\n"
    "Memory: for the networks, the optimiser and the batch of one step, within about a quarter."
)


class TrainPanel(QWidget):
    """Lays out the workspace."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.state = TrainState(session, self)
        self.runner = TrainRunner(session, self.state)
        self.actions = TrainCommands(session, self.state, self)
        self.form = TrainForm(self.state, self.actions)
        self.monitor = TrainMonitor(session, self.state, self.actions)
        self.start_button = with_role(QPushButton("Start"), "primary")
        # Hidden from the start, so that the first window needs no room for them.
        texts = ("Pause", "Stop", "Queue")
        self.pause_button, self.stop_button, self.queue_button = (
            QPushButton(text, visible=False) for text in texts
        )
        self.queue = QueueList(session, self.state.queue)
        follow_action(self.queue_button, self.actions["queue"])
        self.start_button.clicked.connect(lambda: self.actions["start"].trigger())
        follow_action(self.pause_button, self.actions["pause"])
        follow_action(self.stop_button, self.actions["stop"])
        self.estimate = wrapped_label("muted", toolTip=ESTIMATE_TIP)
        self._lay_out()
        self.form.lead_from(self.estimate, self.start_button)
        for changed in (
            self.state.values_changed,
            self.state.check_changed,
            self.actions["pause"].changed,
            session.training_started,
            session.training_finished,
        ):
            changed.connect(self._refresh)
        session.teacher_changed.connect(self._use_teacher)
        session.run_selected.connect(self.runner.show_run)
        session.openers[Action.TRAIN_ON] = each(self.actions.train_on)
        session.openers[Action.LOAD_SETTINGS] = each(self.actions.load_settings)
        session.openers[Action.TRAIN_LONGER] = each(self.actions.train_longer)
        follow_theme(self, self._apply_theme)
        if not session.teacher and self.state.first_teacher in bundled_models():
            session.set_teacher(self.state.first_teacher)

    def memory(self) -> TrainMemory:
        """The state that the next start restores."""
        preset, values = self.state.snapshot()
        return TrainMemory(
            preset=preset,
            settings=values,
            **dict(self.state.curves),
            compared=self.session.compared,
            queue=[config.model_dump(mode="json", exclude_none=True) for config in self.state.queue.waiting],
            sizes={split.objectName(): split.sizes() for split in self.findChildren(QSplitter)},
        )

    def restore(self, memory: TrainMemory) -> None:
        """Restore the state of an earlier start."""
        self.state.restore(memory.preset, memory.settings)
        self.state.change_curves(**{name: getattr(memory, name) for name in DisplayOptions.model_fields})
        for split in self.findChildren(QSplitter):
            sizes = memory.sizes.get(split.objectName(), [])
            if sizes and min(sizes) > 0:
                split.setSizes(sizes)
        self.session.compare_runs([run for run in memory.compared if RunLayout(run).is_run()])
        with self.session.reporting():
            self.state.queue.add(TrainConfig.build(**settings) for settings in memory.queue)

    # -- reacting ------------------------------------------------------------------------------------

    def _use_teacher(self, ref: str) -> None:
        """Train with the teacher that was chosen for all workspaces."""
        if ref != self.state.first_teacher:
            self.state.edit("teacher", (ref,))

    def _refresh(self, *_: object) -> None:
        state = self.state
        is_running = self.session.training is not None
        problems = self.form.problems()
        self.start_button.setVisible(not is_running)
        self.queue_button.setVisible(is_running)
        for button, name in ((self.pause_button, "pause"), (self.stop_button, "stop")):
            button.setVisible(is_running)
            button.setIcon(self.actions[name].icon())
        self.pause_button.setText(self.actions["pause"].text().replace("&", ""))
        self.start_button.setEnabled(not problems)
        estimate = state.check.estimate if state.check else None
        warning = ""
        if problems:
            self.start_button.setToolTip("Fix these settings first:\n" + "\n".join(problems))
            count = "1 setting needs" if len(problems) == 1 else f"{len(problems)} settings need"
            text = f"{count} fixing (marked above)"
        else:
            self.start_button.setToolTip(self.actions["start"].toolTip())
            warning = estimate.warning if estimate else ""
            text = "checking…" if state.is_checking else warning or (estimate.summary() if estimate else "")
        self.estimate.setText("" if is_running else text)
        restyle(self.estimate, role="warning" if warning else "muted")

    def _apply_theme(self, theme: Theme) -> None:
        self.start_button.setIcon(icon("play", theme.on_accent))
        self._refresh()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout(spacing=10, contentsMargins=QMargins(12, 8, 12, 10))
        for button in (self.start_button, self.pause_button, self.stop_button, self.queue_button):
            buttons.addWidget(button)
        buttons.addWidget(self.estimate, 1)
        # From the outside in: with each new parent Qt styles a widget and all that is in it again.
        split = QSplitter(Qt.Orientation.Horizontal, objectName="form", childrenCollapsible=False)
        layout = QVBoxLayout(self, contentsMargins=QMargins())
        layout.addWidget(split)
        left = QWidget(split)
        column = QVBoxLayout(left, contentsMargins=QMargins(), spacing=0)
        column.addWidget(self.form, 1)
        column.addWidget(self.queue)
        column.addLayout(buttons)
        split.addWidget(LowArea(self.monitor))
        split.setStretchFactor(1, 1)
        split.setSizes([340, 700])
