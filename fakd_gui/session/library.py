"""The library of models: which there are, which of them each workspace shows, and their names and colours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from fakd_core.data.resize import BICUBIC
from fakd_core.models.headers import ModelHeader
from fakd_core.runs.layout import BASELINE, RunLayout
from fakd_core.runs.references import bundled_models, model_labels, split_taps
from fakd_core.runs.states import RunState
from fakd_gui.session.library_keys import (
    LibraryMemory,
    Owner,
    View,
    baseline_ref,
    exists,
    picture_key,
    picture_path,
)
from fakd_gui.session.opening import Workspace
from fakd_gui.session.run_folders import follow_run, is_run

VIEWERS: tuple[Workspace, ...] = ("Compare", "Inspect", "Benchmark")
"""The workspaces that show models; Train shows the curves of runs."""
COLOURS = 9
"""The number of colours of models, see `Theme.student_colour`."""


class Library(QObject):
    """Holds what the workspaces may show: the bundled models, the session's runs, files and pictures.

    A key is a model's reference, `BICUBIC`, or that of a picture. The teacher is shown wherever nobody hid
    it; a model of another scale than the teacher's stays chosen, but isn't shown.
    """

    shown_changed = Signal(str)
    """The workspace that shows other models, or models whose files changed."""
    entries_changed = Signal()
    """There are other files or pictures, or something has another name, colour or scale."""

    def __init__(self, session: Owner) -> None:
        super().__init__(session)
        self._session = session
        self.files: list[str] = []
        """References of models that the user added and that belong to no run."""
        self.pictures: dict[Path, list[Path]] = {}
        """Pictures by other tools, by the image that they are results for."""
        self.chosen: dict[Workspace, list[str]] = {
            "Compare": [BICUBIC],
            "Inspect": [],
            "Benchmark": [BICUBIC],
        }
        """The keys that are to be shown, in order; the teacher is left out of it or not."""
        self.without_teacher: set[Workspace] = set()
        """The workspaces in which the teacher was hidden."""
        self.names: dict[str, str] = {}
        """Names that the user gave, by key."""
        self.colours: dict[str, int] = {}
        """Numbers of colours by key; bicubic and the teacher have colours of their own."""
        self.headers: dict[str, ModelHeader] = {}
        """Scale and size by reference, as far as they were read."""
        self.states: dict[Path, RunState] = {}
        """The progress of the runs, as it was read last."""
        self._automatic: list[str] = []
        """The models that were shown because their training ended, until the user shows or hides them."""
        session.teacher_changed.connect(self._follow_teacher)
        session.scale_changed.connect(self._signal_all)

    # -- what there is

    @property
    def teacher(self) -> str:
        return self._session.teacher

    def labels(self, keys: Iterable[str]) -> dict[str, str]:
        """Short names by key; equal ones are preceded by their folders."""
        keys = list(dict.fromkeys(keys))
        refs = [key for key in keys if key != BICUBIC and picture_path(key) is None]
        last = {ref: run for ref in refs if (run := self._run_of_last(ref)) is not None}
        found = {BICUBIC: "Bicubic", **model_labels(ref for ref in refs if ref not in last)}
        found |= {ref: f"{run.name} · last" for ref, run in last.items()}
        found |= {key: path.name for key in keys if (path := picture_path(key)) is not None}
        return {key: self.names.get(key, found[key]) for key in keys}

    def _run_of_last(self, ref: str) -> Path | None:
        """The run whose student's last weights `ref` is; its best ones have the name of the run alone."""
        run = Path(ref).parent
        return run if ref == str(RunLayout(run).weights()) and run in self._session.runs else None

    def colour_number(self, key: str) -> int:
        """The number of the colour of `key`, which it gets now if it has none."""
        if key == BICUBIC:
            return 0
        if key not in self.colours:
            self.colours[key] = self._free_colour()
        return self.colours[key]

    def set_colour(self, keys: Iterable[str], number: int) -> None:
        self.colours.update(dict.fromkeys(keys, number))
        self._signal_all()

    def set_name(self, key: str, name: str) -> None:
        """Call `key` by another name; an empty one returns to its own."""
        self.names.pop(key, None)
        if name.strip():
            self.names[key] = name.strip()
        self._signal_all()

    def set_read(self, states: dict[Path, RunState], headers: dict[str, ModelHeader]) -> None:
        """Take what was read from the disk; models of another scale are no longer shown."""
        before = {workspace: self.shown(workspace) for workspace in VIEWERS}
        self.states, self.headers = states, headers
        self.entries_changed.emit()
        for workspace in VIEWERS:
            if self.shown(workspace) != before[workspace]:
                self.shown_changed.emit(workspace)

    def obstacle(self, key: str) -> str:
        """The reason why `key` can't be shown beside the teacher; empty if it can."""
        scale = self.headers[key].scale if key in self.headers else 0
        if not scale or not self.teacher or key == self.teacher or scale == self._session.scale:
            return ""
        return f"It enlarges by {scale}, the teacher by {self._session.scale}"

    def add(self, ref: str) -> str:
        """List a model; the reference by which it is listed."""
        path = Path(split_taps(ref)[0])
        if ref in bundled_models() or ref == BICUBIC:
            return ref
        if ref == str(path) and is_run(path):
            return str(self._session.add_run(path))
        if ref not in self.files and not any(run in path.parents for run in self._session.runs):
            self.files.append(ref)
            self.entries_changed.emit()
        return ref

    def add_picture(self, path: Path, image: Path) -> str:
        """List another tool's result for `image`, and show it in Compare."""
        pictures = self.pictures.setdefault(image, [])
        if path not in pictures:
            pictures.append(path)
            self.entries_changed.emit()
        self.show([picture_key(path)], ["Compare"])
        return picture_key(path)

    def remove(self, keys: Sequence[str]) -> None:
        """Take files and pictures off the list, with undo."""
        labels, before = self.labels(keys), self.memory()
        self.files = [ref for ref in self.files if ref not in keys]
        for image, pictures in self.pictures.items():
            self.pictures[image] = [path for path in pictures if picture_key(path) not in keys]
        for workspace in VIEWERS:
            self._choose(workspace, [key for key in self.chosen[workspace] if key not in keys])
        self.entries_changed.emit()
        text = f"Removed {_listing(labels.values())} from the library"
        self._session.offer_undo(text, lambda: self._return_to(before), lambda: self.remove(keys))

    # -- what is shown

    def shown(self, workspace: Workspace) -> list[str]:
        """The keys that `workspace` shows, in order, without the teacher."""
        return [key for key in self.chosen[workspace] if key != self.teacher and not self.obstacle(key)]

    def students(self, workspace: Workspace) -> list[str]:
        """The models that `workspace` shows beside the teacher."""
        return [key for key in self.shown(workspace) if key != BICUBIC and picture_path(key) is None]

    def is_shown(self, key: str, workspace: Workspace) -> bool:
        """True if the eye of `key` is open; it may have an obstacle all the same."""
        if key == self.teacher:
            return workspace not in self.without_teacher
        return key in self.chosen[workspace]

    def show(self, keys: Sequence[str], workspaces: Iterable[Workspace] = VIEWERS) -> None:
        """Show `keys`; if they are shown already, signal a change all the same, as files may have changed."""
        self._automatic = [key for key in self._automatic if key not in keys]
        for workspace in workspaces:
            if self.teacher in keys:
                self.without_teacher.discard(workspace)
            others = [key for key in keys if key != self.teacher]
            self._choose(workspace, [*self.chosen[workspace], *others])

    def hide(self, keys: Sequence[str], workspaces: Iterable[Workspace] = VIEWERS) -> None:
        self._automatic = [key for key in self._automatic if key not in keys]
        for workspace in workspaces:
            if self.teacher in keys:
                self.without_teacher.add(workspace)
            left = [key for key in self.chosen[workspace] if key not in keys or key == self.teacher]
            self._choose(workspace, left)

    def show_only(self, keys: Sequence[str], workspace: Workspace) -> None:
        """Show `keys` and the teacher and hide all others, with undo."""
        names = _listing(self.labels(keys).values())
        keys = [key for key in keys if key != self.teacher]
        self._change(workspace, f"Only {names} in {workspace}", lambda: self._choose(workspace, keys))

    def hide_all(self, workspace: Workspace) -> None:
        """Hide everything, the teacher too, with undo."""

        def hide() -> None:
            self.without_teacher.add(workspace)
            self._choose(workspace, [])

        self._change(workspace, f"Hid every model in {workspace}", hide)

    def show_automatically(self, run: Path) -> None:
        """Show the student of a run that was trained, and its baseline, in place of the former ones.

        A student without a validation is not shown; models that the user shows or hides stay so.
        """
        layout = RunLayout(run)
        refs = [str(run)] if layout.best_weights().is_file() else []
        if refs and layout.best_weights(BASELINE).is_file():
            refs.append(baseline_ref(run))
        if not refs:
            return
        former = [key for key in self._automatic if key not in refs]
        self._automatic = [key for key in self._automatic if key in refs]
        for workspace in VIEWERS:
            new = [ref for ref in refs if ref not in self.chosen[workspace]]
            self._automatic += [ref for ref in new if ref not in self._automatic]
            chosen = self.chosen[workspace]
            place = next((chosen.index(key) for key in chosen if key in former), len(chosen))
            left = (
                [key for key in chosen[:place] if key not in former],
                [key for key in chosen[place:] if key not in former],
            )
            self._choose(workspace, [*left[0], *new, *left[1]])

    def view(self, workspace: Workspace) -> View:
        """The state of the eyes, for `set_view`."""
        return View(tuple(self.chosen[workspace]), workspace not in self.without_teacher)

    def set_view(self, workspace: Workspace, view: View) -> None:
        """Return to an earlier state; runs that were renamed since then are followed."""
        (self.without_teacher.discard if view.has_teacher else self.without_teacher.add)(workspace)
        self._choose(workspace, filter(None, map(self._session.follow_runs, view.keys)))

    def _change(self, workspace: Workspace, text: str, change: Callable[[], object]) -> None:
        before = self.view(workspace)
        change()
        self._automatic = []
        after = self.view(workspace)
        self._session.offer_undo(
            text, lambda: self.set_view(workspace, before), lambda: self.set_view(workspace, after)
        )

    def _choose(self, workspace: Workspace, keys: Iterable[str]) -> None:
        chosen = list(dict.fromkeys(keys))
        for key in chosen:
            self.colour_number(key)
        self.chosen[workspace] = chosen
        self.shown_changed.emit(workspace)

    def _free_colour(self) -> int:
        """A colour that nothing has, or if all are used, nothing that is shown."""
        chosen = {key for keys in self.chosen.values() for key in keys}
        for keys in (self.colours, chosen):
            used = {self.colours[key] for key in keys if key in self.colours}
            if free := [number for number in range(COLOURS) if number not in used]:
                return free[0]
        return len(chosen) % COLOURS

    def _follow_teacher(self) -> None:
        self.without_teacher.clear()
        self.entries_changed.emit()

    def _signal_all(self) -> None:
        self.entries_changed.emit()
        for workspace in VIEWERS:
            self.shown_changed.emit(workspace)

    # -- following runs, and between two starts

    def move_run(self, run: Path, to: Path | None) -> set[Workspace]:
        """Follow a run that was renamed or is gone; the workspaces that show something else."""

        def follow(keys: Iterable[str]) -> list[str]:
            return [moved for key in keys if (moved := follow_run(key, run, to))]

        before = {workspace: list(keys) for workspace, keys in self.chosen.items()}
        self.files, self._automatic = follow(self.files), follow(self._automatic)
        self.chosen = {workspace: follow(keys) for workspace, keys in self.chosen.items()}
        for values in (self.names, self.colours, self.headers):
            moved = {follow_run(key, run, to): value for key, value in values.items()}
            values.clear()
            values.update({key: value for key, value in moved.items() if key is not None})  # type: ignore[arg-type]
        if run in self.states and to is not None:
            self.states[to] = self.states.pop(run)
        return {workspace for workspace, keys in self.chosen.items() if keys != before[workspace]}

    def memory(self) -> LibraryMemory:
        return LibraryMemory(
            files=self.files,
            pictures={str(image): list(paths) for image, paths in self.pictures.items() if paths},
            shown={workspace: list(keys) for workspace, keys in self.chosen.items()},
            without_teacher=sorted(self.without_teacher),
            automatic=self._automatic,
            names=dict(self.names),
            colours={key: self.colours[key] for key in self._kept_colours()},
        )

    def restore(self, memory: LibraryMemory) -> None:
        """Restore what an earlier start left; what is gone is left out."""
        self.names, self.colours = dict(memory.names), dict(memory.colours)
        self.files = [ref for ref in memory.files if exists(ref)]
        self.pictures = {Path(image): paths for image, paths in memory.pictures.items()}
        self._automatic = [key for key in memory.automatic if exists(key)]
        for workspace in VIEWERS:
            if workspace in memory.without_teacher:
                self.without_teacher.add(workspace)
            keys = memory.shown.get(workspace, self.chosen[workspace])
            self._choose(workspace, [key for key in keys if exists(key)])
        self.entries_changed.emit()

    def _return_to(self, memory: LibraryMemory) -> None:
        """Undo a removal: files and pictures are listed and shown again at their places."""
        self.files = list(filter(None, map(self._session.follow_runs, memory.files)))
        self.pictures = {Path(image): list(paths) for image, paths in memory.pictures.items()}
        for workspace in VIEWERS:
            before = memory.shown[workspace]
            keys = [*before, *(key for key in self.chosen[workspace] if key not in before)]
            self._choose(workspace, filter(None, map(self._session.follow_runs, keys)))
        self.entries_changed.emit()

    def _kept_colours(self) -> list[str]:
        listed = {key for keys in self.chosen.values() for key in keys}
        return [key for key in self.colours if key in listed or key in self.files]


def _listing(names: Iterable[str]) -> str:
    """One name, or the number of several."""
    names = list(names)
    return names[0] if len(names) == 1 else f"{len(names)} models"
