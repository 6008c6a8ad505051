"""A button that adds a distillation term to the recipe."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from fakd_gui.theme import follow_theme, icon


class TermsButton(QToolButton):
    """Lists every term with its meaning; `chosen` carries the name of one."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolTip("Add a term")
        self.setAccessibleName("Add a term to the recipe")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        menu = QMenu(self)
        menu.aboutToShow.connect(self._fill)
        self.setMenu(menu)
        follow_theme(self, lambda theme: self.setIcon(icon("plus")))

    def _fill(self) -> None:
        # The table of terms comes with torch, which the start of the app does not wait for.
        from fakd_core.distillation.terms import TERMS

        menu = self.menu()
        menu.clear()
        for kind in TERMS:
            equal = " (needs networks of equal width)" if kind.needs_equal_channels else ""
            action = menu.addAction(f"{kind.name}: {kind.title}{equal}")
            action.triggered.connect(lambda _=False, name=kind.name: self.chosen.emit(name))
