"""What leaves the inspector: pictures of the maps, and the values behind them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fakd_core.data.image_files import write_image
from fakd_core.evaluation.features import Floats, Window
from fakd_core.events import Image8
from fakd_core.files import atomic_path, write_text

MATRIX_SIDE = 1024
"""Pixels that a matrix's picture may have on a side; a cell is a square of whole pixels."""


@dataclass(frozen=True)
class Export:
    """The maps as they are shown: values by label, all (h, w) over `window`."""

    image: str
    layer: int
    query: tuple[int, int]
    window: Window
    rows: Mapping[str, Floats] = field(repr=False)
    pictures: Mapping[str, Image8] = field(repr=False)
    """The maps in their colours, (h, w, 4) RGBA, one pixel per LR pixel."""
    scale: int
    region: Window | None = None
    matrices: Mapping[str, Floats] = field(default_factory=dict, repr=False)
    matrix_pictures: Mapping[str, Image8] = field(default_factory=dict, repr=False)
    """(N, N, 4) RGBA, one pixel per cell."""


def safe_name(label: str) -> str:
    """`label` as a part of a file name."""
    return re.sub(r"[^\w.+-]+", "-", label.replace("Δ", "difference"), flags=re.ASCII).strip("-") or "map"


def write_maps(export: Export, folder: Path) -> list[Path]:
    """One PNG per map, alone, in HR size: each LR pixel a square of `scale` pixels; and one per matrix."""
    y, x = export.query
    stem = f"{safe_name(export.image)}-layer{export.layer}"
    found = {f"{stem}-y{y}-x{x}-{safe_name(label)}": map_ for label, map_ in export.pictures.items()}
    scales = dict.fromkeys(found, export.scale)
    if export.region is not None:
        top, left = export.region.top, export.region.left
        for label, matrix in export.matrix_pictures.items():
            name = f"{stem}-matrix-y{top}-x{left}-{safe_name(label)}"
            found[name], scales[name] = matrix, max(1, MATRIX_SIDE // len(matrix))
    written = []
    for name, picture in found.items():
        large = picture[:, :, :3].repeat(scales[name], 0).repeat(scales[name], 1)
        written.append(folder / f"{name}.png")
        write_image(written[-1], np.ascontiguousarray(large))
    return written


def write_values(export: Export, path: Path) -> None:
    """The rows: as NumPy arrays into .npz (with the matrices of the region, if there is one), else as CSV."""
    if path.suffix.lower() == ".npz":
        _write_npz(export, path)
    else:
        write_text(path, csv_text(export))


def csv_text(export: Export) -> str:
    """A line per pixel: y, x in LR pixels of the image, then every map's value."""
    window = export.window
    ys, xs = np.mgrid[window.top : window.top + window.height, window.left : window.left + window.width]
    heading = ["y", "x", *export.rows]
    columns: Sequence[npt.NDArray[np.float32]] = [row.ravel() for row in export.rows.values()]
    lines = [",".join(f'"{name}"' if "," in name else name for name in heading)]
    for values in zip(ys.ravel().tolist(), xs.ravel().tolist(), *(c.tolist() for c in columns), strict=True):
        lines.append(",".join([str(values[0]), str(values[1]), *(f"{value:.6f}" for value in values[2:])]))
    return "\n".join(lines) + "\n"


def _write_npz(export: Export, path: Path) -> None:
    window = export.window
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "query": np.array(export.query),
        "layer": np.array(export.layer),
        "window": np.array([window.top, window.left, window.height, window.width]),
        "image": np.array(export.image),
    }
    arrays |= {label: np.asarray(row) for label, row in export.rows.items()}
    if export.region is not None:
        region = export.region
        arrays["region"] = np.array([region.top, region.left, region.height, region.width])
        arrays |= {f"matrix {label}": np.asarray(matrix) for label, matrix in export.matrices.items()}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
