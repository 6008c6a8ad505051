"""Folder layouts of training and test sets: a plain folder, DIV2K's, and that of the benchmark sets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from os.path import expanduser, realpath
from pathlib import Path

from fakd_core.assets import assets_dir
from fakd_core.data.image_formats import IMAGE_SUFFIXES, OTHER_IMAGE_SUFFIXES
from fakd_core.data.pairing import find_partners, fits, fold, split_pairs, states_scale
from fakd_core.errors import DataError

_DIV2K_PARTS = ("div2k_train", "div2k_valid")
_HR_FOLDER = re.compile(r"(?:(?P<part>.+)[-_. ])?(?:hr|hq|gt(?:mod\d+)?)", re.IGNORECASE)
_LR_FOLDER = re.compile(
    r"(?:(?P<part>.+)[-_. ])?(?:lr|lq)(?:[-_. ]?(?P<bicubic>bic(?:ubic)?))?(?:[-_. ]?x?(?P<x>\d)x?)?",
    re.IGNORECASE,
)
_SCALE_FOLDER = re.compile(r"x?(?P<x>\d)x?", re.IGNORECASE)

SAMPLES = "samples"
"""The name of the bundled images where a folder of images is expected."""


@dataclass(frozen=True, kw_only=True)
class ImageFolders:
    """`hr` holds the HR images. LR folders may stand in `root`, named with the same `part` before them."""

    name: str
    hr: Path
    root: Path | None = None
    part: str = ""


def find_images(folder: Path) -> list[Path]:
    """List the image files in `folder` by suffix, in natural order (img2 before img10), without hidden ones.

    Raises:
        DataError: `folder` isn't a folder, or can't be read.
    """
    found = [path for path in _files(folder) if path.suffix.lower() in IMAGE_SUFFIXES]
    return sorted(found, key=_natural)


def describe_left_out(folder: Path) -> str:
    """Say how many images in `folder` can't be read, by suffix; empty if there are none.

    Raises:
        DataError: As `find_images`.
    """
    suffixes = [path.suffix.lower() for path in _files(folder)]
    counts = Counter(suffix for suffix in suffixes if suffix in OTHER_IMAGE_SUFFIXES)
    kinds = [f"{count} {suffix}" for suffix, count in sorted(counts.items())]
    links = [path for path in _entries(folder) if path.is_symlink() and not path.exists()]
    if broken := sum(path.suffix.lower() in IMAGE_SUFFIXES for path in links):
        kinds.append(f"{broken} broken link{'s' * (broken > 1)}")
    if not kinds:
        return ""
    advice = "; save them as PNG or JPEG" if counts else ""
    return f"{folder}: left out {', '.join(kinds)}, which can't be read here{advice}"


def _files(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_file()]


def _entries(folder: Path) -> list[Path]:
    """The files and folders in `folder` without hidden ones."""
    if not folder.exists():
        raise DataError(f"{folder}: no such folder; check the path")
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of images, found a file; name the folder it is in")
    try:
        return [path for path in folder.iterdir() if path.name[0] != "."]
    except OSError as error:
        raise DataError(f"{folder}: can't be read ({error.strerror}); check its permissions") from error


def detect_layout(folder: Path) -> ImageFolders:
    """Recognise the layout of `folder`; case and the characters between words make no difference.

    - benchmark: `folder/HR` (or GT), with or without `folder/LR_bicubic/X{scale}`; or the HR folder itself;
    - DIV2K: `folder/DIV2K_train_HR` (else `DIV2K_valid_HR`), with or without `..._LR_bicubic/X{scale}`;
      or the HR folder itself, or the parent of a folder named `DIV2K`; other sets with such names likewise;
    - otherwise a plain folder of HR images, or of `NAME_HR` beside `NAME_LR`.

    Raises:
        DataError: there are no HR images where the layout has them.
    """
    # The real path, so that "." and "HR/.." have a name and a parent. Path's own methods raise RuntimeError
    # for a link to itself, and for the home of an unknown user.
    folder = Path(realpath(expanduser(folder)))
    folders = (
        _with_words(folder) or _with_words(folder / "DIV2K") or ImageFolders(name=folder.name, hr=folder)
    )
    if not find_images(folders.hr):
        if left_out := describe_left_out(folders.hr):
            raise DataError(left_out)
        inside = [path.name for path in folder.iterdir() if path.is_dir() and path.name[0] != "."]
        hint = f" (it holds the folders {', '.join(sorted(inside)[:6])}: name one of them)" if inside else ""
        raise DataError(
            f"{folders.hr}: no images found{hint}; expected PNG, JPEG or other image files, "
            "or a folder with HR/ or DIV2K_train_HR/ in it"
        )
    return folders


def find_pairs(folders: ImageFolders, scale: int) -> tuple[list[Path], list[Path | None]]:
    """Find the HR files, and the LR file of each; these are all None if there are none at `scale`.

    Raises:
        DataError: some LR images of a folder are missing.
    """
    hr_files, beside = split_pairs(find_images(folders.hr), scale)
    lr_folder, is_certain = _lr_folder(folders, scale) if folders.root else (None, False)
    if lr_folder is None:
        partners, is_certain = beside, False
    else:
        partners = find_partners(hr_files, find_images(lr_folder), scale)
        if missing := [path.stem for path, partner in zip(hr_files, partners, strict=True) if not partner]:
            shown = ", ".join(f"{stem}x{scale}" for stem in missing[:3])
            raise DataError(
                f"{lr_folder}: {len(missing)} of {len(hr_files)} LR images are missing ({shown}...); "
                "add them, or remove the folder to have all LR images made"
            )
    for hr_file, partner in zip(hr_files, partners, strict=True):
        if partner and not is_certain and not states_scale(partner) and not fits(hr_file, partner, scale):
            return hr_files, [None] * len(hr_files)
        if partner:
            break
    return hr_files, partners


def _lr_folder(folders: ImageFolders, scale: int) -> tuple[Path | None, bool]:
    """The folder of the LR images at `scale`, and whether its name says that scale."""
    found: list[tuple[bool, bool, str, Path]] = []
    for path in _folders_in(folders.root):
        match = _LR_FOLDER.fullmatch(path.name)
        if match is None or fold(match["part"] or "") != fold(folders.part):
            continue
        inner = [(path, match["x"])]
        for child in _folders_in(path):
            if scale_match := _SCALE_FOLDER.fullmatch(child.name):
                inner.append((child, scale_match["x"]))
        for place, stated in inner:
            if stated == str(scale) or (stated is None and find_images(place)):
                found.append((stated is None, match["bicubic"] is None, str(place), place))
    return (min(found)[-1], not min(found)[0]) if found else (None, False)


def hr_folder(folder: Path) -> Path | None:
    """The HR folder of a benchmark set in `folder`; None if it has none."""
    named = [path for path in _folders_in(folder) if _hr_part(path) == ""]
    return min(named, key=lambda path: (fold(path.name) != "hr", path.name), default=None)


def set_folder(folder: Path) -> Path:
    """The folder of the whole set for an HR folder, as `hr_folder` gives it; any other folder itself."""
    return folder.parent if _hr_part(folder) == "" else folder


def _with_words(folder: Path) -> ImageFolders | None:
    """The layout of `folder` if it, or a folder in it, is named as one of HR images."""
    is_hr = _hr_part(folder) is not None and folder.is_dir() and find_images(folder)
    hr = folder if is_hr else hr_folder(folder) or _part(folder)
    if hr is None:
        return None
    part = _hr_part(hr) or ""
    return ImageFolders(name=part or hr.parent.name, hr=hr, root=hr.parent, part=part)


def _part(folder: Path) -> Path | None:
    """The folder `..._HR` in `folder`: that of DIV2K's parts, or the only one."""
    parts = {fold(path.name): path for path in _folders_in(folder) if _hr_part(path)}
    for part in _DIV2K_PARTS:
        if f"{part}_hr" in parts:
            return parts[f"{part}_hr"]
    return next(iter(parts.values())) if len(parts) == 1 and not find_images(folder) else None


def _folders_in(folder: Path | None) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir()) if folder else []
    except OSError:
        return []


def _hr_part(folder: Path) -> str | None:
    """The part that a folder of HR images is of, as in `DIV2K_train_HR`; None if it isn't named so."""
    match = _HR_FOLDER.fullmatch(folder.name)
    return None if match is None else match["part"] or ""


def _natural(path: Path) -> list[tuple[int, str]]:
    return [
        (int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", path.name.lower())
    ]


def resolve_data(ref: str | Path) -> Path:
    """The folder that `ref` names: `samples` for the bundled images, otherwise a path.

    A folder of the user's with that name is reached by its absolute path.
    """
    return assets_dir() / SAMPLES if str(ref) == SAMPLES else Path(expanduser(ref))


def resolve_all(refs: Iterable[str | Path]) -> list[Path]:
    """The folders that `refs` name; see `resolve_data`."""
    return [resolve_data(ref) for ref in refs]


def sample_images() -> list[Path]:
    """List the bundled images by name. Raises `DataError` if they are not installed."""
    return find_images(assets_dir() / SAMPLES)
