"""Input fields, and how they leave the mouse wheel to the form around them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QEvent, QMargins, QObject, QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QWidget

from fakd_gui.widgets.file_dialogs import ask_folder, ask_model
from fakd_gui.widgets.image_tools import icon_button

CHOICES = {
    "model": ("file-outline", "Choose a model file", ask_model),
    "folder": ("folder-outline", "Choose a folder", ask_folder),
}
"""Icon, title and dialog of what a reference may be."""


class _WheelGuard(QObject):
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Wheel:
            event.ignore()
            return True
        return False


def ignore_wheel(widget: QWidget) -> None:
    """Leave the mouse wheel to the scroll area around `widget`."""
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    widget.installEventFilter(_WheelGuard(widget))


class ReferenceField(QWidget):
    """A reference to a model or to data, as on the command line: chosen, typed, or picked in a dialog."""

    changed = Signal(str)

    def __init__(
        self, suggestions: Iterable[str], choose: Literal["model", "folder", "nothing"], placeholder: str = ""
    ) -> None:
        super().__init__()
        self.combo = QComboBox(editable=True, insertPolicy=QComboBox.InsertPolicy.NoInsert, minimumWidth=90)
        self.combo.addItems([*suggestions])
        self.combo.setCurrentText("")
        self.combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        ignore_wheel(self.combo)
        self.combo.lineEdit().setPlaceholderText(placeholder)
        for target in (self.combo, self.combo.lineEdit()):
            target.setAcceptDrops(False)  # Files that are dropped on the field are for the window.
        self.combo.currentTextChanged.connect(self._text_changed)
        layout = QHBoxLayout(self, contentsMargins=QMargins(), spacing=4)
        layout.addWidget(self.combo, 1)
        icon_name, self._title, self._ask = CHOICES["folder" if choose == "nothing" else choose]
        self.button = icon_button(icon_name, f"{self._title}…", iconSize=QSize(16, 16), clicked=self._choose)
        self.button.setHidden(choose == "nothing")
        layout.addWidget(self.button)
        self.setFocusProxy(self.combo)

    def text(self) -> str:
        return self.combo.currentText().strip()

    def set_text(self, text: str) -> None:
        self.combo.setCurrentText(text)
        self.combo.lineEdit().setCursorPosition(0)  # Show the beginning of a long name.

    def _text_changed(self, text: str) -> None:
        self.combo.setToolTip(text)
        self.changed.emit(text.strip())

    def _choose(self) -> None:
        start = self.text() if Path(self.text()).is_absolute() else Path.home()
        if chosen := self._ask(self, self._title, start):
            self.set_text(str(chosen))
