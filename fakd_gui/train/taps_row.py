"""The feature taps of an external teacher: four module paths, below the teacher's card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QMargins, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QCompleter, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QWidget

from fakd_core.models.spec import TAP_COUNT
from fakd_core.runs.references import split_taps, with_taps
from fakd_gui.widgets.elided_label import wrapped_label
from fakd_gui.widgets.image_tools import icon_button
from fakd_gui.widgets.theme import restyle, with_role

if TYPE_CHECKING:
    from fakd_core.training.check import TapChoice

TIP = (
    "The teacher's module whose output is the feature map of layer {layer}. Type a part of its path to see "
    "the possible ones."
)


class TapsRow(QWidget):
    """Hidden for networks that declare their taps; `chosen` has the teacher's reference with other taps."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._ref = ""
        self._possible: tuple[str, ...] = ()
        self.reset = icon_button("restore", "Use the automatically detected taps", autoRaise=True)
        self.reset.clicked.connect(lambda: self.chosen.emit(split_taps(self._ref)[0]))
        self.note = wrapped_label("error", textInteractionFlags=Qt.TextInteractionFlag.TextSelectableByMouse)
        top = QHBoxLayout()
        top.addWidget(with_role(QLabel("Feature maps after these modules"), "muted"), 1)
        top.addWidget(self.reset)
        grid = QGridLayout(self, contentsMargins=QMargins(), spacing=4)
        grid.addLayout(top, 0, 0, 1, 4)
        self.edits = [self._make_edit(layer) for layer in range(TAP_COUNT)]
        for layer, edit in enumerate(self.edits):
            row, column = divmod(layer, 2)
            grid.addWidget(with_role(QLabel(str(layer)), "muted"), 1 + row, 2 * column)
            grid.addWidget(edit, 1 + row, 2 * column + 1)
        grid.addWidget(self.note, 3, 0, 1, 4)
        self.hide()

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
        if choice.possible != self._possible:
            self._possible = choice.possible
            for edit in self.edits:
                edit.setCompleter(QCompleter(choice.possible, edit, filterMode=Qt.MatchFlag.MatchContains))

    def _make_edit(self, layer: int) -> QLineEdit:
        edit = QLineEdit(
            acceptDrops=False,
            minimumWidth=60,
            toolTip=TIP.format(layer=layer),
            accessibleName=f"Module of layer {layer}",
        )
        edit.editingFinished.connect(lambda: self._take(edit))
        return edit

    def _take(self, edit: QLineEdit) -> None:
        if not edit.isModified():
            return
        edit.setModified(False)
        taps = [edit.text().strip() for edit in self.edits]
        self.chosen.emit(with_taps(split_taps(self._ref)[0], ",".join(taps) if any(taps) else ""))
