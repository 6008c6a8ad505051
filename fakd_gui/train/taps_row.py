"""The feature taps of an external teacher: four module paths, below the teacher's card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCompleter,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from fakd_core.models.spec import TAP_COUNT
from fakd_core.runs.references import split_taps, with_taps
from fakd_gui.widgets.theme import Theme, follow_theme, icon, restyle

if TYPE_CHECKING:
    from fakd_core.training.check import TapChoice

TIP = (
    "The teacher's module whose output is the feature map of layer {layer}. Type a part of its path to see "
    "the possible ones."
)


class TapsRow(QWidget):
    """Hidden for networks that declare their taps; `chosen` has the teacher's reference with other taps."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ref = ""
        self.edits = [self._make_edit(layer) for layer in range(TAP_COUNT)]
        self.reset = QToolButton()
        self.reset.setAutoRaise(True)
        self.reset.setToolTip("Use the automatically detected taps")
        self.reset.setAccessibleName("Reset the taps")
        self.reset.clicked.connect(lambda: self.chosen.emit(split_taps(self._ref)[0]))
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setProperty("role", "error")
        self.note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        heading = QLabel("Feature maps after these modules")
        heading.setProperty("role", "muted")
        top = QHBoxLayout()
        top.addWidget(heading, 1)
        top.addWidget(self.reset)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        grid.addLayout(top, 0, 0, 1, 4)
        for layer, edit in enumerate(self.edits):
            label = QLabel(str(layer))
            label.setProperty("role", "muted")
            grid.addWidget(label, 1 + layer // 2, 2 * (layer % 2))
            grid.addWidget(edit, 1 + layer // 2, 2 * (layer % 2) + 1)
        grid.addWidget(self.note, 3, 0, 1, 4)
        self.hide()
        follow_theme(self, self._apply_theme)

    def show_choice(self, choice: TapChoice | None) -> None:
        """Show the taps of a teacher and what is wrong with them; None hides the row."""
        self.setVisible(choice is not None)
        if choice is None:
            return
        self._ref = choice.ref
        self.reset.setEnabled(bool(split_taps(choice.ref)[1]))
        self.note.setText(choice.problem)
        self.note.setVisible(bool(choice.problem))
        taps = [*choice.taps, *[""] * TAP_COUNT][:TAP_COUNT]
        for edit, tap in zip(self.edits, taps, strict=True):
            if edit.text() != tap:
                with QSignalBlocker(edit):
                    edit.setText(tap)
                    edit.setCursorPosition(0)
            edit.setModified(False)
            restyle(edit, invalid=bool(choice.problem) and tap not in choice.possible)
            completer = edit.completer()
            if completer.property("names") != list(choice.possible):
                edit.setCompleter(self._make_completer(choice.possible))

    def _make_edit(self, layer: int) -> QLineEdit:
        edit = QLineEdit()
        edit.setAcceptDrops(False)
        edit.setMinimumWidth(60)
        edit.setToolTip(TIP.format(layer=layer))
        edit.setAccessibleName(f"Module of layer {layer}")
        edit.setCompleter(self._make_completer(()))
        edit.editingFinished.connect(lambda: self._take(edit))
        return edit

    def _make_completer(self, names: tuple[str, ...]) -> QCompleter:
        completer = QCompleter(list(names), self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setProperty("names", list(names))
        return completer

    def _take(self, edit: QLineEdit) -> None:
        if not edit.isModified():
            return
        edit.setModified(False)
        taps = [edit.text().strip() for edit in self.edits]
        self.chosen.emit(with_taps(split_taps(self._ref)[0], ",".join(taps) if any(taps) else ""))

    def _apply_theme(self, theme: Theme) -> None:
        self.reset.setIcon(icon("restore"))
