"""Loaded models, shared by all workspaces."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakd_core.models.layers import SRNetwork


class ModelCache:
    """Loads each model once, from any thread, and again when its file has changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: dict[str, tuple[float, SRNetwork]] = {}

    def get(self, ref: str) -> SRNetwork:
        """The model `ref` (see `references.load_model`) in eval mode. Slow: call it from a worker thread."""
        from fakd_core.runs.references import load_model, model_file, split_taps

        with self._lock:
            changed = model_file(ref).stat().st_mtime
            held = self._models.get(ref)
            if held is None or held[0] != changed:
                held = (changed, load_model(ref))
                name, taps = split_taps(ref)
                # Several taps of one file are tried one after another: keep only the last.
                former = [other for other in self._models if taps and split_taps(other)[0] == name != other]
                for other in former:
                    del self._models[other]
                self._models[ref] = held
            return held[1]
