"""The trainings that wait, below the form."""

from __future__ import annotations

from PySide6.QtCore import QMargins, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from fakd_core.runs.config import TrainConfig
from fakd_gui.session.queue import TrainingQueue
from fakd_gui.session.session import Session

VISIBLE_ROWS = 4


class QueueList(QWidget):
    """Lists the runs of the queue in order; hidden while none waits."""

    def __init__(self, session: Session, queue: TrainingQueue) -> None:
        super().__init__()
        self._session = session
        self._queue = queue
        self.title = QLabel()
        self.start_button = QPushButton("Start the queue", clicked=queue.start_next)
        self.remove_button = QPushButton(
            "Remove", toolTip="Remove the selected training from the queue (Del)"
        )
        self.list = QListWidget(accessibleName="Trainings that wait")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setMaximumHeight(VISIBLE_ROWS * self.list.fontMetrics().height() * 3 // 2)
        self.remove_button.clicked.connect(self.remove_selected)
        for key in (QKeySequence.StandardKey.Delete, QKeySequence(Qt.Key.Key_Backspace)):
            context = Qt.ShortcutContext.WidgetShortcut
            QShortcut(QKeySequence(key), self.list, self.remove_selected, context=context)
        line = QHBoxLayout()
        line.addWidget(self.title, 1)
        line.addWidget(self.remove_button)
        line.addWidget(self.start_button)
        layout = QVBoxLayout(self, contentsMargins=QMargins(12, 4, 12, 0), spacing=4)
        layout.addLayout(line)
        layout.addWidget(self.list)
        for changed in (queue.changed, session.training_started, session.training_finished):
            changed.connect(self._refresh)
        self.list.currentRowChanged.connect(lambda row: self.remove_button.setEnabled(row >= 0))
        self._refresh()

    def remove_selected(self) -> None:
        if item := self.list.currentItem():
            self._queue.remove(item.data(Qt.ItemDataRole.UserRole))

    def _refresh(self, *_: object) -> None:
        waiting, row = self._queue.waiting, self.list.currentRow()
        self.list.clear()
        for config in waiting:
            item = QListWidgetItem(f"{config.run.name} · {config.steps:,} steps · {_taught_by(config)}")
            item.setData(Qt.ItemDataRole.UserRole, config.run)
            item.setToolTip(str(config.run))
            self.list.addItem(item)
        self.list.setCurrentRow(min(row, len(waiting) - 1))
        self.remove_button.setEnabled(self.list.currentRow() >= 0)
        self.title.setText("1 training waits" if len(waiting) == 1 else f"{len(waiting)} trainings wait")
        self.start_button.setVisible(self._session.training is None)
        self.setVisible(bool(waiting))


def _taught_by(config: TrainConfig) -> str:
    return config.distill if config.teacher else "no teacher"
