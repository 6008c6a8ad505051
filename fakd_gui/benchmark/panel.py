"""The Benchmark workspace."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from fakd_core.events import CancelToken
from fakd_gui.benchmark.choices import TickList
from fakd_gui.benchmark.table import ResultTable, to_csv, to_markdown
from fakd_gui.benchmark.work import (
    BICUBIC,
    RowEvent,
    RowFailed,
    RowProgress,
    RowReady,
    RowStarted,
    benchmark,
    tasks_of,
)
from fakd_gui.jobs import LatestWins, stop_all
from fakd_gui.session import Session
from fakd_gui.widgets.busy_bar import BusyBar
from fakd_gui.widgets.file_drops import FileDrops
from fakd_gui.widgets.image_opener import opener_of
from fakd_gui.widgets.names import model_labels

PROTOCOL = (
    "PSNR and SSIM on luma (BT.601, as MATLAB's rgb2ycbcr), outputs rounded to 8 bits, as many pixels cut "
    "per side as the scale, means over the images. LR images are the set's own; where missing, MATLAB's "
    "bicubic reduction of HR. A set that a student was trained on flatters it: the Quick preset trains on "
    "five of the seven samples."
)


class BenchmarkPanel(QWidget):
    """PSNR, SSIM and cost of the session's models on sets of images, rows filled as they are measured."""

    finished = Signal()
    """Every row is measured or has failed; not emitted after a cancellation."""
    _reported = Signal(int, object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.opener = opener_of(session)
        self.folders: list[Path] = []
        self._generation = 0
        self._done = 0
        self._work = LatestWins("benchmark", self)
        self._work.result.connect(self._all_done)
        self._work.failed.connect(session.error)
        self._work.busy.connect(self._busy_changed)
        self._reported.connect(self._receive)
        self._build()
        session.teacher_changed.connect(lambda _: self._offer_models())
        session.students_changed.connect(lambda _: self._offer_models())
        self._offer_models()
        self._offer_samples()

    def add_folder(self, folder: Path) -> None:
        """Offer `folder` (HR images, or a DIV2K or benchmark layout) as a set."""
        if folder not in self.folders:
            self.folders.append(folder)
        self._offer_sets()

    def run(self) -> None:
        """Measure the ticked models on the ticked sets; `finished` follows."""
        tasks = tasks_of([Path(key) for key in self.sets.ticked()], self.models.ticked())
        if not tasks:
            return
        self._generation += 1
        generation, models, scale = self._generation, self.session.models, self.opener.scale
        self._done = 0
        self.table.begin(tasks, self._labels(), self.session.teacher)

        def work(token: CancelToken) -> int:
            benchmark(tasks, models, scale, token, lambda event: self._reported.emit(generation, event))
            return generation

        self._work.submit(work)

    def cancel(self) -> None:
        """Stop; rows that are measured stay."""
        self._generation += 1
        self._work.cancel()
        for task in self.table.tasks:
            if task not in self.table.results:
                self.table.note(task, "cancelled")

    def markdown(self) -> str:
        return to_markdown(self.table.rows(), PROTOCOL)

    def csv(self) -> str:
        return to_csv(self.table.rows())

    def shut_down(self) -> None:
        """Stop and wait for the threads, before the panel goes."""
        stop_all(self, self.opener)

    # -- building

    def _build(self) -> None:
        self.models = TickList("Models", self)
        self.sets = TickList("Sets of images", self)
        add_folder = QPushButton("Add a folder…")
        add_folder.setToolTip("A folder of HR images, a DIV2K layout or a benchmark layout (HR, LR_bicubic)")
        add_folder.clicked.connect(self._choose_folder)
        self.run_button = QPushButton("Run")
        self.run_button.setProperty("role", "primary")
        self.run_button.clicked.connect(self.run)
        self.models.changed.connect(self._enable)
        self.sets.changed.connect(self._enable)
        chooser = QWidget(self)
        chooser.setFixedWidth(190)
        left = QVBoxLayout(chooser)
        left.setContentsMargins(0, 0, 0, 0)
        for title, widget in (("Models", self.models), ("Sets", self.sets)):
            heading = QLabel(title)
            heading.setProperty("role", "heading")
            left.addWidget(heading)
            left.addWidget(widget, 1)
        left.addWidget(add_folder)
        left.addWidget(self.run_button)
        self.table = ResultTable(self)
        protocol = QLabel(PROTOCOL)
        protocol.setWordWrap(True)
        protocol.setProperty("role", "muted")
        self.copy_markdown = QPushButton("Copy as Markdown")
        self.copy_markdown.clicked.connect(lambda: self._copy(self.markdown()))
        self.copy_csv = QPushButton("Copy as CSV")
        self.copy_csv.clicked.connect(lambda: self._copy(self.csv()))
        copies = QHBoxLayout()
        copies.addWidget(self.copy_markdown)
        copies.addWidget(self.copy_csv)
        copies.addStretch()
        right = QVBoxLayout()
        right.addWidget(self.table, 1)
        right.addWidget(protocol)
        right.addLayout(copies)
        self.status = BusyBar(self)
        self.status.cancelled.connect(self.cancel)
        columns = QHBoxLayout()
        columns.setSpacing(10)
        columns.addWidget(chooser)
        columns.addLayout(right, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 6)
        layout.setSpacing(4)
        layout.addLayout(columns, 1)
        layout.addWidget(self.status)
        FileDrops(self, self._take)
        self._enable()

    def _labels(self) -> dict[str, str]:
        refs = list(dict.fromkeys(ref for ref in (*self.session.students, self.session.teacher) if ref))
        return {BICUBIC: "Bicubic", **model_labels(refs)}

    def _offer_models(self) -> None:
        labels = self._labels()
        teacher = self.session.teacher
        self.models.offer(
            {ref: f"{label} (teacher)" if ref == teacher else label for ref, label in labels.items()}
        )

    def _offer_samples(self) -> None:
        from fakd_core.samples import SAMPLES, resolve_data

        samples = resolve_data(SAMPLES)
        if samples.is_dir():
            self.add_folder(samples)

    def _offer_sets(self) -> None:
        self.sets.offer({str(folder): folder.name for folder in self.folders})

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Add a folder of images")
        if name:
            self.add_folder(Path(name))

    def _take(self, paths: list[Path]) -> None:
        """Dropped folders are sets here; files go where they go everywhere."""
        for path in paths:
            if path.is_dir() and not (path / "config.toml").exists():
                self.add_folder(path)
            else:
                self.opener.take([path])

    def _copy(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.status.left.setText("Copied")

    # -- following the work

    def _receive(self, generation: int, event: RowEvent) -> None:
        if generation != self._generation:
            return
        match event:
            case RowStarted(task):
                self.table.note(task, "measuring")
                self.table.scrollToItem(self.table.item(self.table.tasks.index(task), 0))
            case RowProgress(task, progress):
                self.table.note(task, f"{progress.done} of {progress.total}")
            case RowReady():
                self._done += 1
                self.table.fill(event)
            case RowFailed(_, message):
                self._done += 1
                self.table.fail(event)
                self.session.error.emit(message)
        self._enable()
        if self._work.running:
            total = len(self.table.tasks)
            within = event.progress.done / event.progress.total if isinstance(event, RowProgress) else 0
            self.status.show_busy(f"{self._done} of {total} rows", self._done + within, total)

    def _all_done(self, generation: object) -> None:
        if generation == self._generation:
            self.finished.emit()

    def _busy_changed(self, busy: bool) -> None:
        if not busy:
            self.status.show_idle()
        self._enable()

    def _enable(self) -> None:
        ready = bool(self.sets.ticked() and self.models.ticked())
        self.run_button.setEnabled(ready and not self._work.running)
        self.run_button.setToolTip("" if ready else "Tick at least one model and one set")
        for button in (self.copy_markdown, self.copy_csv):
            button.setEnabled(bool(self.table.results))
