"""Stand-ins for harmless classes whose objects lie beside weights in pickles, so that no code of theirs runs.

torch's reader of weights refuses every name that it doesn't know: a NumPy number, a path, the options of a
command line. These are replaced by inert objects; NumPy's arrays, which may be the weights, by their bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

_NUMBERS = re.compile(r"[<>=|]?([bB?]|[iu][1248]|[f][248])1?")


class Ignored:
    """An object of which nothing is kept."""

    def __new__(cls, *_: object, **__: object) -> Ignored:
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


class ArrayType:
    """The type of an array's elements; `dtype` is None for anything but plain numbers."""

    def __init__(self, code: object = "", *_: object) -> None:
        plain = isinstance(code, str) and _NUMBERS.fullmatch(code)
        self.dtype = np.dtype(code) if plain and isinstance(code, str) else None

    def __setstate__(self, state: object) -> None:
        if self.dtype is not None and isinstance(state, tuple) and len(state) > 1 and state[1] == ">":
            self.dtype = self.dtype.newbyteorder(">")


class StoredArray:
    """A NumPy array in a pickle, made of its bytes; `tensor` is None for anything but plain numbers."""

    tensor: Tensor | None = None

    def __setstate__(self, state: object) -> None:
        match state:
            case (_, tuple(shape), ArrayType(dtype=np.dtype() as dtype), fortran, bytes(data)):
                self._fill(shape, dtype, data, "F" if fortran else "C")

    def _fill(self, shape: tuple[Any, ...], dtype: np.dtype[Any], data: bytes, order: str) -> None:
        # A view of no more bytes than the file has; numpy raises for any other shape.
        values = np.frombuffer(data, dtype).reshape(shape, order="F" if order == "F" else "C")
        self.tensor = torch.from_numpy(np.ascontiguousarray(values, dtype.newbyteorder("=")).copy())


def _scalar(*_: object) -> Ignored:
    return Ignored()


def _array(*_: object) -> StoredArray:
    return StoredArray()


def _mapping(*_: object) -> dict[Any, Any]:
    return {}


def _list(items: Iterable[object] = (), *_: object) -> list[object]:
    return list(items) if isinstance(items, list) else []


_STAND_INS: tuple[tuple[str, Callable[..., object]], ...] = (
    (r"numpy\.(_core|core)\.multiarray\.scalar", _scalar),
    (r"numpy\.(_core|core)\.multiarray\._reconstruct", _array),
    (r"numpy\.dtype", ArrayType),
    (r"numpy\.ndarray", StoredArray),
    (r"numpy\.(\w*int\d*|float\d*|bool_?|\w+_)", Ignored),
    (r"collections\.defaultdict", _mapping),
    (r"collections\.deque", _list),
    (r"(argparse|types)\.(Namespace|SimpleNamespace)", Ignored),
    (r"pathlib(\._local)?\.(Pure)?(Posix|Windows)?Path", Ignored),
    (r"datetime\.(datetime|date|time|timedelta|timezone)", Ignored),
    (r"(decimal\.Decimal|fractions\.Fraction|uuid\.UUID)", Ignored),
    (r"builtins\.(frozenset|range|slice|object|int|float|str|bool|list|dict|tuple|bytes|type)", Ignored),
)
"""Patterns of full names, and what is called instead."""


def stand_in(name: str) -> Callable[..., object] | None:
    """The stand-in for the class or function of that full name; None if it isn't known to be harmless."""
    return next((call for pattern, call in _STAND_INS if re.fullmatch(pattern, name)), None)
