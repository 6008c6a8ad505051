"""Writes what panes show as PNG files, or copies it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox, QWidget

from fakd_core.data.image_files import write_image
from fakd_core.events import CancelToken
from fakd_gui.compare.board import Board
from fakd_gui.compare.state import DIFFERENCE
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.session import Session
from fakd_gui.widgets.convert import array_from_qimage
from fakd_gui.widgets.file_dialogs import ask_save_path


class Exporter(QObject):
    """Asks for the place, and before it replaces files; writes on a thread."""

    saved = Signal(list)
    """The files that were written."""
    failed = Signal(object)

    def __init__(self, session: Session, board: Board, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._board = board
        self._window = parent
        self._folder = ""
        self._saving = LatestWins("save the images", self)
        self._saving.result.connect(self._told)
        self._saving.failed.connect(self.failed)

    def file_name(self, key: str) -> str:
        """As `photo_x4_rcan-a.png`: image, scale, model; a difference names both models and its kind."""
        image = self._board.image
        assert image is not None
        difference = self._board.pane_set.difference
        if key == DIFFERENCE and difference is not None:
            pair = "-".join(self._board.label(side) for side in (difference.a, difference.b))
            label = f"{difference.kind.value} difference {pair}"
        else:
            label = self._board.label(key)
        plain = re.sub(r"[\\/:*?\"<>|\s]+", "_", label)
        return f"{image.path.stem}_x{image.scale}_{plain}.png"

    def choose_folder(self, keys: Sequence[str]) -> None:
        """Ask where the images of the panes `keys` go, and write them there."""
        name = QFileDialog.getExistingDirectory(self._window, "Save the images to", self._folder)
        if name:
            self._folder = name
            self.save(Path(name), keys)

    def choose_file(self, key: str) -> None:
        """Ask where the image of one pane goes, and write it."""
        suggested = Path(self._folder) / self.file_name(key)
        answer = ask_save_path(self._window, "Save the image", suggested, {"PNG": ".png"})
        if answer is not None:
            path, _ = answer
            self._folder = str(path.parent)
            self._write({path: key})

    def save(self, folder: Path, keys: Sequence[str]) -> None:
        """Write the images of `keys` into `folder` under their names, asking before files are replaced."""
        targets: dict[Path, str] = {}
        for key in keys:
            path = folder / self.file_name(key)
            number = 2
            while path in targets:
                path = folder / f"{Path(self.file_name(key)).stem}_{number}.png"
                number += 1
            targets[path] = key
        there = [path for path in targets if path.exists()]
        if there and not self._may_replace(there):
            return
        self._write(targets)

    def copy(self, key: str) -> None:
        """Put the image of the pane `key` on the clipboard, at full size."""
        picture = self._board.picture(key)
        if picture is not None:
            QApplication.clipboard().setImage(picture)
            size = f"{picture.width()} × {picture.height()} px"
            self._session.announce(f"Copied the image of {self._board.label(key)}, {size}")

    def _write(self, targets: dict[Path, str]) -> None:
        pictures = {path: self._board.picture(key) for path, key in targets.items()}
        ready: dict[Path, QImage] = {path: made for path, made in pictures.items() if made is not None}
        if not ready:
            self._session.report("Nothing to save yet: wait until a pane shows its result.")
            return

        def work(token: CancelToken) -> list[Path]:
            for path, picture in ready.items():
                token.raise_if_cancelled()
                write_image(path, array_from_qimage(picture))
            return list(ready)

        self._saving.submit(work)

    def _told(self, paths: object) -> None:
        assert isinstance(paths, list)
        what = paths[0].name if len(paths) == 1 else f"{len(paths)} images"
        self._session.announce(f"Wrote {what} to {paths[0].parent}")
        self.saved.emit(paths)

    def _may_replace(self, there: Sequence[Path]) -> bool:
        names = ", ".join(path.name for path in there[:3]) + (", …" if len(there) > 3 else "")
        answer = QMessageBox.question(
            self._window,
            "Replace files",
            f"{len(there)} of these files exist already in {there[0].parent}: {names}. Replace them?",
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel,
        )
        return answer is QMessageBox.StandardButton.Yes
