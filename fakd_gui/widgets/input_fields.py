"""Input fields, and how they leave the mouse wheel to the form around them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from fakd_gui.widgets.file_dialogs import ask_folder, ask_model
from fakd_gui.widgets.theme import Theme, follow_theme, icon


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
        self,
        suggestions: Iterable[str],
        choose: Literal["model", "folder", "new folder", "nothing"],
        placeholder: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._choose_what = choose
        self.combo = QComboBox()
        self.combo.setEditable(True)
        self.combo.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.combo.addItems(list(suggestions))
        self.combo.setCurrentText("")
        self.combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.combo.setMinimumWidth(90)
        ignore_wheel(self.combo)
        edit = self.combo.lineEdit()
        assert edit is not None
        edit.setPlaceholderText(placeholder)
        # Files that are dropped on the field are for the window.
        self.combo.setAcceptDrops(False)
        edit.setAcceptDrops(False)
        self.combo.currentTextChanged.connect(self._text_changed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.combo, 1)
        self.button = QToolButton()
        self.button.setIconSize(QSize(16, 16))
        self.button.setToolTip({"model": "Choose a model file…"}.get(choose, "Choose a folder…"))
        self.button.setAccessibleName("Choose a file" if choose == "model" else "Choose a folder")
        self.button.clicked.connect(self._choose)
        self.button.setVisible(choose != "nothing")
        layout.addWidget(self.button)
        self.setFocusProxy(self.combo)
        follow_theme(self, self._apply_theme)

    def text(self) -> str:
        return self.combo.currentText().strip()

    def set_text(self, text: str) -> None:
        self.combo.setCurrentText(text)
        edit = self.combo.lineEdit()
        assert edit is not None
        edit.setCursorPosition(0)  # Show the beginning of a long name.

    def _text_changed(self, text: str) -> None:
        self.combo.setToolTip(text)
        self.changed.emit(text.strip())

    def _choose(self) -> None:
        start = self.text() if Path(self.text()).is_absolute() else str(Path.home())
        if self._choose_what == "model":
            chosen = ask_model(self, "Choose a model", start)
        else:
            chosen = ask_folder(self, "Choose a folder", start)
        if chosen:
            self.set_text(str(chosen))

    def _apply_theme(self, theme: Theme) -> None:
        model = self._choose_what == "model"
        self.button.setIcon(icon("file-outline" if model else "folder-outline"))
