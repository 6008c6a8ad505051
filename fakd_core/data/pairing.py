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
_CAMEL_CASE = re.compile(r"(?<=[a-z])(?=(?:HR|GT|LR|LQ)(?![a-z]))")
_HR_WORD = re.compile(rf"{_BEGIN}(?:hr|gt|hq|hi(?:gh)?{_GAP}?res){_END}")
_LR_WORD = re.compile(
    rf"{_BEGIN}(?:lr|lq|low{_GAP}?res)(?:{_GAP}?bic(?:ubic)?)?(?:(?:{_SCALE}|(?P<only>[2348]))(?={_GAP}|$))?{_END}"
)
_SCALE_AT_END = re.compile(rf"(?:{_GAP}?bic(?:ubic)?)?{_SCALE}$")
_SRF = re.compile(r"srf_?(?P<x>\d)")
"""The scale in names of the sets of Huang et al. (2015), as in `img_001_SRF_4_HR`."""


class _Name(NamedTuple):
    """The image that a file's name names, `hr`, `lr` or nothing, and the scale if stated."""

    image: str
    role: str = ""
    scale: int | None = None


def fold(name: str) -> str:
    """`name` so that case and Unicode form, in which systems differ, make no difference."""
    return unicodedata.normalize("NFC", name).casefold()


def split_pairs(files: Sequence[Path], scale: int) -> tuple[list[Path], list[Path | None]]:
    """Tell HR from LR images in one folder, such as `baby_HR.png` and `baby_LR.png`; files of no pair are HR.

    A file like `babyx4.png` may also be a result made from `baby.png`, so that its size decides.

    Returns:
        The HR files, and the LR file of each at `scale`, or None.

    Raises:
        DataError: a folder of pairs has an LR image without its HR image.
    """
    names = {path: _read_name(path.stem) for path in files}
    images = {name.image: path for path, name in names.items() if name.role != "lr"}
    low = {path for path, name in names.items() if name.role == "lr" and name.image in images}
    if low and (alone := [path for path, name in names.items() if name.role == "lr" and path not in low]):
        raise DataError(
            f"{alone[0]}: an LR image without its HR image, among pairs ({len(alone)} of {len(files)}); "
            "add the HR image, or remove this file"
        )
    for path, name in names.items():
        as_lr = _read_name(path.stem, is_lr=True)
        hr_file = images.get(as_lr.image)
        if not name.role and as_lr.scale and hr_file and fits(hr_file, path, as_lr.scale):
            low.add(path)
    high = [path for path in files if path not in low]
    return high, find_partners(high, [path for path in files if path in low], scale)


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
        stem, name = unicodedata.normalize("NFC", path.stem), _read_name(path.stem)
        similar = by_image[name.image] if name.scale in (None, scale) else []
        partner = next(iter(similar), by_name.get(fold(stem)))
        partners.append(exact.get(f"{stem}x{scale}", partner))
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
    """Read a file's name; a scale at the end counts beside a word such as HR, or if it is an LR image's."""
    name = fold(_CAMEL_CASE.sub("_", stem))
    srf = _SRF.search(name)
    scale = match_scale(srf) if srf else None
    if found := _LR_WORD.search(name):
        image, stated = _without(name, found)
        return _Name(image, "lr", match_scale(found) or stated or scale)
    if is_lr and (found := _SCALE_AT_END.search(name)):
        return _Name(name[: found.start()], "lr", match_scale(found))
    if found := _HR_WORD.search(name):
        image, stated = _without(name, found)
        return _Name(image, "hr", stated)
    return _Name(name, "", scale if is_lr else None)


def _without(name: str, found: re.Match[str]) -> tuple[str, int | None]:
    """The name without the word `found` and without the scale at its end, and that scale."""
    rest = f"{name[: found.start()]}|{name[found.end() :]}".strip("|")
    scale = _SCALE_AT_END.search(rest)
    return (rest[: scale.start()].strip("|"), match_scale(scale)) if scale else (rest, None)
