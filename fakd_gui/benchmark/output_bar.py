"""How the table gets out, as text or as a file, and in again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QPushButton, QToolButton, QWidget

from fakd_core.assets import reference_results
from fakd_core.evaluation import report_export as exports
from fakd_core.evaluation.report_export import Selection
from fakd_core.evaluation.report_file import to_document
from fakd_core.files import write_text
from fakd_gui.benchmark.saved_tables import family_title
from fakd_gui.session.session import Session
from fakd_gui.widgets.file_dialogs import ask_save_path

FORMATS: dict[str, tuple[str, Callable[[Selection], str]]] = {
    "Markdown": (".md", exports.to_markdown),
    "LaTeX": (".tex", exports.to_latex),
    "CSV": (".csv", exports.to_csv),
    "CSV by image": (".csv", exports.to_csv_per_image),
}
RESULTS = "Results, to open again"
KEYS = {"Markdown": "Ctrl+C", "LaTeX": "Ctrl+Shift+C"}


class OutputBar(QWidget):
    """Copies and writes what `selection()` gives at that moment."""

    opened = Signal(object)
    """The path of a file of results that is to be shown."""
    reference_wanted = Signal(str)
    """The bundled models of this family, and their scores, are to be shown."""

    def __init__(
        self, session: Session, selection: Callable[[], Selection], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._selection = selection
        self.copy_button = QToolButton()
        self.copy_button.setText("Copy")
        self.copy_button.setToolTip("The table as text, to paste into a paper, a page or a spreadsheet")
        self.copy_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        self.copies = {}
        for name in FORMATS:
            self.copies[name] = menu.addAction(name)
            self.copies[name].setShortcut(QKeySequence(KEYS.get(name, "")))
            self.copies[name].triggered.connect(lambda _=False, name=name: self.copy(name))
            # A menu's shortcuts act only where its actions are at home.
            self.addAction(self.copies[name])
        self.copy_button.setMenu(menu)
        self.save_button = QPushButton("Save…")
        self.save_button.setToolTip(
            "The table to a file: Markdown, LaTeX, CSV, or results to open again (Ctrl+S)"
        )
        self.save_button.setShortcut(QKeySequence("Ctrl+S"))
        self.save_button.clicked.connect(self.save)
        self.open_button = QToolButton()
        self.open_button.setText("Open…")
        self.open_button.setToolTip("A table that was saved as results, or what fakd evaluate --json printed")
        self.open_button.clicked.connect(self.open)
        self.open_button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        more = QMenu(self)
        more.addSection("Reference results")
        for family in reference_results():
            entry = more.addAction(family_title(family))
            entry.triggered.connect(lambda _=False, family=family: self.reference_wanted.emit(family))
        self.open_button.setMenu(more)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for button in (self.copy_button, self.save_button, self.open_button):
            layout.addWidget(button)

    def enable(self, ready: bool) -> None:
        """Whether there is a table to copy and to save."""
        self.copy_button.setEnabled(ready)
        self.save_button.setEnabled(ready)
        for action in self.copies.values():
            action.setEnabled(ready)

    def copy(self, name: str) -> None:
        """Put the table on the clipboard in the format `name`."""
        selection = self._selection()
        QGuiApplication.clipboard().setText(FORMATS[name][1](selection))
        ours = sum(not row.published for row in selection.rows)
        theirs = len(selection.rows) - ours if name != "CSV by image" else 0
        more = f" and {theirs} published" if theirs else ""
        self._session.announce(f"Copied {ours} {'row' if ours == 1 else 'rows'}{more} as {name}")

    def save(self) -> None:
        """Ask where to, and write the table there in the format of the file's ending."""
        kinds = {name: suffix for name, (suffix, _) in FORMATS.items()} | {RESULTS: ".json"}
        chosen = ask_save_path(self, "Save the table", "benchmark.md", kinds)
        if chosen is None:
            return
        path, name = chosen
        try:
            write_text(path, self._text(name))
        except OSError as error:
            self._session.report(f"{path}: can't be written ({error.strerror}); choose another place")
            return
        self._session.announce(f"Wrote {path.name}")

    def open(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Open results", "", "Results (*.json);;All files (*)")
        if chosen:
            self.opened.emit(Path(chosen))

    def _text(self, name: str) -> str:
        selection = self._selection()
        if name == RESULTS:
            return json.dumps(to_document(selection.report, datetime.now()), indent=1, allow_nan=False)
        return FORMATS[name][1](selection)
