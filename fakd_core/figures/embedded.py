"""The recipe inside a figure: a text chunk of a PNG, the keywords of a PDF."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from fakd_core.errors import ConfigError

PNG_KEY = "fakd-recipe"
PDF_KEY = "Keywords"
_OCTAL = re.compile(rb"[0-7]{1,3}")
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def embedded_recipe(path: Path) -> str:
    """The TOML text in a PNG or PDF. Raises `ConfigError` if there is none."""
    text = _of_pdf(path.read_bytes()) if path.suffix.lower() == ".pdf" else _of_png(path)
    if text is None or "kind" not in text:
        raise ConfigError(
            f"{path}: no recipe in this picture; give a figure that fakd figure has drawn, or its TOML file"
        )
    return text


def _of_png(path: Path) -> str | None:
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.info.get(PNG_KEY)
    except (OSError, ValueError, SyntaxError):
        return None


def _of_pdf(data: bytes) -> str | None:
    """The string after /Keywords, in parentheses that are escaped or balanced inside."""
    mark = f"/{PDF_KEY} (".encode()
    start = data.rfind(mark)
    if start < 0:
        return None
    text, depth, at = bytearray(), 1, start + len(mark)
    while at < len(data):
        byte = data[at : at + 1]
        if byte == b"\\":
            at += 1
            byte = data[at : at + 1]
            if octal := _OCTAL.match(data, at):
                text.append(int(octal[0], 8) & 0xFF)
                at = octal.end()
                continue
            byte = _ESCAPED.get(byte, byte)
        elif byte in b"()":
            depth += 1 if byte == b"(" else -1
            if depth == 0:
                break
        text += byte
        at += 1
    raw = bytes(text)
    return raw.decode("utf-16", "replace") if raw.startswith(codecs.BOM_UTF16_BE) else raw.decode("latin-1")
