"""Saving the images of panes as PNG files, and copying one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QWidget

from fakd_core.data.image_files import write_image
from fakd_core.events import CancelToken
from fakd_gui.compare.panes import DIFFERENCE
from fakd_gui.compare.state import CompareState
from fakd_gui.session.jobs import InTurn
from fakd_gui.widgets.convert import array_from_qimage
from fakd_gui.widgets.file_dialogs import ask_folder, ask_save_path, may_overwrite


class Exporter(QObject):
    """Asks for paths and before files are overwritten; writes in a job."""

    def __init__(self, state: CompareState, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self._session = state.session
        self._window = parent
        self._folder: Path | str = ""
        self._saving = InTurn("save the images", self)
        self._saving.result.connect(self._confirm)
        self._saving.failed.connect(state.session.report)

    def file_name(self, key: str) -> str:
        """Such as `photo_x4_rcan-a.png`: image, scale, model; for a difference its kind and both models."""
        image, difference = self._state.image, self._state.difference
        label = self._state.label(key)
        if key == DIFFERENCE:
            pair = "-".join(map(self._state.label, (difference.a, difference.b)))
            label = f"{difference.kind.value} difference {pair}"
        safe = re.sub(r"[\\/:*?\"<>|\s]+", "_", label)
        return f"{image.path.stem}_x{image.scale}_{safe}.png"

    def choose_folder(self, keys: Sequence[str]) -> None:
        if folder := ask_folder(self._window, "Save the images to", self._folder):
            self._folder = folder
            self.save(folder, keys)

    def choose_file(self, key: str) -> None:
        suggested = Path(self._folder) / self.file_name(key)
        if answer := ask_save_path(self._window, "Save the image", suggested, {"PNG": ".png"}):
            self._folder = answer[0].parent
            self._write({answer[0]: key})

    def save(self, folder: Path, keys: Sequence[str]) -> None:
        """Save the images of `keys` in `folder` under their names; asks before files are overwritten."""
        targets: dict[Path, str] = {}
        for key in keys:
            path, number = folder / self.file_name(key), 2
            while path in targets:
                path = folder / f"{Path(self.file_name(key)).stem}_{number}.png"
                number += 1
            targets[path] = key
        if may_overwrite(self._window, list(targets)):
            self._write(targets)

    def copy(self, key: str) -> None:
        """Copy the image of the pane `key` at full size."""
        if picture := self._state.picture(key):
            QApplication.clipboard().setImage(picture)
            size = f"{picture.width()} × {picture.height()} px"
            self._session.announce(f"Copied the image of {self._state.label(key)}, {size}")

    def _write(self, targets: Mapping[Path, str]) -> None:
        ready = {path: picture for path, key in targets.items() if (picture := self._state.picture(key))}
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
