"""The rows of the library as a tree: sections, their models, and the networks of each run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from math import inf
from pathlib import Path

from fakd_core.data.resize import BICUBIC
from fakd_core.events import format_score
from fakd_core.runs.networks import SavedNetwork
from fakd_core.runs.references import bundled_models
from fakd_core.runs.states import RunState
from fakd_gui.session.library_keys import picture_key
from fakd_gui.session.session import Session


class Kind(Enum):
    """The kinds of rows."""

    SECTION = auto()
    RUN = auto()
    NETWORK = auto()
    """A network of a run: its baseline, an average, the last weights, a snapshot."""
    SNAPSHOTS = auto()
    """Opens the snapshots of a run."""
    MODEL = auto()
    """A bundled model or a file."""
    PICTURE = auto()


class Sort(Enum):
    """The order of the runs."""

    NEWEST = "Newest first"
    NAME = "By name"
    PSNR = "Best PSNR first"


@dataclass(eq=False)
class Row:
    """A row of the tree; `key` is what the session's library calls it, or the title of a section."""

    kind: Kind
    key: str
    children: list[Row] = field(default_factory=list)
    run: Path | None = None
    """The run itself, or the run of a network."""
    network: SavedNetwork | None = None
    image: Path | None = None
    """The image that a picture is a result for."""
    parent: Row | None = None
    number: int = 0
    """Identifies it in Qt's indexes."""

    @property
    def identity(self) -> tuple[Kind, str]:
        return self.kind, self.key

    def walk(self) -> Iterator[Row]:
        """The row and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def build_rows(session: Session, started: dict[Path, float], sort: Sort) -> list[Row]:
    """The sections as they should be now; files and pictures only if there are any."""
    library = session.library
    runs = [
        Row(Kind.RUN, str(run), run_children(run, library.states.get(run)), run=run)
        for run in sorted(session.runs, key=lambda run: _place(run, library.states.get(run), started, sort))
    ]
    bundled = [Row(Kind.MODEL, key) for key in (BICUBIC, *bundled_models())]
    files = [Row(Kind.MODEL, ref) for ref in library.files]
    pictures = [
        Row(Kind.PICTURE, picture_key(path), image=image)
        for image, paths in library.pictures.items()
        for path in paths
    ]
    sections = (("Runs", runs), ("Bundled", bundled), ("Files", files), ("Pictures", pictures))
    return [
        Row(Kind.SECTION, title, children)
        for title, children in sections
        if children or title in ("Runs", "Bundled")
    ]


def run_children(run: Path, state: RunState | None) -> list[Row]:
    """The networks of a run beside its student's best weights, with the snapshots in a row of their own."""
    rows = [
        Row(Kind.NETWORK, str(network.file), run=run, network=network)
        for network in (state.networks if state else ())
    ]
    snapshots = [row for row in rows if row.network and row.network.step is not None]
    others = [row for row in rows if row not in snapshots]
    group = Row(Kind.SNAPSHOTS, f"{run} snapshots", snapshots, run=run)
    return [*others, group] if snapshots else others


def best_psnr(row: Row, states: dict[Path, RunState]) -> str:
    """The best validation PSNR of a run or of one of its networks; empty if it isn't known."""
    state = states.get(row.run) if row.run else None
    if state is None:
        return ""
    if row.kind is Kind.RUN:
        return "" if state.best is None else format_score(state.best, ".2f")
    network = row.network
    if network is None or not network.is_best or network.network not in state.bests:
        return ""
    return format_score(state.bests[network.network], ".2f")


def selected_runs(rows: Sequence[Row]) -> list[Path]:
    return [row.run for row in rows if row.kind is Kind.RUN and row.run is not None]


def _place(run: Path, state: RunState | None, started: dict[Path, float], sort: Sort) -> tuple[float, str]:
    if sort is Sort.NAME:
        return 0.0, run.name.lower()
    if sort is Sort.PSNR:
        best = state.best if state else None
        return (inf if best is None else -best), run.name.lower()
    # A run that is being set up has no time yet: it is the newest.
    return -started.get(run, inf), ""
