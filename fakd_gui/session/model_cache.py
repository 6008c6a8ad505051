"""Loaded models, shared by all workspaces."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakd_core.models.layers import SRNetwork

MAX_BYTES = 1 << 30
"""Size of the weights that are kept: six of the paper's EDSR teachers."""


@dataclass(frozen=True, eq=False)
class _Loaded:
    version: int
    model: SRNetwork
    nbytes: int


class ModelCache:
    """Loads each model once, from any thread, and again when its file has changed.

    Keeps those used last, of at most `max_bytes`; one that is dropped lives on wherever it is in use.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        """Held for moments only: while one model is loaded, the others can be had."""
        self._loading: dict[str, threading.Lock] = {}
        """Held by the thread that loads the model of that reference."""
        self._models: OrderedDict[str, _Loaded] = OrderedDict()
        """The one used last at the end."""

    def version(self, ref: str) -> int:
        """Changes whenever the weights of `ref` do: the modification time of the file in ns."""
        from fakd_core.runs.references import model_file

        return model_file(ref).stat().st_mtime_ns

    def get(self, ref: str) -> SRNetwork:
        """The model `ref` (see `references.load_model`) in eval mode. Slow: call it from a worker thread."""
        from fakd_core.runs.references import load_model

        with self._lock:
            loading = self._loading.setdefault(ref, threading.Lock())
        with loading:
            version = self.version(ref)
            with self._lock:
                held = self._models.get(ref)
                if held is not None and held.version == version:
                    self._models.move_to_end(ref)
                    return held.model
            model = load_model(ref)
            self._keep(ref, _Loaded(version, model, _count_bytes(model)))
            return model

    def _keep(self, ref: str, loaded: _Loaded) -> None:
        from fakd_core.runs.references import split_taps

        name, taps = split_taps(ref)
        with self._lock:
            self._models.pop(ref, None)
            # Several taps of one file are tried one after another: keep only the last.
            for other in [other for other in self._models if taps and split_taps(other)[0] == name]:
                del self._models[other]
            self._models[ref] = loaded
            while len(self._models) > 1 and self._size > self.max_bytes:
                self._models.popitem(last=False)

    @property
    def _size(self) -> int:
        return sum(loaded.nbytes for loaded in self._models.values())


def _count_bytes(model: SRNetwork) -> int:
    return sum(weight.nbytes for weight in (*model.parameters(), *model.buffers()))
