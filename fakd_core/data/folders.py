"""Folder layouts of training and test sets: a plain folder, DIV2K's, and that of the benchmark sets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from os.path import expanduser, realpath
from pathlib import Path

from fakd_core.assets import assets_dir
from fakd_core.data.image_formats import IMAGE_SUFFIXES, OTHER_IMAGE_SUFFIXES
from fakd_core.errors import DataError

_DIV2K_PARTS = ("DIV2K_train", "DIV2K_valid")

SAMPLES = "samples"
"""The name of the bundled images where a folder of images is expected."""


@dataclass(frozen=True, kw_only=True)
class ImageFolders:
    """`hr` holds the HR images; `lr`, which may not exist, one folder `X{scale}` per scale."""

    name: str
    hr: Path
    lr: Path | None = None


def find_images(folder: Path) -> list[Path]:
    """List the image files in `folder` by suffix, in natural order (img2 before img10), without hidden ones.

    Raises:
        DataError: `folder` isn't a folder, or can't be read.
    """
    found = [path for path in _files(folder) if path.suffix.lower() in IMAGE_SUFFIXES]
    return sorted(found, key=_natural)


def describe_left_out(folder: Path) -> str:
    """Say how many images in `folder` have a format that can't be read, by suffix; empty if there are none.

    Raises:
        DataError: As `find_images`.
    """
    suffixes = [path.suffix.lower() for path in _files(folder)]
    counts = Counter(suffix for suffix in suffixes if suffix in OTHER_IMAGE_SUFFIXES)
    if not counts:
        return ""
    kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(counts.items()))
    return f"{folder}: left out {kinds}, which can't be read here; save them as PNG or JPEG"


def _files(folder: Path) -> list[Path]:
    """The files in `folder` without hidden ones."""
    if not folder.exists():
        raise DataError(f"{folder}: no such folder; check the path")
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of images, found a file; name the folder it is in")
    try:
        return [path for path in folder.iterdir() if path.name[0] != "." and path.is_file()]
    except OSError as error:
        raise DataError(f"{folder}: can't be read ({error.strerror}); check its permissions") from error


def detect_layout(folder: Path) -> ImageFolders:
    """Recognise the layout of `folder`.

    - benchmark: `folder/HR`, with or without `folder/LR_bicubic/X{scale}`; or the HR folder itself;
    - DIV2K: `folder/DIV2K_train_HR` (else `DIV2K_valid_HR`), with or without `..._LR_bicubic/X{scale}`;
      or the HR folder itself, or the parent of a folder named `DIV2K`;
    - otherwise a plain folder of HR images.

    Raises:
        DataError: there are no HR images where the layout has them.
    """
    # The real path, so that "." and "HR/.." have a name and a parent. Path's own methods raise RuntimeError
    # for a link to itself, and for the home of an unknown user.
    folder = Path(realpath(expanduser(folder)))
    folders = _benchmark(folder) or _div2k(folder) or _div2k(folder / "DIV2K")
    if folders is None:
        folders = ImageFolders(name=folder.name, hr=folder)
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


def find_lr_files(folders: ImageFolders, hr_files: Sequence[Path], scale: int) -> tuple[Path | None, ...]:
    """Find the LR file `{stem}x{scale}` of every HR file; all are None if that scale has no folder.

    Raises:
        DataError: the folder exists, and some of its LR images are missing.
    """
    lr_folder = folders.lr / f"X{scale}" if folders.lr else None
    if lr_folder is None or not lr_folder.is_dir():
        return (None,) * len(hr_files)
    present = {path.stem: path for path in find_images(lr_folder)}
    missing = [path.stem for path in hr_files if f"{path.stem}x{scale}" not in present]
    if missing:
        shown = ", ".join(f"{stem}x{scale}" for stem in missing[:3])
        raise DataError(
            f"{lr_folder}: {len(missing)} of {len(hr_files)} LR images are missing ({shown}...); "
            "add them, or remove the folder to have all LR images made"
        )
    return tuple(present[f"{path.stem}x{scale}"] for path in hr_files)


def _benchmark(folder: Path) -> ImageFolders | None:
    root = folder.parent if folder.name == "HR" and folder.is_dir() else folder
    if not (root / "HR").is_dir():
        return None
    return ImageFolders(name=root.name, hr=root / "HR", lr=root / "LR_bicubic")


def _div2k(folder: Path) -> ImageFolders | None:
    for part in _DIV2K_PARTS:
        root = folder.parent if folder.name == f"{part}_HR" else folder
        given_other_part = folder.name in {f"{other}_HR" for other in _DIV2K_PARTS} and root == folder
        if not given_other_part and (root / f"{part}_HR").is_dir():
            return ImageFolders(name=part, hr=root / f"{part}_HR", lr=root / f"{part}_LR_bicubic")
    return None


def _natural(path: Path) -> list[tuple[int, str]]:
    return [
        (int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", path.name.lower())
    ]


def resolve_data(ref: str | Path) -> Path:
    """The folder that `ref` names: `samples` for the bundled images, otherwise a path.

    A folder of the user's with that name is reached by its absolute path.
    """
    return assets_dir() / SAMPLES if str(ref) == SAMPLES else Path(expanduser(ref))


def sample_images() -> list[Path]:
    """List the bundled images by name. Raises `DataError` if they are not installed."""
    return find_images(assets_dir() / SAMPLES)
