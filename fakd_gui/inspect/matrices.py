"""Affinity matrices of a region, as the paper shows them: every pixel to every other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from PySide6.QtCore import QRectF

from fakd_core.evaluation.features import FeatureMaps, Floats, Window
from fakd_core.events import Image8
from fakd_gui.inspect.state import MapStyle, difference_key
from fakd_gui.widgets.convert import colourise
from fakd_gui.widgets.theme import affinity_lut, difference_lut

MAX_REGION = 32
"""Side of a region in LR pixels: its matrices have at most 1024 x 1024 cells."""
DEFAULT_REGION = 16


@dataclass(frozen=True, eq=False)
class Matrices:
    """(N, N) values and (N, N, 3) pictures by model and difference, for the N pixels of the region."""

    region: Window
    layer: int
    values: dict[str, Floats] = field(repr=False)
    pictures: dict[str, Image8] = field(repr=False)


def make_matrices(
    features: Mapping[str, FeatureMaps], *, teacher: str, layer: int, region: Window, style: MapStyle
) -> Matrices:
    """The matrices of a `region` inside the window, in their colours; call from a worker thread."""
    models = {ref: maps.affinity_matrix(layer, region) for ref, maps in features.items()}
    values = with_differences(models, teacher)
    pictures = {key: coloured(matrix, key not in models, style) for key, matrix in values.items()}
    return Matrices(region, layer, values, pictures)


def with_differences(models: dict[str, Floats], teacher: str) -> dict[str, Floats]:
    """The values by model, then the students' differences to the teacher by `difference_key`."""
    students = [ref for ref in models if ref != teacher and teacher in models]
    return models | {difference_key(ref): models[ref] - models[teacher] for ref in students}


def coloured(values: Floats, is_difference: bool, style: MapStyle) -> Image8:
    """(h, w) affinities or differences as (h, w, 3) uint8 in the fixed colours."""
    lut = difference_lut() if is_difference else affinity_lut()
    return colourise(values, lut, *(style.difference_range if is_difference else style.affinity_range))


def region_from(rect: QRectF, scale: int, bounds: Window) -> Window:
    """The LR pixels that `rect` (HR pixels) touches, at most 32x32 of them, moved inside `bounds`."""
    box = QRectF(rect.topLeft() / scale, rect.size() / scale).toAlignedRect()
    width = min(max(1, box.width()), MAX_REGION, bounds.width)
    height = min(max(1, box.height()), MAX_REGION, bounds.height)
    left = min(max(box.left(), bounds.left), bounds.left + bounds.width - width)
    top = min(max(box.top(), bounds.top), bounds.top + bounds.height - height)
    return Window(top, left, height, width)


def region_around(y: int, x: int, bounds: Window) -> Window:
    """A region of moderate size around the LR pixel (y, x), inside `bounds`."""
    half = DEFAULT_REGION // 2
    return region_from(QRectF(x - half, y - half, DEFAULT_REGION, DEFAULT_REGION), 1, bounds)
