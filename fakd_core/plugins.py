"""The registry of networks, distillation terms and metrics, which other packages extend by entry points."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, Protocol, TypeVar

from fakd_core.errors import ConfigError

_log = logging.getLogger(__name__)


class Named(Protocol):
    @property
    def name(self) -> str: ...


Entry = TypeVar("Entry", bound=Named)


class Registry(Generic[Entry]):
    """Entries in the order of their registration, found by names that are unique in any case.

    Entries of other packages are loaded when the registry is first read. One that can't be loaded or
    registered is left out, and a line of the log says which and why.
    """

    def __init__(
        self,
        kind: type[Entry],
        noun: str,
        *,
        group: str = "",
        entries: Iterable[Entry] = (),
        reserved: Collection[str] = (),
    ) -> None:
        """Make a registry of `entries`, instances of `kind` that messages call `noun`.

        `group` is the group of entry points that adds others, `reserved` are names in lower case that no
        entry may have.
        """
        self._kind = kind
        self._noun = noun
        self._group = group
        self._reserved = reserved
        self._entries: dict[str, Entry] = {}
        self._lock = threading.RLock()
        self._loading = self._loaded = not group
        for entry in entries:
            self.register(entry)

    def register(self, entry: Entry) -> None:
        """Add `entry`; raises `ConfigError`, and changes nothing, for a taken or impossible name."""
        key = entry.name.lower()
        if not (entry.name.isascii() and entry.name.isidentifier()):
            raise ConfigError(
                f"{self._noun} {entry.name!r}: a name consists of letters, digits and _; choose another"
            )
        if key in self._entries or key in self._reserved:
            raise ConfigError(f"{self._noun} {entry.name!r}: this name is already taken; choose another")
        self._entries[key] = entry

    def find(self, name: str) -> Entry | None:
        """The entry called `name` in any case, or None."""
        return self._all().get(name.lower())

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(entry.name for entry in self)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._all().values())

    def _all(self) -> dict[str, Entry]:
        if not self._loaded:
            with self._lock:
                if not self._loading:  # A plugin may read the registry while it is being imported.
                    self._loading = True
                    for point in sorted(entry_points(group=self._group), key=lambda point: point.name):
                        self._load(point)
                    self._loaded = True
        return self._entries

    def _load(self, point: EntryPoint) -> None:
        try:
            entry = point.load()
            if not isinstance(entry, self._kind):
                raise TypeError(f"expected {self._kind.__name__}, found {type(entry).__name__}")
            self.register(entry)
        except Exception as error:  # noqa: BLE001 - other people's code may fail in any way
            package = point.dist.name if point.dist else "an unknown package"
            reason = " ".join(str(error).split()) or type(error).__name__
            _log.warning("%s: its %s %r is left out: %s", package, self._group, point.name, reason)
