"""A button that adds a distillation term to the recipe."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QMenu, QToolButton, QWidget

from fakd_gui.theme import follow_theme, icon


class TermsButton(QToolButton):
    """Lists every term with its meaning; a chosen one is appended with weight 1."""

    def __init__(self, recipe: QLineEdit, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recipe = recipe
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
        from fakd_core.terms import TERMS

        menu = self.menu()
        menu.clear()
        for kind in TERMS:
            action = menu.addAction(f"{kind.name}: {kind.title}")
            action.triggered.connect(lambda _=False, name=kind.name: self.append(name))

    def append(self, name: str) -> None:
        written = self._recipe.text().strip()
        empty = written.lower() in ("", "none")
        self._recipe.setText(f"1*{name}" if empty else f"{written}+1*{name}")
