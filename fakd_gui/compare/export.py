"""Copying, saving and dragging the images of panes, one by one or as one picture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, QRectF, QSize, Qt, QTemporaryDir, QUrl
from PySide6.QtGui import QDrag, QImage, QPixmap, QTransform
from PySide6.QtWidgets import QApplication, QWidget

from fakd_core.data.image_files import write_image
from fakd_core.events import CancelToken
from fakd_gui.compare.captions import sheet_caption
from fakd_gui.compare.panes import DIFFERENCE, SPLIT
from fakd_gui.compare.sheet import Cell, draw_sheet
from fakd_gui.compare.state import CompareState
from fakd_gui.session.jobs import InTurn
from fakd_gui.widgets.convert import array_from_qimage, qimage_from_array
from fakd_gui.widgets.file_dialogs import ask_folder, ask_save_path, may_overwrite

NOTHING_YET = "Nothing to save yet: wait until a pane shows its result."
THUMBNAIL = QSize(160, 120)


def crop(picture: QImage, part: QRectF, scene: QRectF) -> QImage:
    """The pixels of `picture`, which covers `scene`, inside `part` of it; whole pixels of an LR picture."""
    scale = QTransform.fromScale(picture.width() / scene.width(), picture.height() / scene.height())
    return picture.copy(scale.mapRect(part).toAlignedRect().intersected(picture.rect()))


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
        self._composing = InTurn("draw all panes as one picture", self)
        self._composing.result.connect(self._take_sheet)
        self._composing.failed.connect(state.session.report)
        self._dragging = InTurn("prepare the dragged image", self)
        self._dragging.result.connect(self._drag)
        self._dragging.failed.connect(state.session.report)
        self._dragged = QTemporaryDir()
        """The files of dragged panes, until the window closes."""

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

    def choose_file(self, key: str, *, region: bool = False) -> None:
        """Ask where to save the image of the pane `key`, or only the `region`."""
        suggested = Path(self._folder) / self.file_name(key)
        if region:
            suggested = suggested.with_stem(f"{suggested.stem}_region")
        if answer := ask_save_path(self._window, "Save the image", suggested, {"PNG": ".png"}):
            self._folder = answer[0].parent
            self._write({answer[0]: key}, region=region)

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

    def copy(self, key: str, *, region: bool = False) -> None:
        """Copy the image of the pane `key` at full size, or only the `region`."""
        if picture := self._picture(key, region):
            QApplication.clipboard().setImage(picture)
            size = f"{picture.width()} × {picture.height()} px"
            self._session.announce(f"Copied the image of {self._state.label(key)}, {size}")

    def drag(self, key: str) -> None:
        """Drag the image of a pane to another program: as an image, and as a PNG file written meanwhile."""
        picture, path = self._state.picture(key), Path(self._dragged.filePath(self.file_name(key)))
        if picture is not None:

            def work(token: CancelToken) -> tuple[Path, QImage]:
                write_image(path, array_from_qimage(picture))
                return path, picture

            self._dragging.submit(work)

    def _drag(self, prepared: tuple[Path, QImage]) -> None:
        """Begin the drag, unless the button was released meanwhile."""
        if QApplication.mouseButtons() & Qt.MouseButton.LeftButton:
            path, picture = prepared
            data, drag = QMimeData(), QDrag(self._window)
            data.setUrls([QUrl.fromLocalFile(str(path))])
            data.setImageData(picture)
            drag.setMimeData(data)
            drag.setPixmap(QPixmap.fromImage(picture.scaled(THUMBNAIL, Qt.AspectRatioMode.KeepAspectRatio)))
            drag.exec(Qt.DropAction.CopyAction)

    # -- all panes as one picture

    def copy_sheet(self) -> None:
        """Copy all panes as one picture with names and scores; of a region, if there is one."""
        self._compose(None)

    def save_sheet(self) -> None:
        image = self._state.image
        suggested = Path(self._folder) / f"{image.path.stem}_x{image.scale}_compared.png"
        if answer := ask_save_path(self._window, "Save all panes as one picture", suggested, {"PNG": ".png"}):
            self._folder = answer[0].parent
            self._compose(answer[0])

    def _compose(self, path: Path | None) -> None:
        """Draw the shown panes, but the split, in a job; copy them, or write them to `path`."""
        state, region = self._state, self._state.region
        keys = [key for key in state.keys if key != SPLIT]
        shown = [
            (picture, *sheet_caption(state, key))
            for key in keys
            if (picture := state.picture(key)) is not None
        ]
        if not shown or state.image is None:
            self._session.report(NOTHING_YET)
            return
        scene = QRectF(0, 0, state.camera.scene.width(), state.camera.scene.height())
        part = scene if region is None else region.rect
        missing = self._missing(keys)

        def work(token: CancelToken) -> tuple[Path | None, QImage, str]:
            cells = [Cell(array_from_qimage(crop(image, part, scene)), *text) for image, *text in shown]
            pixels = draw_sheet(cells, (round(part.height()), round(part.width())))
            token.raise_if_cancelled()
            if path is not None:
                write_image(path, pixels)
            return path, qimage_from_array(pixels), missing

        self._composing.submit(work)

    def _take_sheet(self, drawn: tuple[Path | None, QImage, str]) -> None:
        path, picture, missing = drawn
        if path is not None:
            self._confirm(([path], missing))
            return
        QApplication.clipboard().setImage(picture)
        size = f"{picture.width()} × {picture.height()} px"
        self._session.announce(f"Copied all panes as one picture, {size}{missing}")

    def _missing(self, keys: Iterable[str]) -> str:
        """The end of a sentence that names the panes without a result; empty if all have one."""
        names = [self._state.label(key) for key in keys if self._state.picture(key) is None]
        return f"; not {', '.join(names)}: no result yet" if names else ""

    def _picture(self, key: str, region: bool) -> QImage | None:
        picture, chosen, size = self._state.picture(key), self._state.region, self._state.camera.scene
        if picture is None or not region or chosen is None:
            return picture
        return crop(picture, chosen.rect, QRectF(0, 0, size.width(), size.height()))

    def _write(self, targets: Mapping[Path, str], *, region: bool = False) -> None:
        ready = {path: picture for path, key in targets.items() if (picture := self._picture(key, region))}
        if not ready:
            self._session.report(NOTHING_YET)
            return

        missing = self._missing(targets.values())

        def work(token: CancelToken) -> tuple[list[Path], str]:
            for path, picture in ready.items():
                token.raise_if_cancelled()
                write_image(path, array_from_qimage(picture))
            return list(ready), missing

        self._saving.submit(work)

    def _confirm(self, written: tuple[list[Path], str]) -> None:
        paths, missing = written
        what = paths[0].name if len(paths) == 1 else f"{len(paths)} images"
        self._session.announce(f"Wrote {what} to {paths[0].parent}{missing}")
