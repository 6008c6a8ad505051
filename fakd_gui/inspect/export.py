"""Exports of Inspect: pictures of the panes and maps, their values, and figures."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from fakd_core.data.image_files import write_image
from fakd_core.errors import DataError
from fakd_core.evaluation.features import Floats, Window
from fakd_core.events import CancelToken, Image8
from fakd_core.files import atomic_path, write_text
from fakd_gui.inspect.map_area import MapArea
from fakd_gui.inspect.matrices import Matrices, coloured
from fakd_gui.inspect.state import InspectState, Pixel
from fakd_gui.session.jobs import InTurn
from fakd_gui.widgets.convert import array_from_qimage
from fakd_gui.widgets.file_dialogs import ask_folder, ask_save_path

MAX_MATRIX_SIDE = 1024
"""Maximum side of a matrix's picture in pixels; a cell is a square of whole pixels."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ShownMaps:
    """The maps as they are shown over `window`, by the keys of their panes."""

    image: str
    scale: int
    layer: int
    query: Pixel
    window: Window
    titles: Mapping[str, str]
    rows: Mapping[str, Floats] = field(repr=False)
    pictures: Mapping[str, Image8] = field(repr=False)
    matrices: Matrices | None = None

    def pictures_by_file(self) -> dict[str, tuple[Image8, int]]:
        """Every map in its colours and every matrix by file name, with the side of its cells in pixels."""
        (y, x), matrices = self.query, self.matrices
        groups = [(f"y{y}-x{x}", self.pictures, self.scale)]
        if matrices is not None:
            region = matrices.region
            side = max(1, MAX_MATRIX_SIDE // region.positions)
            groups.append((f"matrix-y{region.top}-x{region.left}", matrices.pictures, side))
        stem = f"{safe_name(self.image)}-layer{self.layer}"
        return {
            f"{stem}-{place}-{safe_name(title)}.png": (pictures[key], side)
            for place, pictures, side in groups
            for key, title in self.titles.items()
            if key in pictures
        }


def safe_name(label: str) -> str:
    """`label` with a hyphen for all characters that don't belong in a file name."""
    return re.sub(r"[^\w.+-]+", "-", label.replace("Δ", "difference"), flags=re.ASCII).strip("-") or "map"


def write_maps(shown: ShownMaps, folder: Path) -> None:
    """Write one PNG per map in HR size, each LR pixel a square of `scale` pixels; and one per matrix."""
    for name, (picture, side) in shown.pictures_by_file().items():
        write_image(folder / name, picture.repeat(side, 0).repeat(side, 1))


def write_values(shown: ShownMaps, path: Path) -> None:
    """Write the rows: to .npz as NumPy arrays, with the region's matrices if there are any; else as CSV."""
    if path.suffix.lower() != ".npz":
        # A line per pixel: y, x in LR pixels of the image, then every map's value.
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(["y", "x", *shown.titles.values()])
        pixels = np.mgrid[shown.window.rows, shown.window.columns]
        columns = [array.ravel() for array in (*pixels, *(shown.rows[key] for key in shown.titles))]
        formats = ["%d", "%d", *["%.6f"] * len(shown.titles)]
        np.savetxt(text, np.column_stack(columns), formats, delimiter=",")
        write_text(path, text.getvalue())
        return
    arrays: dict[str, npt.ArrayLike] = {
        "query": shown.query,
        "layer": shown.layer,
        "window": astuple(shown.window),
        "image": shown.image,
        **{title: shown.rows[key] for key, title in shown.titles.items()},
    }
    if (matrices := shown.matrices) is not None:
        arrays["region"] = astuple(matrices.region)
        values = matrices.values
        arrays |= {f"matrix {title}": values[key] for key, title in shown.titles.items() if key in values}
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
        self._writing = InTurn("export", self)
        self._writing.result.connect(lambda message: state.session.announce(str(message)))
        self._writing.failed.connect(state.session.error)

    def shown_maps(self) -> ShownMaps:
        """The maps as they are shown; there must be some."""
        state, board, image = self._state, self._area.board, self._state.image
        assert image is not None
        titles = {key: state.title(key) for key in board.panes if key in board.rows}
        matrices = self._area.matrix.matrices
        return ShownMaps(
            image=image.name,
            scale=image.scale,
            layer=state.layer,
            query=state.shown_pixel,
            window=board.window,
            titles=titles,
            rows=board.rows,
            pictures={key: coloured(board.rows[key], key not in state.models, state.style) for key in titles},
            matrices=matrices if state.matrix_shown and matrices.values else None,
        )

    def copy(self) -> None:
        QGuiApplication.clipboard().setPixmap(self._area.grab())
        self._state.session.announce("Copied the panes as a picture")

    def save_panes(self) -> None:
        picture = self._area.grab().toImage()
        path = self._ask_path("Save the panes", {"PNG": ".png"})
        if path is not None:
            self._write(path, lambda: write_image(path, array_from_qimage(picture)), f"Wrote {path.name}")

    def save_maps(self) -> None:
        shown = self.shown_maps()
        folder = ask_folder(self._window, "Folder for the maps", self._folder)
        if folder is not None:
            self._folder = folder
            message = f"Wrote {len(shown.pictures_by_file())} maps to {folder.name}"
            self._write(folder, lambda: write_maps(shown, folder), message)

    def save_values(self) -> None:
        shown = self.shown_maps()
        path = self._ask_path("Save the values", {"CSV": ".csv", "NumPy arrays": ".npz"})
        if path is not None:
            self._write(path, lambda: write_values(shown, path), f"Wrote {path.name}")

    def open_figure(self) -> None:
        from fakd_gui.figure.dialog import open_affinity_figure

        state = self._state
        if state.image is not None:
            open_affinity_figure(
                self._window,
                state.session,
                state.image,
                teacher=state.teacher,
                students=[str(state.timeline.students.get(ref, ref)) for ref in state.students],
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
        if answer is not None:
            self._folder = answer[0].parent
        return answer and answer[0]
