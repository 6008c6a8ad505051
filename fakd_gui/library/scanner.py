"""Reads the disk for the library on threads: which runs there are, how far they are, scales and sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal

from fakd_core.errors import FakdError
from fakd_core.events import CancelToken
from fakd_core.models.headers import ModelHeader, read_header
from fakd_core.runs.references import bundled_models, model_file
from fakd_core.runs.states import RunState, read_states
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.model_cache import ModelCache
from fakd_gui.session.run_folders import RunScan, scan_runs
from fakd_gui.session.session import Session

READ_MS = 4000
"""Interval of reading the states while the library is visible."""
SETTLE_MS = 300
"""Time until a folder that another program creates is complete."""


@dataclass(frozen=True)
class _Read:
    states: dict[Path, RunState]
    headers: dict[str, ModelHeader]


class LibraryScanner(QObject):
    """Keeps runs and states up to date, without reading anything on the window's thread."""

    scanned = Signal(object)
    """The time at which each run was started."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._models: dict[str, ModelHeader] = {}
        """The headers of bundled models and files."""
        self.scanning = LatestWins("find the runs", self, result=self._take_scan)
        self.reading = LatestWins("read the runs' states", self, result=self._take_states)
        self._clock = QTimer(self, interval=READ_MS, timeout=self.read_states)
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS, timeout=self.scan)
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(lambda _: self.scan_soon())
        for changed in (session.training_started, session.training_finished):
            changed.connect(lambda _: self.scan_soon())

    def set_running(self, on: bool) -> None:
        """Follow the disk, or rest while nobody looks."""
        if on:
            self._clock.start()
            self.scan_soon()
        else:
            self._clock.stop()

    def scan_soon(self) -> None:
        self._settle.start()

    def scan(self) -> None:
        """Add new runs, remove those that are gone, and read the states."""
        root, runs = self._session.runs_root, list(self._session.runs)
        self.scanning.submit(lambda token: scan_runs(root, runs))

    def read_states(self) -> None:
        """Read the states, scales and sizes again."""
        session, library = self._session, self._session.library
        runs, known = list(session.runs), dict(library.states)
        files, read, models = list(library.files), dict(self._models), session.models
        if not self.reading.running:
            self.reading.submit(
                lambda token: _Read(read_states(runs, known, token), _read_models(files, read, models, token))
            )

    def _take_scan(self, scan: RunScan) -> None:
        if scan.known != tuple(self._session.runs):
            self.scan()  # A run was renamed or added meanwhile.
            return
        self.scanned.emit(scan.started)
        for run in scan.gone:
            if run != self._session.training_run:
                self._session.move_run(run, None)
        self._session.add_runs(scan.started)
        self._watch(scan.folders)
        self.read_states()

    def _take_states(self, found: _Read) -> None:
        library, failures = self._session.library, self._session.failures
        listed = set(self._session.runs)
        states = {
            run: replace(state, failure=failures[run].text if run in failures else "")
            for run, state in found.states.items()
            if run in listed
        }
        self._models = found.headers
        headers = {**found.headers, **_headers_of_runs(states)}
        if states != library.states or headers != library.headers:
            library.set_read(states, headers)

    def _watch(self, folders: Sequence[Path]) -> None:
        wanted, watched = set(map(str, folders)), set(self._watcher.directories())
        if watched - wanted:
            self._watcher.removePaths(list(watched - wanted))
        if wanted - watched:
            self._watcher.addPaths(list(wanted - watched))


def _headers_of_runs(states: Mapping[Path, RunState]) -> dict[str, ModelHeader]:
    """The networks of a run all have the sizes of its student."""
    headers = {}
    for run, state in states.items():
        if state.header is not None:
            headers[str(run)] = state.header
            headers |= dict.fromkeys((str(network.file) for network in state.networks), state.header)
    return headers


def _read_models(
    files: Iterable[str], known: Mapping[str, ModelHeader], models: ModelCache, token: CancelToken
) -> dict[str, ModelHeader]:
    """The headers of the bundled models and of `files`; those that are `known` are not read again."""
    found = {}
    for ref in (*bundled_models(), *files):
        token.raise_if_cancelled()
        found[ref] = known.get(ref) or _read_model(ref, models)
    return found


def _read_model(ref: str, models: ModelCache) -> ModelHeader:
    try:
        if header := read_header(model_file(ref)):
            return header
        # Only its network knows: it was loaded when the user chose the file.
        network = models.get(ref)
        return ModelHeader(network.spec.scale, sum(weight.numel() for weight in network.parameters()))
    except FakdError as error:
        return ModelHeader(problem=str(error))
    except OSError as error:
        return ModelHeader(problem=f"{ref}: can't be read ({error.strerror or error})")
