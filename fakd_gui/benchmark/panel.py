"""The Benchmark workspace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from fakd_core.data.resize import BICUBIC
from fakd_core.evaluation.report import Kind, Report, Row
from fakd_core.evaluation.report_export import PROTOCOL
from fakd_core.evaluation.results import EvalSet
from fakd_gui.benchmark.chooser import Chooser
from fakd_gui.benchmark.image_list import ImageList
from fakd_gui.benchmark.open_in_compare import OpenInCompare
from fakd_gui.benchmark.output_bar import OutputBar
from fakd_gui.benchmark.report_model import Order
from fakd_gui.benchmark.runner import Runner
from fakd_gui.benchmark.saved_tables import SavedTables
from fakd_gui.benchmark.table import ResultTable
from fakd_gui.benchmark.table_page import EmptyTable, ProvenanceLabel
from fakd_gui.benchmark.view_bar import ViewBar
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.opening import Action
from fakd_gui.session.session import Session
from fakd_gui.session.user_files import part, text, texts
from fakd_gui.widgets.busy_bar import BusyBar
from fakd_gui.widgets.file_drops import FileDrops

REFRESH_MS = 50
MORE = (
    "Best in bold, second best underlined, the teacher apart; Δ is PSNR minus the teacher's; gap closed is "
    "(PSNR − baseline)/(teacher − baseline). Time is that of upscaling alone on this machine, per image. "
    "Scores on images seen in training are optimistic: the Quick preset trains on five of the seven samples."
)


class BenchmarkPanel(QWidget):
    """PSNR, SSIM and cost of models on sets of images, filled in as they are measured."""

    KEYS = (
        ("F5", "measure the ticked models on the ticked sets"),
        ("Return", "the images behind a cell, then in Compare"),
        ("Esc", "close the list of images"),
        ("S", "sort by the column of the cell; again to turn round, a third time to undo"),
        ("Ctrl+C, Ctrl+Shift+C", "copy the table as Markdown, as LaTeX"),
        ("Ctrl+S", "save the table"),
        ("Delete", "take an added model or set off its list"),
    )

    finished = Signal()
    """Everything is measured or has failed; not emitted after a cancellation."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.runner = Runner(session, self)
        self.behind = OpenInCompare(session, self)
        self.tables = SavedTables(session, self)
        # Many figures that come at once are drawn once.
        self._due = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._due.timeout.connect(self._refresh)
        self._build()
        self._connect()
        self._enable()

    def run(self) -> None:
        """Measure the ticked models on the ticked sets; `finished` follows."""
        folders, refs = (
            [Path(key) for key in self.chooser.sets.checked_keys()],
            self.chooser.models.checked_keys(),
        )
        if not folders or not refs or self.runner.running:
            return
        last = self.table.report
        teacher = self.session.teacher if self.session.teacher in refs else last.teacher
        baseline = last.baseline if last.baseline in refs and last.baseline != teacher else BICUBIC
        labels = self.chooser.labels()
        report = Report([Row(ref, labels.get(ref, ref)) for ref in refs], teacher, baseline)
        self._show(report)
        self.runner.start(report, folders, self.session.scale)

    def open_results(self, path: Path) -> None:
        """Show the results in `path`: a saved table, or what `fakd evaluate --json` printed."""
        self.tables.open(path)

    def remember(self) -> dict[str, object]:
        order = self.table.reported.order
        return {
            **self.chooser.remember(),
            "columns": [str(kind) for kind in self.bar.kinds()],
            "published": self.bar.published.isChecked(),
            "baseline": self.table.report.baseline,
            "choosing": self.bar.choose_button.isChecked(),
            "order": order.to_plain() if order else {},
        }

    def recall(self, remembered: Mapping[str, object]) -> None:
        """Choices and switches as they were, and the last table or the bundled one, read on a thread."""
        self.chooser.recall(remembered)
        if "columns" in remembered:
            self.bar.set_kinds(texts(remembered, "columns"))
        if isinstance(published := remembered.get("published"), bool):
            self.bar.published.setChecked(published)
        if isinstance(choosing := remembered.get("choosing"), bool):
            self.bar.choose_button.setChecked(choosing)
        if baseline := text(remembered, "baseline"):
            self.table.report.baseline = baseline
        self.table.set_order(Order.from_plain(part(remembered, "order")))
        if not self.table.report.rows:
            self.tables.open_last()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes the list of images; with none open it is the window's."""
        if event.key() == Qt.Key.Key_Escape and self.images.isVisible():
            self._close_images()
        else:
            super().keyPressEvent(event)

    def shut_down(self) -> None:
        """Stop and wait for the threads, before the panel goes."""
        stop_all(self)

    # -- building

    def _build(self) -> None:
        self.bar = ViewBar(self)
        self.chooser = Chooser(self.session, self)
        self.table = ResultTable(self)
        self.table.show_kinds(self.bar.kinds())
        self.empty = EmptyTable(self)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.table)
        self.images = ImageList(self)
        self.images.hide()
        self.age = ProvenanceLabel()
        self.output = OutputBar(self.session, self.table.reported.selection, self)
        self.status = BusyBar(self)
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
        column.addWidget(self.age)
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
        protocol.setToolTip(MORE)
        below = QHBoxLayout()
        below.addWidget(self.status, 1)
        below.addWidget(self.output)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 6)
        layout.setSpacing(6)
        layout.addWidget(self.bar)
        layout.addWidget(columns, 1)
        layout.addWidget(protocol)
        layout.addLayout(below)
        FileDrops(self, lambda paths: self.session.open_paths(paths, "Benchmark"))
        self.session.open_requested.connect(self._open)

    def _connect(self) -> None:
        self.chooser.changed.connect(self._enable)
        self.bar.run_button.clicked.connect(self.run)
        self.bar.choose_button.toggled.connect(self.chooser.setVisible)
        self.bar.teacher_chosen.connect(self._set_teacher)
        self.bar.baseline_chosen.connect(self._set_baseline)
        self.bar.kinds_chosen.connect(self.table.show_kinds)
        self.bar.published_switched.connect(self.table.show_published)
        self.table.opened.connect(self._list_images)
        self.table.selectionModel().currentChanged.connect(self._follow_current)
        self.images.chosen.connect(self._show_images)
        self.images.closed.connect(self._close_images)
        self.table.entered_images.connect(self._enter_images)
        self.tables.read.connect(self._show_read)
        self.empty.open_button.clicked.connect(self.output.open)
        self.output.opened.connect(self.open_results)
        self.output.reference_wanted.connect(self.tables.open_reference)
        self.status.cancelled.connect(self.cancel)
        self.runner.changed.connect(self._due.start)
        self.runner.cell_progressed.connect(self.table.reported.refresh_cell)
        self.runner.progressed.connect(self._say_progress)
        self.runner.busy.connect(self._busy_changed)
        self.runner.finished.connect(self._refresh)
        self.runner.finished.connect(self._keep)
        self.runner.finished.connect(self.finished)
        QShortcut(QKeySequence("F5"), self, self.run)

    # -- what the user does

    def cancel(self) -> None:
        """Stop; what is measured stays."""
        self.runner.cancel()
        self._refresh()
        self._keep()

    def _open(self, action: Action, paths: list[Path]) -> None:
        match action:
            case Action.ADD_SETS:
                for path in paths:
                    self.chooser.add_folder(path)
            case Action.ADD_MODELS:
                for path in paths:
                    self.chooser.add_model(str(path))
            case Action.SHOW_TABLE:
                self.open_results(paths[0])

    def _set_teacher(self, ref: str) -> None:
        report = self.table.report
        report.teacher = ref
        if report.baseline == ref:
            report.baseline = BICUBIC
        self._refresh()
        if self.images.eval_set is not None:
            self.images.show_cell(report, self.images.ref, self.images.eval_set, self.images.kind)

    def _set_baseline(self, ref: str) -> None:
        self.table.report.baseline = ref
        self._refresh()

    def _list_images(self, ref: str, eval_set: EvalSet, kind: Kind) -> None:
        self.images.show_cell(self.table.report, ref, eval_set, kind)
        self.images.show()

    def _enter_images(self) -> None:
        if self.images.isVisible():
            self.images.table.setFocus()

    def _close_images(self) -> None:
        self.images.hide()
        self.table.setFocus()

    def _show_images(self, first: int) -> None:
        eval_set = self.images.eval_set
        if eval_set is None or not self.images.scored:
            return
        if not Path(eval_set.data).is_dir():
            # Results from elsewhere name a set that may be here, too.
            name = self.table.report.sets[eval_set].name
            here = [folder for folder in self.chooser.folders if folder.name.lower() == name.lower()]
            eval_set = replace(eval_set, data=str(here[0])) if here else eval_set
        self.behind.show(self.images.ref, eval_set, self.images.scored, first)

    # -- following

    def _show(self, report: Report) -> None:
        self.images.hide()
        self.table.show_report(report)
        self.pages.setCurrentWidget(self.table if report.rows else self.empty)
        self.age.say(report, "")
        self.bar.offer(report)
        self._enable()

    def _show_read(self, report: Report, name: str) -> None:
        if not report.teacher and self.session.teacher in report.rows:
            report.teacher = self.session.teacher
        if not self.runner.running:
            self._show(report)
            self.age.say(report, name)

    def _refresh(self) -> None:
        self.table.refresh()
        self.bar.offer(self.table.report)
        self._enable()

    def _follow_current(self, current: QModelIndex) -> None:
        """The open list shows the cell that the arrow keys are on."""
        if self.images.isVisible():
            self.table.open_at(current)

    def _say_progress(self, what: str, left: str, done: float) -> None:
        self.status.left.setText(what)
        self.status.left.setToolTip(what)
        self.status.show_busy(left, done, 1)

    def _busy_changed(self, busy: bool) -> None:
        if not busy:
            self.status.left.clear()
            self.status.show_idle()
        self._enable()

    def _keep(self) -> None:
        """Leave the table for the next start."""
        if self.table.report.results:
            self.tables.keep(self.table.report)

    def _enable(self) -> None:
        ready = bool(self.chooser.sets.checked_keys() and self.chooser.models.checked_keys())
        self.bar.run_button.setEnabled(ready and not self.runner.running)
        tip = "What was measured before is not measured again (F5)"
        self.bar.run_button.setToolTip(tip if ready else "Tick at least one model and one set")
        self.empty.say(ready)
        self.output.enable(bool(self.table.report.results))
