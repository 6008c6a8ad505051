"""The state of Compare: which panes are shown, the chosen pairs and region, and the results so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QPointF, QRectF, Signal
from PySide6.QtGui import QImage

from fakd_core.events import Image8, Scores
from fakd_gui.compare.difference import Difference, DifferenceImage
from fakd_gui.compare.panes import (
    BICUBIC,
    DIFFERENCE,
    HR,
    LABELS,
    LR,
    SPLIT,
    Split,
    fit_pair,
    is_model,
)
from fakd_gui.compare.results import PaneEvent, PaneFailed, PaneResult, Region
from fakd_gui.session.library_keys import picture_path
from fakd_gui.session.opened_image import OpenedImage
from fakd_gui.session.problem import Problem
from fakd_gui.session.run_folders import follow_run
from fakd_gui.session.session import Session
from fakd_gui.session.user_files import Memory
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.pane_grid import sort_by_order
from fakd_gui.widgets.region_box import snap_to_pixels


class CompareMemory(Memory):
    """The values that Compare keeps between starts; `region` belongs to the image `region_image`."""

    smooth: bool = False
    closed: frozenset[str] = frozenset({LR})
    order: tuple[str, ...] = ()
    split: Split = Split()
    split_shown: bool = False
    difference: Difference = Difference()
    difference_shown: bool = False
    region: Region | None = None
    region_image: Path | None = None


KEPT = ("closed", "order", "split", "split_shown", "difference", "difference_shown")
"""Fields that the state and its memory have in common."""


class CompareState(QObject):
    """Everything chosen in Compare, and the results of the open image.

    The keys of panes are those of `fakd_gui.compare.panes`.
    """

    image_changed = Signal()
    """Another image is shown; there are no results yet."""
    panes_changed = Signal()
    """Panes were opened, closed or moved, or the split or the difference changed."""
    results_needed = Signal()
    """The set of results to compute changed."""
    region_changed = Signal()
    measured = Signal()
    """`region_scores` or `difference_image` changed."""
    reported = Signal(object)
    """A `PaneEvent`; the results are up to date already."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.camera = Camera(self)
        self.image: OpenedImage | None = None
        """The image that the results belong to."""
        self.closed = frozenset({LR})
        """Closed panes of the image itself, `LR` and `HR`; the library says which of the others are shown."""
        self.order: tuple[str, ...] = ()
        """The order into which the panes were moved; it may lack panes and hold closed ones."""
        self.split = Split()
        self.split_shown = False
        self.difference = Difference()
        self.difference_shown = False
        self.region: Region | None = None
        self.results: dict[str, PaneResult] = {}
        self.region_scores: dict[str, Scores] = {}
        self.difference_image: DifferenceImage | None = None
        """The difference that was requested last."""
        self.failures: dict[str, Problem] = {}
        """Failures by pane; each is reported once."""
        self._closed_models: list[str] = []
        """The panes that were closed, for the button that shows them all again."""
        self._restored = CompareMemory()
        """The last start's values while their region waits for its image."""
        session.run_moved.connect(self._move_run)

    # -- panes

    @property
    def available(self) -> list[str]:
        """All panes with one result each, in their default order."""
        library, image = self.session.library, self.image
        shown = library.shown("Compare")
        keys = [LR, *(key for key in (BICUBIC,) if key in shown), *library.students("Compare")]
        if library.teacher and library.is_shown(library.teacher, "Compare"):
            keys.append(library.teacher)
        if image is not None:
            own = library.pictures.get(image.path, [])
            keys += [key for key in shown if picture_path(key) in own]
            if image.hr is not None:
                keys.append(HR)
        return keys

    @property
    def keys(self) -> list[str]:
        """The shown panes in order; split and difference need two others."""
        keys = [key for key in self.available if key not in self.closed]
        if len(keys) > 1:
            keys += [SPLIT] if self.split_shown else []
            keys += [DIFFERENCE] if self.difference_shown else []
        return sort_by_order(keys, self.order)

    @property
    def result_keys(self) -> list[str]:
        """The shown panes with one result each."""
        return [key for key in self.keys if key not in (SPLIT, DIFFERENCE)]

    def label(self, key: str) -> str:
        """The short name of a pane."""
        if key in LABELS:
            return LABELS[key]
        library = self.session.library
        keys = filter(None, (*library.shown("Compare"), library.teacher, key))
        return library.labels(keys)[key]

    def title(self, key: str) -> str:
        if key == SPLIT:
            return f"{self.label(self.split.a)} | {self.label(self.split.b)}"
        if key == DIFFERENCE:
            return self.difference.title(self.label(self.difference.a), self.label(self.difference.b))
        return f"{self.label(key)} (teacher)" if key == self.session.teacher else self.label(key)

    def show_split(self, split: Split | None) -> None:
        """Show two results in one more pane with a divider; None hides it."""
        self.split_shown = split is not None
        self.split = split or self.split
        self.update_panes()

    def show_difference(self, difference: Difference | None) -> None:
        """Show the difference of two results in one more pane; None hides it."""
        self.difference_shown = difference is not None
        self.difference = difference or self.difference
        self.update_panes()

    def show_pane(self, key: str) -> None:
        if key not in (LR, HR):
            self.session.library.show([key], ["Compare"])
        elif key in self.closed:
            self.closed -= {key}
            self.results_needed.emit()

    def show_all_panes(self) -> None:
        """Show every pane that was closed last but LR's, which is closed by default."""
        self.closed = frozenset({LR})
        self.session.library.show(self._closed_models, ["Compare"])
        self.results_needed.emit()

    def close_pane(self, key: str) -> None:
        """Remove a pane from the comparison; the session offers to undo it."""
        if key == SPLIT:
            self.show_split(None)
        elif key == DIFFERENCE:
            self.show_difference(None)
        elif key in self.keys:
            title, library = self.title(key), self.session.library
            if key in (LR, HR):
                self.closed |= {key}
                self.results_needed.emit()
                undo: Callable[[], object] = partial(self.show_pane, key)
            else:
                before = library.view("Compare")
                self._closed_models = [*(other for other in self._closed_models if other != key), key]
                library.hide([key], ["Compare"])
                undo = partial(library.set_view, "Compare", before)
            self.session.offer_undo(f"Closed {title}", undo, lambda: self.close_pane(key))

    def move_pane(self, key: str, index: int) -> None:
        keys = [other for other in self.keys if other != key]
        keys.insert(index, key)
        # Closed panes keep their order among themselves for when they are shown again.
        self.order = (*keys, *(other for other in self.order if other not in keys))
        self.update_panes()

    def add_picture(self, path: Path) -> None:
        """Show an image file, such as another tool's result for the open image, in a pane of its own."""
        if self.image is None:
            self.session.report("Open an image first; then add another tool's result for it.")
            return
        self.session.library.add_picture(path, self.image.path)

    def _move_run(self, run: Path, to: Path | None) -> None:
        """Keep the place of a run's panes when it is renamed."""
        if to is not None:

            def moved(key: str) -> str:
                return str(follow_run(key, run, to)) if is_model(key) else key

            self.order = tuple(map(moved, self.order))
            self.split = replace(self.split, a=moved(self.split.a), b=moved(self.split.b))
            pair = self.difference
            self.difference = replace(pair, a=moved(pair.a), b=moved(pair.b))

    def update_panes(self) -> None:
        """Adapt pairs and results to the shown panes."""
        keys = self.result_keys
        self.results = {key: result for key, result in self.results.items() if key in keys}
        self.failures = {key: problem for key, problem in self.failures.items() if key in keys}
        if self.image is not None and len(keys) > 1:
            # With one pane alone, the choice is kept for when the others come back.
            teacher = self.session.teacher or BICUBIC
            student = next(iter(self.session.library.students("Compare")), teacher)
            reference = HR if HR in keys else teacher
            self.split = fit_pair(self.split, (teacher, student), keys)
            self.difference = fit_pair(self.difference, (student, reference), keys)
        self.panes_changed.emit()

    # -- the image and its results

    def set_image(self, image: OpenedImage, keep_view: bool) -> None:
        """Show another image; `keep_view` keeps zoom, relative position and region."""
        region = self.region if keep_view else None
        if self._restored.region_image == image.path:
            region, self._restored = self._restored.region, CompareMemory()
        self.image = image
        self.results, self.region_scores, self.difference_image = {}, {}, None
        height, width = image.hr_size
        self.camera.set_scene(width, height, keep_view)
        self.image_changed.emit()
        self.set_region(None if region is None else region.rect)

    def receive(self, event: PaneEvent) -> None:
        match event:
            case PaneResult(key):
                self.results[key] = event
                self.failures.pop(key, None)
            case PaneFailed(key, problem):
                self.results.pop(key, None)
                before, self.failures[key] = self.failures.get(key), problem
                if before is None or before.text != problem.text:
                    self.session.report(problem)
        self.reported.emit(event)

    def pixels(self, key: str) -> Image8 | None:
        """The (H, W, 3) result of a pane, of HR or LR size; None while there is none."""
        return self.results[key].pixels if key in self.results else None

    def picture(self, key: str) -> QImage | None:
        """The full image of a pane, the difference in its colours, not to be changed; None without one."""
        source = self.current_difference() if key == DIFFERENCE else self.results.get(key)
        return None if source is None or source.overlay is None else source.overlay.image

    def difference_pixels(self) -> tuple[Image8, Image8] | None:
        """The two results to subtract, if both are ready."""
        a, b = self.pixels(self.difference.a), self.pixels(self.difference.b)
        return None if a is None or b is None else (a, b)

    def current_difference(self) -> DifferenceImage | None:
        """The difference's image if it is that of the chosen pair, shown in the chosen way."""
        (a, b), drawn = self.difference_pixels() or (None, None), self.difference_image
        current = drawn and drawn.a is a and drawn.b is b and drawn.difference == self.difference
        return drawn if current else None

    def set_difference_image(self, image: DifferenceImage) -> None:
        """Take a difference that is being drawn, is drawn or has failed."""
        self.difference_image = image
        self.measured.emit()

    # -- the region

    def set_region(self, region: QRectF | None) -> None:
        """Measure every pane inside `region` (HR pixels) too, rounded to pixels; None clears it."""
        size = self.camera.scene
        inside = (region or QRectF()).normalized().intersected(QRectF(QPointF(), size))
        self.region = None if inside.isEmpty() else Region(*snap_to_pixels(inside, size).getRect())
        if self.region is None or self.image.hr is None:
            self.region_scores = {}
        self.region_changed.emit()

    def set_region_scores(self, scores: dict[str, Scores]) -> None:
        """Take the scores of the region, or of a moment ago while it is being moved."""
        if self.region is not None:
            self.region_scores = scores
            self.measured.emit()

    # -- between two starts

    def memory(self) -> CompareMemory:
        return CompareMemory(
            smooth=self.camera.smooth,
            region=self.region,
            region_image=None if self.image is None else self.image.path,
            **{name: getattr(self, name) for name in KEPT},
        )

    def restore(self, memory: CompareMemory) -> None:
        """Restore the values of the last start; the region waits for its image."""
        self.camera.set_smooth(memory.smooth)
        for name in KEPT:
            setattr(self, name, getattr(memory, name))
        self.closed &= {LR, HR}
        if self.image is None or self.image.path != memory.region_image:
            self._restored = memory
        elif memory.region is not None:
            self.set_region(memory.region.rect)
        self.update_panes()
