"""The Benchmark workspace."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from fakd_core.evaluation.report_export import PROTOCOL
from fakd_gui.benchmark.chooser import Chooser
from fakd_gui.benchmark.commands import create_actions
from fakd_gui.benchmark.empty_table import EmptyTable, ProvenanceLabel
from fakd_gui.benchmark.image_list import ImageList
from fakd_gui.benchmark.runner import BenchmarkRunner
from fakd_gui.benchmark.state import BenchmarkMemory, BenchmarkState
from fakd_gui.benchmark.table import ResultTable
from fakd_gui.benchmark.tool_bar import OutputBar, ViewBar
from fakd_gui.session.opening import Action, each
from fakd_gui.session.session import Session
from fakd_gui.widgets.busy_bar import BusyBar
from fakd_gui.widgets.file_drops import FileDrops

REFRESH_MS = 50
PROTOCOL_TIP = (
    "Best in bold, second best underlined, the teacher apart; Δ is PSNR minus the teacher's; gap closed is "
    "(PSNR − baseline)/(teacher − baseline). Time is that of upscaling alone on this machine, per image. "
    "Scores on images seen in training are optimistic: the Quick preset trains on five of the seven samples."
)


class BenchmarkPanel(QWidget):
    """PSNR, SSIM and cost of models on sets of images, filled in as they are measured."""

    finished = Signal()
    """Everything was measured or has failed; not after a cancellation."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.state = BenchmarkState(session, self)
        self.runner = BenchmarkRunner(self.state)
        self.chooser = Chooser(self.state, self)
        self.table = ResultTable(self.state, self)
        self.images = ImageList(self.state, self)
        self.actions = create_actions(
            self, state=self.state, runner=self.runner, table=self.table, images=self.images
        )
        self.view_bar = ViewBar(self.state, self.actions, self)
        self.output = OutputBar(self.actions, self.runner, self)
        self.empty = EmptyTable(self)
        self.provenance = ProvenanceLabel()
        self.status = BusyBar(self)
        # Results that arrive together are drawn once.
        self._refresh_timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._refresh_timer.timeout.connect(self.table.refresh)
        self._lay_out()
        self._connect()
        self._show_report()

    def run(self) -> None:
        """Measure the checked models on the checked sets; `finished` follows."""
        self.runner.run()

    def memory(self) -> BenchmarkMemory:
        return self.state.memory()

    def restore(self, memory: BenchmarkMemory) -> None:
        """Restore the choices; the last table, or the bundled one, is read on a thread."""
        self.state.restore(memory)
        if not self.state.report.rows:
            self.runner.open_last()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.actions.handle(event):
            super().keyPressEvent(event)

    def _lay_out(self) -> None:
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.table)
        halves = QSplitter(Qt.Orientation.Vertical)
        halves.setChildrenCollapsible(False)
        halves.addWidget(self.pages)
        halves.addWidget(self.images)
        halves.setStretchFactor(0, 3)
        halves.setStretchFactor(1, 2)
        right = QWidget(self)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.provenance)
        column.addWidget(halves, 1)
        columns = QSplitter(Qt.Orientation.Horizontal)
        columns.setChildrenCollapsible(False)
        columns.addWidget(self.chooser)
        columns.addWidget(right)
        columns.setStretchFactor(1, 1)
        columns.setSizes([190, 900])
        protocol = QLabel(PROTOCOL)
        protocol.setWordWrap(True)
        protocol.setProperty("role", "muted")
        protocol.setToolTip(PROTOCOL_TIP)
        below = QHBoxLayout()
        below.addWidget(self.status, 1)
        below.addWidget(self.output)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 6)
        layout.setSpacing(6)
        layout.addWidget(self.view_bar)
        layout.addWidget(columns, 1)
        layout.addWidget(protocol)
        layout.addLayout(below)

    def _connect(self) -> None:
        state, runner = self.state, self.runner
        FileDrops(self, lambda paths: self.session.open_paths(paths, "Benchmark"))
        openers = self.session.openers
        openers[Action.ADD_SETS] = each(state.add_folder)
        openers[Action.ADD_MODELS] = each(lambda path: state.add_model(str(path)))
        openers[Action.SHOW_TABLE] = each(runner.open)
        state.chooser_toggled.connect(self.chooser.setVisible)
        state.report_changed.connect(self._show_report)
        state.results_changed.connect(self._refresh_timer.start)
        for changed in (state.models_changed, state.sets_changed):
            changed.connect(lambda: self.empty.show_next_step(state.is_ready))
        self.table.selectionModel().currentChanged.connect(self._follow_current)
        self.images.show_requested.connect(runner.show_in_compare)
        self.images.close_button.clicked.connect(self.actions["close_images"].trigger)
        self.empty.open_button.clicked.connect(self.actions["open"].trigger)
        self.status.cancelled.connect(runner.cancel)
        runner.cell_progressed.connect(self.table.table_model.refresh_cell)
        runner.progressed.connect(self._show_progress)
        runner.busy.connect(self._show_busy)
        runner.finished.connect(self.table.refresh)
        runner.finished.connect(self.finished)

    def _show_report(self) -> None:
        report = self.state.report
        self.table.refresh()
        self.pages.setCurrentWidget(self.table if report.rows else self.empty)
        self.provenance.show_source(report, self.state.source)
        self.empty.show_next_step(self.state.is_ready)

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
