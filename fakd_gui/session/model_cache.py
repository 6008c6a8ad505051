"""Loaded models, shared by all workspaces, on the device that the user chose."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fakd_core.errors import ConfigError

if TYPE_CHECKING:
    import torch

    from fakd_core.models.layers import SRNetwork

MAX_BYTES = 1 << 30
"""Size of the weights that are kept: six of the paper's EDSR teachers."""


@dataclass(frozen=True, eq=False)
class _Loaded:
    version: int
    model: SRNetwork
    nbytes: int


class ModelCache(QObject):
    """Loads each model once, from any thread, and again when its file or the device has changed.

    Keeps those used last, of at most `max_bytes`, and fewer while less memory is free than they take; one
    that is dropped lives on wherever it is in use.
    """

    device_changed = Signal(str)
    """The name of the device that models are loaded onto from now on."""
    notified = Signal(str)
    """A sentence, on any thread: a model or all of them run on the CPU instead of the chosen device."""

    def __init__(self, parent: QObject | None = None, max_bytes: int = MAX_BYTES) -> None:
        super().__init__(parent)
        self.max_bytes = max_bytes
        self._device_name = "auto"
        self._device: torch.device | None = None
        """The device of that name; None until it is first asked for."""
        self._lock = threading.Lock()
        """Held for moments only: while one model is loaded, the others can be had."""
        self._loading: dict[str, threading.Lock] = {}
        """Held by the thread that loads the model of that reference."""
        self._models: OrderedDict[str, _Loaded] = OrderedDict()
        """The one used last at the end."""

    @property
    def device_name(self) -> str:
        """The user's choice, such as `auto` or `cpu`."""
        return self._device_name

    def choose_device(self, name: str) -> None:
        """Load models onto the device `name` from now on. Those in use stay where they are."""
        if name == self._device_name:
            return
        with self._lock:
            self._device_name, self._device = name, None
            self._models.clear()
        self.device_changed.emit(name)

    def device(self) -> torch.device:
        """The device that models are loaded onto: the CPU if the chosen one can't be used.

        Imports torch: call it from a worker thread.
        """
        from fakd_core.runtime.device import choose_device

        with self._lock:
            name, device = self._device_name, self._device
        if device is None:
            try:
                device = choose_device(name)
            except ConfigError as error:
                device = choose_device("cpu")
                self.notified.emit(f"Models run on the CPU: {error}")
            with self._lock:
                # Meanwhile another one may have been chosen.
                if name == self._device_name:
                    self._device = device
        return device

    def load(self, ref: str | Path) -> SRNetwork:
        """Load the model `ref` onto the device without keeping it. Slow: call it from a worker thread."""
        from fakd_core.runs.references import load_model
        from fakd_core.runtime.device import move_network

        return move_network(load_model(ref), self.device(), self.notified.emit, Path(ref).name)

    def version(self, ref: str) -> int:
        """Changes whenever the weights of `ref` do: the modification time of the file in ns."""
        from fakd_core.runs.references import model_file

        return model_file(ref).stat().st_mtime_ns

    def get(self, ref: str) -> SRNetwork:
        """The model `ref` (see `references.load_model`) in eval mode. Slow: call it from a worker thread."""
        with self._lock:
            loading = self._loading.setdefault(ref, threading.Lock())
        with loading:
            version = self.version(ref)
            with self._lock:
                held = self._models.get(ref)
                if held is not None and held.version == version:
                    self._models.move_to_end(ref)
                    return held.model
            device_name, model = self._device_name, self.load(ref)
            self._keep(ref, _Loaded(version, model, _count_bytes(model)), device_name)
            return model

    def _keep(self, ref: str, loaded: _Loaded, device_name: str) -> None:
        from fakd_core.runs.references import split_taps
        from fakd_core.runtime.device import free_memory

        name, taps = split_taps(ref)
        limit = min(self.max_bytes, free_memory(self.device()))
        with self._lock:
            if device_name != self._device_name:
                return
            self._models.pop(ref, None)
            # Several taps of one file are tried one after another: keep only the last.
            for other in [other for other in self._models if taps and split_taps(other)[0] == name]:
                del self._models[other]
            self._models[ref] = loaded
            while len(self._models) > 1 and self._size > limit:
                self._models.popitem(last=False)

    @property
    def _size(self) -> int:
        return sum(loaded.nbytes for loaded in self._models.values())


def _count_bytes(model: SRNetwork) -> int:
    return sum(weight.nbytes for weight in (*model.parameters(), *model.buffers()))
