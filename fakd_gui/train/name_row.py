"""A line in a form that asks for a name."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QPushButton, QWidget

from fakd_gui.widgets.style import restyle


class NameRow(QWidget):
    """Enter takes the name, Esc closes the line; hidden until it is asked."""

    named = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.edit = QLineEdit()
        self.edit.setAcceptDrops(False)
        self.edit.setPlaceholderText("Name of the preset")
        self.edit.setAccessibleName("Name of the preset")
        self.edit.setToolTip("Enter saves, Esc leaves everything as it is")
        self.edit.setMinimumWidth(80)
        self.save = QPushButton("Save")
        self.reason = QLabel()
        self.reason.setProperty("role", "error")
        self.reason.setWordWrap(True)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.edit, 0, 0)
        layout.addWidget(self.save, 0, 1)
        layout.addWidget(self.reason, 1, 0, 1, 2)
        self.edit.returnPressed.connect(self._take)
        self.save.clicked.connect(self._take)
        self.edit.textEdited.connect(lambda _: self.refuse(""))
        self.edit.installEventFilter(self)
        self.hide()

    def ask(self, name: str) -> None:
        self.refuse("")
        self.edit.setText(name)
        self.edit.selectAll()
        self.show()
        self.edit.setFocus()

    def refuse(self, reason: str) -> None:
        """Say why the name can't be taken; nothing clears that."""
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason))
        restyle(self.edit, invalid=bool(reason))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            if event.type() is QEvent.Type.KeyPress:
                self.hide()
            return True
        return super().eventFilter(watched, event)

    def _take(self) -> None:
        self.named.emit(self.edit.text().strip())
