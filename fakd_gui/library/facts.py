"""The facts about each row: names, states, eyes, colours, and why a row can't be shown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtGui import QIcon

from fakd_core.data.resize import BICUBIC
from fakd_core.models.headers import ModelHeader
from fakd_core.runs.states import RunState
from fakd_gui.library.rows import Kind, Row, best_psnr
from fakd_gui.session.library import VIEWERS
from fakd_gui.session.library_keys import picture_path
from fakd_gui.session.opening import Workspace
from fakd_gui.session.session import Session
from fakd_gui.widgets.theme import current_theme, icon

PAUSED = "paused at {done:,} of {steps:,}"


class RowFacts:
    """Reads the session; `workspace` is the one at hand, whose eyes are shown."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.workspace: Workspace = "Train"

    def eye(self, row: Row) -> bool | None:
        """True if the workspace shows `row`; None if it shows nothing of that kind."""
        library, workspace = self._session.library, self.workspace
        if row.kind in (Kind.SECTION, Kind.SNAPSHOTS):
            return None
        if workspace == "Train":
            return row.run in self._session.compared if row.kind is Kind.RUN else None
        if row.kind is Kind.PICTURE and workspace != "Compare":
            return None
        if row.key == BICUBIC and workspace == "Inspect":
            return None
        if row.kind is Kind.RUN and not self.has_student(row) and not library.is_shown(row.key, workspace):
            return None
        return library.is_shown(row.key, workspace)

    def reason(self, row: Row) -> str:
        """The reason why the workspace can't show `row`; empty if it can."""
        library, image = self._session.library, self._session.image
        if row.kind is Kind.PICTURE:
            is_open = image is not None and row.image == image.path
            return "" if is_open or row.image is None else f"It belongs to {row.image.name}"
        if row.kind is Kind.RUN and self.workspace != "Train" and not self.has_student(row):
            return "Nothing of it was validated yet"
        header = library.headers.get(row.key)
        return (header.problem if header else "") or library.obstacle(row.key)

    def toggle(self, rows: Sequence[Row]) -> None:
        """Open the eyes of `rows`, or close them if all are open."""
        able = [row for row in rows if self.eye(row) is not None]
        if not able:
            return
        if self.workspace == "Train":
            for row in able:
                self._session.toggle_comparison(row.run)
            return
        library, keys = self._session.library, [row.key for row in able]
        change = library.hide if all(self.eye(row) for row in able) else library.show
        change(keys, [self.workspace])

    def name(self, row: Row) -> str:
        if row.kind is Kind.RUN and row.run is not None:
            return shown_name(row.run)
        if row.kind is Kind.SNAPSHOTS:
            return f"{len(row.children)} snapshots"
        if row.kind is Kind.SECTION:
            return row.key
        if row.network is not None and row.key not in self._session.library.names:
            return row.network.label
        return self._session.library.labels([row.key])[row.key]

    def state(self, row: Row) -> RunState | None:
        return self._session.library.states.get(row.run) if row.run is not None else None

    def is_training(self, row: Row) -> bool:
        """True if this window is training the run."""
        return row.kind is Kind.RUN and self._session.training_run == row.run

    def describe(self, row: Row) -> str:
        """The second line: the state of a run, the scale and the number of parameters."""
        if row.kind is Kind.SECTION:
            return "" if row.children else "none yet"
        if row.key == BICUBIC:
            return "no network"
        if row.kind in (Kind.NETWORK, Kind.SNAPSHOTS, Kind.PICTURE):
            return self.reason(row) if self.workspace != "Train" else ""
        header = self._session.library.headers.get(row.key)
        parts = [self.progress(row) if row.kind is Kind.RUN else "", describe_header(header)]
        return " · ".join(filter(None, parts))

    def progress(self, row: Row) -> str:
        state = self.state(row)
        if self.is_training(row):
            job = self._session.training
            if state is not None and job is not None and job.token.paused:
                return PAUSED.format(done=state.done, steps=state.steps)
            if state is None or not state.done:
                return "preparing"
        return "" if state is None else state.summary()

    def has_student(self, row: Row) -> bool:
        state = self.state(row)
        return state is None or (state.has_best and state.done > 0)

    def tip(self, row: Row) -> str:
        state = self.state(row)
        owner = state.owner if state and not self.is_training(row) else ""
        notes = [
            self.name(row),
            self.describe(row),
            f"best validation PSNR {best} dB" if (best := self.best(row)) else "",
            "The teacher" if row.key == self._session.teacher else "",
            self.problem(row),
            f"It is being trained by {owner}." if owner else "",
            self.reason(row),
            str(picture_path(row.key) or row.key) if row.kind not in (Kind.SECTION, Kind.SNAPSHOTS) else "",
        ]
        return "\n".join(dict.fromkeys(filter(None, notes)))

    def best(self, row: Row) -> str:
        return best_psnr(row, self._session.library.states)

    def problem(self, row: Row) -> str:
        state = self.state(row)
        if state is None or row.kind is not Kind.RUN:
            return ""
        return (state.problem if state.summary() == "damaged" else "") or state.failure

    def icon(self, row: Row) -> QIcon | None:
        state, theme = self.state(row), current_theme()
        if row.kind is not Kind.RUN:
            return None
        if self.is_training(row) or (state and state.in_use):
            job = self._session.training
            is_paused = self.is_training(row) and job is not None and job.token.paused
            return icon("pause-circle-outline" if is_paused else "play-circle-outline", theme.accent)
        if state is None:
            return icon("circle-outline", theme.muted)
        if state.problem or (state.failure and not state.finished):
            return icon("alert-circle-outline", theme.bad)
        if state.finished:
            return icon("check-circle-outline", theme.good)
        return icon("stop-circle-outline", theme.warning if state.done else theme.muted)

    def colour(self, row: Row) -> str:
        """The colour in which workspaces draw the row; empty if it has none yet."""
        library, theme = self._session.library, current_theme()
        if row.kind in (Kind.SECTION, Kind.SNAPSHOTS):
            return ""
        if row.key == library.teacher:
            return theme.teacher
        if row.key == BICUBIC:
            return theme.bicubic
        number = library.colours.get(row.key)
        return theme.student_colour(number) if number is not None and self.is_shown_anywhere(row) else ""

    def is_shown_anywhere(self, row: Row) -> bool:
        return any(self._session.library.is_shown(row.key, workspace) for workspace in VIEWERS)

    def share(self, row: Row) -> float | None:
        """The share of a running training that is done."""
        state = self.state(row)
        runs = row.kind is Kind.RUN and state is not None and (state.in_use or self.is_training(row))
        return state.done / state.steps if runs and state and state.steps else None

    def search_text(self, row: Row) -> str:
        state = self.state(row)
        return f"{self.name(row)} {self.describe(row)} {state.models if state else ''}"

    def accessible_text(self, row: Row) -> str:
        best = self.best(row)
        role = "teacher" if row.key == self._session.teacher else ""
        parts = (self.name(row), role, self.describe(row), f"{best} dB" if best else "", self.problem(row))
        return ", ".join(filter(None, parts))


def describe_header(header: ModelHeader | None) -> str:
    """Scale and parameters in a few characters."""
    if header is None:
        return ""
    parts = [f"×{header.scale}" if header.scale else ""]
    parts.append(f"{header.parameters / 1e6:.2f} M" if header.parameters else "")
    return " · ".join(filter(None, parts))


def shown_name(run: Path) -> str:
    """The folder's name with replacements for bytes that aren't UTF-8."""
    return os.fsencode(run.name).decode("utf-8", "replace")
