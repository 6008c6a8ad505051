"""The table of results, on the screen and as text to paste."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from fakd_gui.benchmark.work import RowFailed, RowReady, Task
from fakd_gui.theme import current_theme, follow_theme

COLUMNS = ("Set", "Model", "PSNR (dB)", "SSIM", "Δ teacher (dB)", "Time (s)", "Parameters")
HEADINGS = ("Set", "Model", "PSNR dB", "SSIM", "Δ dB", "s / image", "Params")
TIPS = (
    "The set, its scale and its number of images",
    "",
    "On luma, mean over the images",
    "On luma, mean over the images",
    "PSNR minus the teacher's on the same set",
    "Seconds per image, upscaling alone, on this machine",
    "Millions of learned numbers",
)


class ResultTable(QTableWidget):
    """A row per task, filled as results come; the best PSNR of each set is bold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(COLUMNS), parent)
        self.setHorizontalHeaderLabels(HEADINGS)
        for column, tip in enumerate(TIPS):
            self.horizontalHeaderItem(column).setToolTip(tip)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 10)
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setHighlightSections(False)
        self.tasks: list[Task] = []
        self.labels: dict[str, str] = {}
        self.teacher = ""
        self.results: dict[Task, RowReady] = {}
        self.failed: set[Task] = set()
        follow_theme(self, lambda _: self.recolour())

    def begin(self, tasks: list[Task], labels: dict[str, str], teacher: str) -> None:
        """Empty rows for `tasks`."""
        self.tasks, self.labels, self.teacher = tasks, labels, teacher
        self.results, self.failed = {}, set()
        self.setRowCount(len(tasks))
        for row, task in enumerate(tasks):
            values = (task.folder.name, labels.get(task.ref, task.ref), "waiting", *[""] * (len(COLUMNS) - 3))
            for column, value in enumerate(values):
                item = QTableWidgetItem(value)
                right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                if column > 1:
                    item.setTextAlignment(right)
                self.setItem(row, column, item)
        self.recolour()

    def note(self, task: Task, text: str) -> None:
        """Say in the row of `task` how far it is."""
        self.item(self.tasks.index(task), 2).setText(text)
        self.recolour()

    def fail(self, failure: RowFailed) -> None:
        item = self.item(self.tasks.index(failure.task), 2)
        item.setText("failed")
        item.setToolTip(failure.message)
        self.failed.add(failure.task)
        self.recolour()

    def fill(self, result: RowReady) -> None:
        self.results[result.task] = result
        row = self.tasks.index(result.task)
        for column, value in enumerate(self.cells(result)):
            self.item(row, column).setText(value)
        for other in self.results.values():
            if other.task.folder == result.task.folder:
                self.item(self.tasks.index(other.task), 4).setText(self.cells(other)[4])
        self._embolden(result)
        self.recolour()

    def recolour(self) -> None:
        """Results in the text's colour, failures and what is still to come in theirs."""
        theme = current_theme()
        for row, task in enumerate(self.tasks):
            waits = theme.bad if task in self.failed else theme.muted
            self.item(row, 2).setForeground(QColor(theme.text if task in self.results else waits))

    def cells(self, result: RowReady) -> tuple[str, ...]:
        """The texts of a row."""
        teacher = self.results.get(Task(result.task.folder, self.teacher))
        delta = ""
        if teacher is not None and teacher.task != result.task and teacher.scale == result.scale:
            delta = f"{result.psnr - teacher.psnr:+.2f}".replace("-", "−")
        return (
            f"{result.dataset} ×{result.scale} ({result.images})",
            self.labels.get(result.task.ref, result.task.ref),
            f"{result.psnr:.2f}",
            f"{result.ssim:.4f}",
            delta,
            f"{result.seconds:.3f}",
            f"{result.parameters / 1e6:.2f} M" if result.parameters else "–",
        )

    def rows(self) -> list[tuple[str, ...]]:
        """The finished rows, in the table's order."""
        return [self.cells(self.results[task]) for task in self.tasks if task in self.results]

    def _embolden(self, result: RowReady) -> None:
        same = [
            other
            for other in self.results.values()
            if (other.task.folder, other.scale) == (result.task.folder, result.scale)
        ]
        best = max(other.psnr for other in same)
        for other in same:
            font = QFont(self.font())
            font.setBold(other.psnr == best)
            self.item(self.tasks.index(other.task), 2).setFont(font)


def to_markdown(rows: Sequence[Sequence[str]], protocol: str) -> str:
    """A Markdown table with the protocol below it."""
    lines = [_line(COLUMNS), _line(["---", "---", *["---:"] * (len(COLUMNS) - 2)])]
    return "\n".join([*lines, *[_line(row) for row in rows], "", protocol, ""])


def to_csv(rows: Sequence[Sequence[str]]) -> str:
    """Comma-separated values with a heading; numbers keep a plain minus."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([cell.replace("−", "-") for cell in row] for row in rows)
    return text.getvalue()


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
