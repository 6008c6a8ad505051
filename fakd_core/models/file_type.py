"""The type of a file by its content, and what its pickle would import: nothing in it is run or unpacked."""

from __future__ import annotations

import pickletools
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import torch

from fakd_core.models.pickle_values import stand_in

MAX_PICKLE_BYTES = 64 * 2**20
"""Bytes of a pickle that are scanned: that of a state dict is far smaller."""
MAX_PICKLES = 8
"""An old PyTorch file is a few concatenated pickles."""

ARCHIVE = "PyTorch archive"
OLD_PICKLE = "pickle, as PyTorch wrote before 1.6"
SAFETENSORS = "safetensors"
UNCERTAIN = ("damaged archive", "empty file", "text", "unknown")
"""Types that the remains of a checkpoint may have."""
_SIGNATURES = (
    (b"version https://git-lfs", "Git LFS pointer, not the file itself: run git lfs pull"),
    (b"\x89PNG", "image (PNG)"),
    (b"\xff\xd8\xff", "image (JPEG)"),
    (b"RIFF", "image or sound (RIFF)"),
    (b"\x89HDF", "HDF5, as Keras writes"),
    (b"\x1f\x8b", "gzip archive; unpack it first"),
    (b"7z\xbc\xaf", "7z archive; unpack it first"),
    (b"Rar!", "RAR archive; unpack it first"),
    (b"GGUF", "GGUF"),
    (b"\x80", OLD_PICKLE),
)
_WEB_PAGES = (b"<!doctype", b"<html", b"<?xml", b"<head")
_SAFE_GLOBALS = re.compile(
    r"torch\.\w*(Storage|Tensor)|torch\.(_utils|_tensor)\._rebuild\w*|torch\.storage\.\w+"
    r"|collections\.(OrderedDict|Counter)|torch\.(Size|device)|torch\.serialization\._get_layout"
    r"|torch\.nn\.parameter\.Parameter|_codecs\.encode|builtins\.(set|bytearray|complex)"
)


def file_type(path: Path) -> str:
    """Describe the type of `path` in a few words. Raises `OSError` if it can't be read."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(64)
    if not start:
        return "empty file"
    if start.startswith(b"PK\x03\x04"):
        return _type_of_zip(path)
    if start.lstrip()[:9].lower().startswith(_WEB_PAGES):
        return "web page: the download gave a page rather than the file"
    known = next((kind for signature, kind in _SIGNATURES if start.startswith(signature)), None)
    if known is not None:
        return known
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= size:
        return SAFETENSORS
    if path.suffix.lower() == ".onnx":
        return "ONNX"
    return "text" if all(byte >= 32 or byte in b"\t\r\n" for byte in start) else "unknown"


def unsafe_globals(path: Path) -> list[str]:
    """The names in the pickle at `path` that could run code if imported, sorted; nothing is imported."""
    return [name for name in other_globals(path) if stand_in(name) is None]


def other_globals(path: Path) -> list[str]:
    """The names beyond plain weights that the pickle in `path` would import, sorted; nothing is imported.

    `torch.serialization.get_unsafe_globals_in_checkpoint` refuses files from before PyTorch 1.6 and plain
    pickles, stops at the first instruction of pickle protocol 4, and gives nothing for a damaged file. These
    are the files one asks about, so the pickle is scanned here.
    """
    names: set[str] = set()
    try:
        for module, name in _globals(_read_pickle(path)):
            value = getattr(torch, name, None) if module == "torch" else None
            is_type = isinstance(value, torch.dtype | torch.qscheme)
            # Pickle's protocol 2 has the names of Python 2.
            full = f"{'builtins' if module == '__builtin__' else module}.{name}"
            if not is_type and not _SAFE_GLOBALS.fullmatch(full):
                names.add(full)
    except Exception:  # noqa: BLE001 - a damaged pickle raises nearly any exception; what was found counts
        pass
    return sorted(names)


def _type_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except Exception:  # noqa: BLE001 - zipfile raises nearly any exception on damaged archives
        return "damaged archive"
    if any(name.endswith("/constants.pkl") for name in names):
        return "TorchScript program"
    if any(name.endswith("data.pkl") for name in names):
        return ARCHIVE
    return "zip archive; unpack it first"


def _read_pickle(path: Path) -> bytes:
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            file.seek(0)
            return file.read(MAX_PICKLE_BYTES)
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        with archive.open(name) as part:
            return part.read(MAX_PICKLE_BYTES)


def _globals(content: bytes) -> Iterator[tuple[str, str]]:
    stream = BytesIO(content)
    for _ in range(MAX_PICKLES):
        texts: list[str] = []
        memo: dict[int, str] = {}
        for code, argument, _position in pickletools.genops(stream):
            if code.name in ("GLOBAL", "INST"):
                module, _, name = str(argument).partition(" ")
                yield module, name
            elif code.name == "STACK_GLOBAL" and len(texts) >= 2:
                yield texts[-2], texts[-1]
            elif "PUT" in code.name and texts and argument is not None:
                memo[int(argument)] = texts[-1]
            elif code.name == "MEMOIZE":
                memo[len(memo)] = texts[-1] if texts else ""
            elif "GET" in code.name and argument is not None and int(argument) in memo:
                texts.append(memo[int(argument)])
            elif isinstance(argument, str):
                texts.append(argument)
            del texts[:-4]
