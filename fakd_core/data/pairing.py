"""Pairs LR images with their HR images, whatever the case, Unicode form or spelling of their names."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fakd_core.data.image_files import image_size
from fakd_core.errors import DataError

_GAP = "[-_. ]"
_SCALE = rf"{_GAP}?(?:x(?P<x>[2348])|(?P<n>[2348])x)"
_BEGIN, _END = rf"(?:^|{_GAP}+|(?<=\d))", rf"(?:{_GAP}+|$|(?=\d))"
_HR_WORD = re.compile(rf"{_BEGIN}(?:hr|gt){_END}")
_LR_WORD = re.compile(
    rf"{_BEGIN}lr(?:{_GAP}?bic(?:ubic)?)?(?:(?:{_SCALE}|(?P<only>[2348]))(?={_GAP}|$))?{_END}"
)
_SCALE_AT_END = re.compile(rf"(?:{_GAP}?bic(?:ubic)?)?{_SCALE}$")
_SRF = re.compile(r"srf_?(?P<x>\d)")
"""The scale in names of the sets of Huang et al. (2015), as in `img_001_SRF_4_HR`."""


class _Name(NamedTuple):
    """The image that a file's name names, `hr`, `lr` or nothing, and the scale of an LR image if stated."""

    image: str
    role: str = ""
    scale: int | None = None


def fold(name: str) -> str:
    """`name` so that case and Unicode form, in which systems differ, make no difference."""
    return unicodedata.normalize("NFC", name).casefold()


def split_pairs(files: Sequence[Path], scale: int) -> tuple[list[Path], list[Path | None]]:
    """Tell HR from LR images in one folder, such as `baby_HR.png` and `baby_LR.png`; files of no pair are HR.

    Returns:
        The HR files, and the LR file of each at `scale`, or None.
    """
    names = {path: _read_name(path.stem) for path in files}
    images = {name.image for name in names.values() if name.role != "lr"}
    low = [path for path, name in names.items() if name.role == "lr" and name.image in images]
    high = [path for path in files if path not in low]
    return high, find_partners(high, low, scale)


def find_partners(hr_files: Sequence[Path], lr_files: Sequence[Path], scale: int) -> list[Path | None]:
    """The LR file of every HR file, or None. Names without a scale are of any scale.

    The LR image of `baby` may be named `babyx4`, `Baby_X4`, `baby_LR`, `baby_LRx4` or like the HR image.
    """
    exact = {unicodedata.normalize("NFC", path.stem): path for path in lr_files}
    by_image, by_name = defaultdict[str, list[Path]](list), {fold(path.stem): path for path in lr_files}
    found = {path: _read_name(path.stem, is_lr=True) for path in lr_files}
    for path, name in sorted(found.items(), key=lambda item: item[1].scale is None):
        if name.scale in (None, scale):
            by_image[name.image].append(path)
    partners = []
    for path in hr_files:
        stem, image = unicodedata.normalize("NFC", path.stem), _read_name(path.stem).image
        similar = next(iter(by_image[image]), by_name.get(fold(stem)))
        partners.append(exact.get(f"{stem}x{scale}", similar))
    return partners


def states_scale(path: Path) -> bool:
    """True if the name of an LR file says its scale."""
    return _read_name(path.stem, is_lr=True).scale is not None


def fits(hr_file: Path, lr_file: Path, scale: int) -> bool:
    """True unless the headers show that the images' sizes differ by another scale."""
    try:
        sides = zip(image_size(hr_file), image_size(lr_file), strict=True)
    except DataError:
        return True
    return all(low in (high // scale, -(-high // scale)) for high, low in sides)


def match_scale(match: re.Match[str]) -> int | None:
    """The scale in one of the groups of `match`."""
    groups: Mapping[str, str | None] = match.groupdict()
    found = next((groups[name] for name in ("x", "n", "only") if groups.get(name)), None)
    return None if found is None else int(found)


def _read_name(stem: str, *, is_lr: bool = False) -> _Name:
    """Read a file's name; a scale at the end is read only if it is that of an LR image (`is_lr`)."""
    name = fold(stem)
    srf = _SRF.search(name)
    scale = match_scale(srf) if srf else None
    if found := _LR_WORD.search(name):
        return _Name(_without(name, found), "lr", match_scale(found) or scale)
    if is_lr and (found := _SCALE_AT_END.search(name)):
        return _Name(name[: found.start()], "lr", match_scale(found))
    if found := _HR_WORD.search(name):
        return _Name(_without(name, found), "hr")
    return _Name(name, "", scale if is_lr else None)


def _without(name: str, found: re.Match[str]) -> str:
    return f"{name[: found.start()]}|{name[found.end() :]}".strip("|")
