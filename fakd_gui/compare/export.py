"""Saving the images of panes as PNG files, and copying one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox, QWidget

from fakd_core.data.image_files import write_image
from fakd_core.events import CancelToken
from fakd_gui.compare.panes import DIFFERENCE
from fakd_gui.compare.state import CompareState
from fakd_gui.session.jobs import LatestWins
from fakd_gui.widgets.convert import array_from_qimage
from fakd_gui.widgets.file_dialogs import ask_save_path


class Exporter(QObject):
    """Asks for paths and before files are overwritten; writes in a job."""

    saved = Signal(list)
    """The files that were written."""

    def __init__(self, state: CompareState, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self._session = state.session
        self._window = parent
        self._folder = ""
        self._saving = LatestWins("save the images", self)
        self._saving.result.connect(self._confirm)
        self._saving.failed.connect(state.session.report)

    def file_name(self, key: str) -> str:
        """Such as `photo_x4_rcan-a.png`: image, scale, model; for a difference its kind and both models."""
        image, difference = self._state.image, self._state.difference
        assert image is not None
        label = self._state.label(key)
        if key == DIFFERENCE:
            pair = "-".join(map(self._state.label, (difference.a, difference.b)))
            label = f"{difference.kind.value} difference {pair}"
        safe = re.sub(r"[\\/:*?\"<>|\s]+", "_", label)
        return f"{image.path.stem}_x{image.scale}_{safe}.png"

    def choose_folder(self, keys: Sequence[str]) -> None:
        """Ask for a folder and save the images of the panes `keys` in it."""
        name = QFileDialog.getExistingDirectory(self._window, "Save the images to", self._folder)
        if name:
            self._folder = name
            self.save(Path(name), keys)

    def choose_file(self, key: str) -> None:
        """Ask for a file and save the image of one pane."""
        suggested = Path(self._folder) / self.file_name(key)
        answer = ask_save_path(self._window, "Save the image", suggested, {"PNG": ".png"})
        if answer is not None:
            path, _ = answer
            self._folder = str(path.parent)
            self._write({path: key})

    def save(self, folder: Path, keys: Sequence[str]) -> None:
        """Save the images of `keys` in `folder` under their names; asks before files are overwritten."""
        targets: dict[Path, str] = {}
        for key in keys:
            path = folder / self.file_name(key)
            number = 2
            while path in targets:
                path = folder / f"{Path(self.file_name(key)).stem}_{number}.png"
                number += 1
            targets[path] = key
        existing = [path for path in targets if path.exists()]
        if existing and not self._may_overwrite(existing):
            return
        self._write(targets)

    def copy(self, key: str) -> None:
        """Copy the image of the pane `key` at full size."""
        picture = self._state.picture(key)
        if picture is not None:
            QApplication.clipboard().setImage(picture)
            size = f"{picture.width()} × {picture.height()} px"
            self._session.announce(f"Copied the image of {self._state.label(key)}, {size}")

    def _write(self, targets: dict[Path, str]) -> None:
        pictures = {path: self._state.picture(key) for path, key in targets.items()}
        ready: dict[Path, QImage] = {
            path: picture for path, picture in pictures.items() if picture is not None
        }
        if not ready:
            self._session.report("Nothing to save yet: wait until a pane shows its result.")
            return

        def work(token: CancelToken) -> list[Path]:
            for path, picture in ready.items():
                token.raise_if_cancelled()
                write_image(path, array_from_qimage(picture))
            return list(ready)

        self._saving.submit(work)

    def _confirm(self, paths: list[Path]) -> None:
        what = paths[0].name if len(paths) == 1 else f"{len(paths)} images"
        self._session.announce(f"Wrote {what} to {paths[0].parent}")
        self.saved.emit(paths)

    def _may_overwrite(self, existing: Sequence[Path]) -> bool:
        names = ", ".join(path.name for path in existing[:3]) + (", …" if len(existing) > 3 else "")
        answer = QMessageBox.question(
            self._window,
            "Overwrite files",
            f"{len(existing)} of these files already exist in {existing[0].parent}: {names}. Overwrite them?",
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel,
        )
        return answer is QMessageBox.StandardButton.Yes
