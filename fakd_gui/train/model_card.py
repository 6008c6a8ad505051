"""What a network is, below the field that names it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QVBoxLayout, QWidget

from fakd_gui.train.model_facts import ModelFacts
from fakd_gui.widgets.theme import Theme, current_theme, follow_theme

COSTS = "GMACs: 10⁹ multiply-accumulates for a low-resolution image of 64×36 px, as the papers count."


class ModelCard(QFrame):
    """Hidden while nothing is known."""

    def __init__(self, what: str, parent: QWidget | None = None) -> None:
        """`what` the network is in the run: 'Teacher' or 'Student'."""
        super().__init__(parent)
        self._what = what
        self._facts: Sequence[ModelFacts] = ()
        self._remark = ""
        self.setProperty("role", "card")
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.RichText)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setToolTip(COSTS)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(9, 6, 9, 7)
        layout.addWidget(self.text)
        self.hide()
        follow_theme(self, self._apply_theme)

    def show_facts(self, facts: Sequence[ModelFacts], remark: str = "") -> None:
        """One paragraph a network, and a last line about all of them."""
        self._facts, self._remark = facts, remark
        self.setVisible(bool(facts))
        self.setAccessibleName(f"{self._what}: {self.plain()}")
        self._apply_theme(current_theme())

    def plain(self) -> str:
        """Everything the card says, as plain text."""
        lines = [
            f"{one.name}: {one.architecture}, {one.sizes}, {one.cost}, {one.source}" for one in self._facts
        ]
        return "; ".join([*lines, self._remark] if self._remark else lines)

    def _apply_theme(self, theme: Theme) -> None:
        muted = f'<span style="color:{theme.muted}">'
        paragraphs = [
            f"<b>{escape(one.architecture)}</b> {escape(one.sizes)}<br>{escape(one.cost)}<br>"
            f"{muted}{escape(one.name)} · {escape(one.source)}</span>"
            for one in self._facts
        ]
        if self._remark:
            paragraphs.append(f"{muted}{escape(self._remark)}</span>")
        self.text.setText("<br>".join(paragraphs))
