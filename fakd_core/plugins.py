"""What other installed packages add through entry points: networks, distillation terms, metrics."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

ARCHITECTURES = "fakd.architectures"
TERMS = "fakd.terms"
METRICS = "fakd.metrics"

_log = logging.getLogger(__name__)


class Additions:
    """The entries of one group, loaded when their table is first asked for something.

    One that can't be loaded, or that the table refuses, is left out; one line of the log says which, and why.
    """

    def __init__(self, group: str, kind: type, register: Callable[[Any], None]) -> None:
        """Each entry has to be a `kind`; `register` raises for one that it refuses."""
        self._group = group
        self._kind = kind
        self._register = register
        self._begun = self._done = False
        self._lock = threading.RLock()

    def load(self) -> None:
        """Load the entries, the first time."""
        if self._done:
            return
        with self._lock:
            if self._begun:  # By a plugin that asks for the table while it is loaded itself.
                return
            self._begun = True
            for entry in sorted(entry_points(group=self._group), key=lambda entry: entry.name):
                self._add(entry)
            self._done = True

    def _add(self, entry: EntryPoint) -> None:
        try:
            added = entry.load()
            if not isinstance(added, self._kind):
                raise TypeError(f"expected {self._kind.__name__}, found {type(added).__name__}")
            self._register(added)
        except Exception as error:  # noqa: BLE001 - other people's code may fail in any way
            package = entry.dist.name if entry.dist else "an unknown package"
            reason = " ".join(str(error).split()) or type(error).__name__
            _log.warning("%s: its %s %r is left out: %s", package, self._group, entry.name, reason)
