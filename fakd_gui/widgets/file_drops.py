"""Files and images that are dropped on a widget, or pasted."""

from __future__ import annotations

import base64
import os
from binascii import Error as Base64Error
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote

from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QWidget

from fakd_core.data.pixel_store import store_folder
from fakd_core.errors import DataError, FakdError

WEB = ("http://", "https://")
MAX_LINK = 80
"""Characters of a link that a message shows."""


class FileDrops(QObject):
    """Calls `open_paths` with what is dropped on `widget` or its children, `report` with why it can't be."""

    place: ClassVar[QPoint | None] = None
    """The point on the screen of the last drop; Wayland tells no cursor's position while one drags."""

    def __init__(
        self,
        widget: QWidget,
        open_paths: Callable[[list[Path]], object],
        report: Callable[[FakdError], object],
    ) -> None:
        super().__init__(widget)
        self._widget = widget
        self._open_paths = open_paths
        self._report = report
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # What a window of this program drags out isn't for itself.
        if isinstance(event, QDropEvent) and event.source() is not None:
            return False
        if isinstance(event, QDragEnterEvent) and _may_hold_paths(event.mimeData()):
            event.acceptProposedAction()
            return True
        if isinstance(event, QDropEvent) and event.type() is QEvent.Type.Drop:
            event.acceptProposedAction()
            FileDrops.place = self._widget.mapToGlobal(event.position().toPoint())
            try:
                paths = paths_in(event.mimeData())
            except FakdError as error:
                self._report(error)
            else:
                if paths:
                    self._open_paths(paths)
            return True
        return False


def paths_in(data: QMimeData) -> list[Path]:
    """The files that were dropped or copied, or whose path is the text; an image is saved to a file first.

    Raises:
        DataError: There is only a link to the web, or the image can't be saved.
    """
    if files := [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]:
        return files
    # A browser's drag has a link to the image, and often the image itself.
    if not (image := _image_in(data)).isNull():
        return [_save(image)]
    text = os.path.expanduser(data.text().strip().strip('"'))
    if os.path.isabs(text) and os.path.exists(text):
        return [Path(text)]
    for link in (*(url.toDisplayString() for url in data.urls()), text):
        if link.startswith(WEB) or data.hasUrls():
            short = link if len(link) <= MAX_LINK else f"{link[:MAX_LINK]}…"
            raise DataError(
                f"{short}: a link, and links are not followed; save the image as a file and drop that"
            )
    return []


def _may_hold_paths(data: QMimeData) -> bool:
    return data.hasUrls() or data.hasImage() or bool(_image_formats(data)) or data.text().startswith(WEB)


def _image_formats(data: QMimeData) -> list[str]:
    return [name for name in data.formats() if name.startswith("image/")]


def _image_in(data: QMimeData) -> QImage:
    """The image that `data` carries, as Qt's, as a file's bytes or within a link; null if there is none."""
    candidates = [QImage(data.imageData())] if data.hasImage() else []
    candidates += [QImage.fromData(data.data(name)) for name in _image_formats(data)]
    candidates += [QImage.fromData(_bytes_in(url)) for url in data.urls() if url.scheme() == "data"]
    return next((image for image in candidates if not image.isNull()), QImage())


def _bytes_in(url: QUrl) -> bytes:
    """The content of a link such as `data:image/png;base64,...`; empty if it is in no such form."""
    kind, _, content = url.path().partition(",")
    try:
        return base64.b64decode(unquote(content)) if kind.endswith(";base64") else b""
    except Base64Error:
        return b""


def _save(image: QImage) -> Path:
    """Write `image` to a new file in the cache folder."""
    path = store_folder().with_name("pasted") / f"pasted-{datetime.now():%Y%m%d-%H%M%S-%f}.png"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{path.parent}: can't be created ({error.strerror}); free some space") from error
    if not image.save(str(path)):
        path.unlink(missing_ok=True)
        raise DataError(f"{path}: the image can't be written there; check the space and the permissions")
    return path
