"""The Benchmark workspace: PSNR, SSIM and cost of models on sets of images."""

from __future__ import annotations

from PySide6.QtCore import QMargins, QModelIndex, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from fakd_core.evaluation.report import SEEN, Report
from fakd_core.evaluation.report_export import PROTOCOL
from fakd_gui.benchmark.chooser import Chooser
from fakd_gui.benchmark.commands import create_actions
from fakd_gui.benchmark.image_list import ImageList
from fakd_gui.benchmark.runner import BenchmarkRunner
from fakd_gui.benchmark.state import BenchmarkMemory, BenchmarkState
from fakd_gui.benchmark.table import ResultTable
from fakd_gui.benchmark.tool_bar import OutputBar, ViewBar
from fakd_gui.session.opening import Action, each
from fakd_gui.session.session import Session
from fakd_gui.widgets.busy_bar import BusyBar
from fakd_gui.widgets.elided_label import ElidedLabel
from fakd_gui.widgets.empty_state import Invitation
from fakd_gui.widgets.file_drops import FileDrops
from fakd_gui.widgets.keyboards import SingleKeys
from fakd_gui.widgets.low_area import LowArea
from fakd_gui.widgets.theme import with_role

REFRESH_MS = 50
HINT = (
    "Drop folders of HR images or of benchmark sets (Set5, Set14, B100, Urban100) here,\n"
    "or models, run folders and saved results."
)
PROTOCOL_TIP = (
    "Best in bold, second best underlined, the teacher apart; Δ is PSNR minus the teacher's; gap closed is "
    "(PSNR − baseline)/(teacher − baseline). Time is that of upscaling alone on this machine, per image. "
    "Scores on images seen in training are optimistic: the Quick preset trains on five of the seven samples."
)


class BenchmarkPanel(QWidget):
    """The table, filled in as models are measured, and what it is made of."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.state = BenchmarkState(session, self)
        self.runner = BenchmarkRunner(self.state)
        self.chooser = Chooser(self.state, self)
        self.table = ResultTable(self.state, self)
        self.images = ImageList(self.state, self.runner, self)
        self.actions = create_actions(
            self, state=self.state, runner=self.runner, table=self.table, images=self.images
        )
        self.actions["choose"].setChecked(True)
        self.images.close_button.setDefaultAction(self.actions["close_images"])
        self.view_bar = ViewBar(self.state, self.actions, self)
        self.output = OutputBar(self.actions, self.runner, self)
        open_button = QPushButton("Open results…", toolTip=self.actions["open"].toolTip())
        open_button.clicked.connect(lambda: self.actions["open"].trigger())
        self.empty = Invitation("table", "", HINT, open_button)
        self.provenance = with_role(ElidedLabel(), "muted")
        self.status = BusyBar(self)
        # Results that arrive together are drawn once.
        self._refresh_timer = QTimer(self, singleShot=True, interval=REFRESH_MS, timeout=self.table.refresh)
        self._lay_out()
        self._connect()
        SingleKeys(self, self.actions.handle)
        self._show_report()

    def memory(self) -> BenchmarkMemory:
        return self.state.memory(chooser=self.actions["choose"].isChecked())

    def restore(self, memory: BenchmarkMemory) -> None:
        """Restore the choices; the last table, or the bundled one, is read on a thread."""
        self.state.restore(memory)
        self.actions["choose"].setChecked(memory.chooser)
        if not self.state.report.rows:
            self.runner.open_last()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.actions.handle(event):
            super().keyPressEvent(event)

    def _lay_out(self) -> None:
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.table)
        halves = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        for half, stretch in ((self.pages, 3), (self.images, 2)):
            halves.addWidget(half)
            halves.setStretchFactor(halves.indexOf(half), stretch)
        right = QWidget(self)
        column = QVBoxLayout(right, contentsMargins=QMargins(), spacing=4)
        column.addWidget(self.provenance)
        column.addWidget(halves, 1)
        columns = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False)
        columns.addWidget(self.chooser)
        columns.addWidget(right)
        columns.setStretchFactor(1, 1)
        columns.setSizes([190, 900])
        below = QHBoxLayout()
        below.addWidget(self.status, 1)
        below.addWidget(self.output)
        layout = QVBoxLayout(self, contentsMargins=QMargins(8, 8, 8, 6), spacing=6)
        layout.addWidget(self.view_bar)
        layout.addWidget(LowArea(columns), 1)
        self.protocol = with_role(QLabel(PROTOCOL, wordWrap=True, toolTip=PROTOCOL_TIP), "muted")
        layout.addWidget(self.protocol)
        layout.addLayout(below)

    def _connect(self) -> None:
        state, runner = self.state, self.runner
        FileDrops(self, lambda paths: self.session.open_paths(paths, "Benchmark"), self.session.report)
        openers = self.session.openers
        openers[Action.ADD_SETS] = each(state.add_folder)
        openers[Action.ADD_MODELS] = each(lambda path: state.add_model(str(path)))
        openers[Action.SHOW_TABLE] = each(runner.open)
        self.actions["choose"].toggled.connect(self.chooser.setVisible)
        state.report_changed.connect(self._show_report)
        state.results_changed.connect(self._refresh_timer.start)
        for changed in (state.report_changed, state.results_changed):
            changed.connect(self._explain_marks)
        state.choices_changed.connect(self._show_next_step)
        self.table.selectionModel().currentChanged.connect(self._follow_current)
        self.status.cancelled.connect(runner.cancel)
        runner.cell_progressed.connect(self.table.table_model.refresh_cell)
        runner.progressed.connect(self._show_progress)
        runner.evaluation.busy.connect(self._show_busy)
        runner.finished.connect(self.table.refresh)

    def _show_report(self) -> None:
        self.table.refresh()
        self.pages.setCurrentWidget(self.table if self.state.report.rows else self.empty)
        text = _provenance(self.state.report, self.state.source)
        self.provenance.setText(text)
        self.provenance.setToolTip(text)
        self.provenance.setVisible(bool(text))
        self._show_next_step()

    def _explain_marks(self) -> None:
        seen = any(result.seen for result in self.state.report.results.values())
        mark = f"; {SEEN}: the model learned from some of the images, the mean over the others follows"
        self.protocol.setText(f"{PROTOCOL}{mark if seen else ''}")

    def _show_next_step(self) -> None:
        ready, not_ready = "Click Run to measure the shown models", "Show models, check sets, then click Run"
        self.empty.title.setText(ready if self.state.is_ready else not_ready)

    def _follow_current(self, current: QModelIndex) -> None:
        """An open list shows the images of the current cell."""
        if self.state.image_cell is not None:
            self.table.list_images(current)

    def _show_progress(self, task: str, time_left: str, share: float) -> None:
        self.status.left.setText(task)
        self.status.left.setToolTip(task)
        self.status.show_busy(time_left, share, 1)

    def _show_busy(self, busy: bool) -> None:
        if not busy:
            self.status.left.clear()
            self.status.show_idle()


def _provenance(report: Report, source: str) -> str:
    """The table's source and the time of its measurement; empty for one measured just now."""
    parts = [source] if source else []
    if report.measured:
        day = f"{report.measured.day} {report.measured:%B %Y, %H:%M}"
        parts.append(f"{'measured' if source else 'Measured'} on {day}")
    return f"{', '.join(parts)}. Click Run to measure again." if parts else ""
