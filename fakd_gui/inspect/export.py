"""Exports of Inspect: pictures of the panes and maps, their values, and figures."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from fakd_core.data.image_files import write_image
from fakd_core.errors import DataError
from fakd_core.evaluation.features import Floats, Window
from fakd_core.events import CancelToken, Image8
from fakd_core.files import atomic_path, write_text
from fakd_gui.inspect.map_area import MapArea
from fakd_gui.inspect.matrices import coloured
from fakd_gui.inspect.state import InspectState
from fakd_gui.session.jobs import LatestWins
from fakd_gui.widgets.convert import array_from_qimage
from fakd_gui.widgets.file_dialogs import ask_save_path

T = TypeVar("T")

MAX_MATRIX_SIDE = 1024
"""Maximum side of a matrix's picture in pixels; a cell is a square of whole pixels."""


@dataclass(frozen=True, kw_only=True)
class ShownMaps:
    """The maps as they are shown: values by title, all (h, w) over `window`."""

    image: str
    layer: int
    query: tuple[int, int]
    window: Window
    rows: Mapping[str, Floats] = field(repr=False)
    pictures: Mapping[str, Image8] = field(repr=False)
    """The maps in their colours, (h, w, 3), one pixel per LR pixel."""
    scale: int
    region: Window | None = None
    matrices: Mapping[str, Floats] = field(default_factory=dict, repr=False)
    matrix_pictures: Mapping[str, Image8] = field(default_factory=dict, repr=False)
    """(N, N, 3), one pixel per cell."""


def safe_name(label: str) -> str:
    """`label` with a hyphen for all characters that don't belong in a file name."""
    return re.sub(r"[^\w.+-]+", "-", label.replace("Δ", "difference"), flags=re.ASCII).strip("-") or "map"


def write_maps(maps: ShownMaps, folder: Path) -> None:
    """Write one PNG per map in HR size, each LR pixel a square of `scale` pixels; and one per matrix."""
    y, x = maps.query
    stem = f"{safe_name(maps.image)}-layer{maps.layer}"
    pictures = {f"{stem}-y{y}-x{x}-{safe_name(label)}": map_ for label, map_ in maps.pictures.items()}
    scales = dict.fromkeys(pictures, maps.scale)
    if maps.region is not None:
        top, left = maps.region.top, maps.region.left
        for label, matrix in maps.matrix_pictures.items():
            name = f"{stem}-matrix-y{top}-x{left}-{safe_name(label)}"
            pictures[name], scales[name] = matrix, max(1, MAX_MATRIX_SIDE // len(matrix))
    for name, picture in pictures.items():
        large = picture.repeat(scales[name], 0).repeat(scales[name], 1)
        write_image(folder / f"{name}.png", np.ascontiguousarray(large))


def write_values(maps: ShownMaps, path: Path) -> None:
    """Write the rows: to .npz as NumPy arrays, with the region's matrices if there are any; else as CSV."""
    if path.suffix.lower() == ".npz":
        _write_npz(maps, path)
    else:
        write_text(path, csv_text(maps))


def csv_text(maps: ShownMaps) -> str:
    """The rows as CSV, a line per pixel: y, x in LR pixels of the image, then every map's value."""
    window = maps.window
    ys, xs = np.mgrid[window.top : window.top + window.height, window.left : window.left + window.width]
    columns = (array.ravel().tolist() for array in (ys, xs, *maps.rows.values()))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["y", "x", *maps.rows])
    writer.writerows(
        (y, x, *(f"{value:.6f}" for value in values)) for y, x, *values in zip(*columns, strict=True)
    )
    return text.getvalue()


def _write_npz(maps: ShownMaps, path: Path) -> None:
    window = maps.window
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "query": np.array(maps.query),
        "layer": np.array(maps.layer),
        "window": np.array([window.top, window.left, window.height, window.width]),
        "image": np.array(maps.image),
    }
    arrays |= {label: np.asarray(row) for label, row in maps.rows.items()}
    if maps.region is not None:
        region = maps.region
        arrays["region"] = np.array([region.top, region.left, region.height, region.width])
        arrays |= {f"matrix {label}": np.asarray(matrix) for label, matrix in maps.matrices.items()}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


class Exporter(QObject):
    """Asks where to write, and writes on a thread; the session reports what was written, or why not."""

    def __init__(self, state: InspectState, area: MapArea, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self._area = area
        self._window = parent
        self._folder = Path()
        self._writing = LatestWins("export", self)
        self._writing.result.connect(lambda message: state.session.announce(str(message)))
        self._writing.failed.connect(state.session.error)

    def shown_maps(self) -> ShownMaps:
        """The maps as they are shown; there must be some."""
        state, board, image = self._state, self._area.board, self._state.image
        assert image is not None
        assert board.window is not None
        titles = {key: state.title(key) for key in board.panes if key in board.rows}
        matrices = self._area.matrix.matrices if state.matrix_shown else None
        return ShownMaps(
            image=image.name,
            layer=state.layer,
            query=state.shown_pixel,
            window=board.window,
            rows={title: board.rows[key] for key, title in titles.items()},
            pictures={
                title: coloured(board.rows[key], key not in state.models, state.style)
                for key, title in titles.items()
            },
            scale=image.scale,
            region=None if matrices is None else matrices.request.region,
            matrices=_by_title({} if matrices is None else matrices.values, titles),
            matrix_pictures=_by_title({} if matrices is None else matrices.pictures, titles),
        )

    def copy(self) -> None:
        """Copy a picture of the panes to the clipboard."""
        QGuiApplication.clipboard().setPixmap(self._area.grab())
        self._state.session.announce("Copied the panes as a picture")

    def save_panes(self) -> None:
        """Ask for a PNG file and write a picture of the panes to it."""
        picture = self._area.grab().toImage()
        path = self._ask_path("Save the panes", {"PNG": ".png"})
        if path is not None:
            self._write(path, lambda: write_image(path, array_from_qimage(picture)), f"Wrote {path.name}")

    def save_maps(self) -> None:
        """Ask for a folder and write every map to it."""
        maps = self.shown_maps()
        chosen = QFileDialog.getExistingDirectory(self._window, "Folder for the maps", str(self._folder))
        if chosen:
            self._folder = folder = Path(chosen)
            count = len(maps.pictures) + len(maps.matrix_pictures)
            self._write(folder, lambda: write_maps(maps, folder), f"Wrote {count} maps to {folder.name}")

    def save_values(self) -> None:
        """Ask for a CSV or NumPy file and write the values of the maps to it."""
        maps = self.shown_maps()
        path = self._ask_path("Save the values", {"CSV": ".csv", "NumPy arrays": ".npz"})
        if path is not None:
            self._write(path, lambda: write_values(maps, path), f"Wrote {path.name}")

    def open_figure(self) -> None:
        """Open the dialog for a figure of these maps."""
        from fakd_gui.figure.dialog import open_affinity_figure

        state = self._state
        files = {source.ref: source.file for source in state.timeline.sources()}
        students = [str(files.get(ref) or ref) for ref in state.students]
        if state.image is not None:
            open_affinity_figure(
                self._window,
                state.session,
                state.image,
                teacher=state.teacher,
                students=students,
                layer=state.layer,
                query=state.query,
            )

    def _write(self, path: Path, write: Callable[[], object], message: str) -> None:
        def work(token: CancelToken) -> str:
            try:
                write()
            except OSError as error:
                reason = error.strerror or str(error)
                raise DataError(f"{path}: can't be written ({reason}); choose another place") from error
            return message

        self._writing.submit(work)

    def _ask_path(self, title: str, kinds: Mapping[str, str]) -> Path | None:
        state, (y, x) = self._state, self._state.shown_pixel
        name = safe_name(state.image.path.stem if state.image is not None else "")
        suggested = f"{name}-layer{state.layer}-y{y}-x{x}{next(iter(kinds.values()))}"
        answer = ask_save_path(self._window, title, self._folder / suggested, kinds)
        if answer is None:
            return None
        self._folder = answer[0].parent
        return answer[0]


def _by_title(arrays: Mapping[str, T], titles: Mapping[str, str]) -> dict[str, T]:
    return {titles[key]: array for key, array in arrays.items() if key in titles}
