"""The state of the Inspect workspace: everything that is chosen, and what follows from it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from PySide6.QtCore import QObject, QTimer, Signal

from fakd_core.evaluation.features import Window
from fakd_core.models.spec import TAP_COUNT
from fakd_gui.inspect.features import Source
from fakd_gui.inspect.timeline import Timeline
from fakd_gui.session.opened_image import OpenedImage
from fakd_gui.session.run_folders import follow_run, is_run
from fakd_gui.session.session import Session
from fakd_gui.session.user_files import Memory
from fakd_gui.widgets.pane_grid import sort_by_order
from fakd_gui.widgets.theme import current_theme

Pixel = tuple[int, int]
"""(y, x) in LR pixels."""
Range = tuple[float, float]
Picture = Literal["LR", "SR", "HR"]

IMAGE = "image"
"""Key of the image's pane; a model's pane has its reference as key."""
PICTURES: tuple[Picture, ...] = ("LR", "SR", "HR")
AFFINITY_RANGES: tuple[Range, ...] = ((0.0, 1.0), (-1.0, 1.0))
DIFFERENCE_RANGES: tuple[Range, ...] = ((-0.5, 0.5), (-1.0, 1.0), (-0.1, 0.1))
NO_WINDOW = Window(0, 0, 0, 0)
DEFAULT_LAYER = 3
"""The body's output: the layer closest to the image, and one that every recipe compares."""


def difference_key(student: str) -> str:
    """Key of the pane with the difference of `student` to the teacher."""
    return f"difference of {student}"


def _one_of(ranges: tuple[Range, ...]) -> AfterValidator:
    # index() raises ValueError, which pydantic reports.
    return AfterValidator(lambda bounds: ranges[ranges.index(bounds)])


class MapStyle(Memory, frozen=True):
    """The style of maps: the picture below them, their opacity in percent and the fixed colour ranges."""

    picture: Picture = "LR"
    opacity: int = Field(75, ge=0, le=100)
    affinity_range: Annotated[Range, _one_of(AFFINITY_RANGES)] = AFFINITY_RANGES[0]
    difference_range: Annotated[Range, _one_of(DIFFERENCE_RANGES)] = DIFFERENCE_RANGES[0]


class InspectMemory(MapStyle):
    """The style and the state that the next start restores; the pixel waits for the image."""

    layer: int = Field(DEFAULT_LAYER, ge=0, lt=TAP_COUNT)
    query: Pixel | None = None
    hover: bool = False
    run: Path | None = None
    step: int | None = None
    follow: bool = False
    order: tuple[str, ...] = ()


class InspectState(QObject):
    """The chosen pixel, layer, picture, students and modes.

    `query` is the chosen pixel. In hover mode `hovered` is the one under the mouse, which is shown instead.
    """

    image_changed = Signal(object)
    """The new `OpenedImage`; the pixel and the region are reset."""
    models_changed = Signal()
    """Other models, or other weights of the same ones, are to be inspected."""
    query_changed = Signal(int, int)
    layer_changed = Signal(int)
    style_changed = Signal()
    ranges_changed = Signal()
    """The colour ranges of the style changed, too."""
    hovering_changed = Signal(bool)
    matrix_toggled = Signal(bool)
    region_changed = Signal()
    panes_moved = Signal()
    maps_outdated = Signal()
    """The maps are to be computed again; emitted once for all changes that arrive together."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.timeline = Timeline(session, self)
        self.query: Pixel = (0, 0)
        self.hovered: Pixel | None = None
        self.hovering = False
        self.layer = DEFAULT_LAYER
        self.style = MapStyle()
        self.order: tuple[str, ...] = ()
        """The order into which the panes were moved; it may lack panes and hold hidden ones."""
        self.matrix_shown = False
        self.region = NO_WINDOW
        """The part of the image whose matrices are shown."""
        self._next_query: Pixel | None = None
        self._labels: dict[str, str] = {}
        self._maps_timer = QTimer(self, singleShot=True, interval=0)
        self._maps_timer.timeout.connect(self.maps_outdated)
        session.image_changed.connect(self._set_image)
        session.teacher_changed.connect(lambda _: self._update_models())
        session.library.shown_changed.connect(
            lambda workspace: self._update_models() if workspace == "Inspect" else None
        )
        self.timeline.changed.connect(self._update_models)
        session.run_moved.connect(self._move_run)
        self._update_models()

    @property
    def image(self) -> OpenedImage | None:
        return self.session.image

    @property
    def shown_pixel(self) -> Pixel:
        return self.query if self.hovered is None else self.hovered

    @property
    def teacher(self) -> str:
        return self.session.teacher

    @property
    def students(self) -> list[str]:
        """The library's students, and those of the run whose checkpoints are inspected."""
        students = self.session.library.students("Inspect")
        return [*students, *(ref for ref in self.timeline.students if ref not in students)]

    @property
    def models(self) -> list[str]:
        """The teacher and the students shown."""
        return [ref for ref in (self.teacher, *self.students) if ref]

    @property
    def sources(self) -> list[Source]:
        """The models to inspect, with the weights if a checkpoint stands in for a student."""
        checkpoints = self.timeline.students
        return [(ref, checkpoints.get(ref)) for ref in self.models]

    @property
    def pane_keys(self) -> list[str]:
        """Image, teacher, student, difference; several students stand above their differences."""
        shown, students = self.models, self.students
        if self.teacher and not self.session.library.is_shown(self.teacher, "Inspect"):
            shown = students
        if len(students) > 1:
            shown = sorted(shown, key=lambda ref: ref == self.teacher)  # The teacher comes last.
        keys = [IMAGE, *shown, *(difference_key(ref) for ref in students if self.teacher)]
        return sort_by_order(keys, self.order)

    def model_of(self, key: str) -> str:
        """The model of a pane: of a difference, its student."""
        return next((ref for ref in self.students if key == difference_key(ref)), key)

    def move_pane(self, key: str, index: int) -> None:
        """Move the pane `key` to the place `index`."""
        keys = [other for other in self.pane_keys if other != key]
        keys.insert(index, key)
        self.order = (*keys, *(other for other in self.order if other not in keys))
        self.panes_moved.emit()

    def is_closable(self, key: str) -> bool:
        """True if the library shows the model of the pane `key`: the image's own pane stays."""
        return key not in ("", IMAGE) and self.session.library.is_shown(self.model_of(key), "Inspect")

    def close_pane(self, key: str) -> None:
        """Hide the model of a pane, as its eye in the library does; the session offers to undo it."""
        if self.is_closable(key):
            model, library = self.model_of(key), self.session.library
            title, before = self.title(model), library.view("Inspect")
            library.hide([model], ["Inspect"])
            undo = partial(library.set_view, "Inspect", before)
            self.session.offer_undo(f"Hid {title} in Inspect", undo, lambda: self.close_pane(key))

    def label(self, key: str) -> str:
        """A short name of a model or difference."""
        return self._labels.get(key, key)

    def title(self, key: str) -> str:
        """The title of the pane `key`."""
        label = "Image" if key == IMAGE else self.label(key)
        return f"{label} (teacher)" if key == self.teacher else label

    def digit(self, key: str) -> str:
        """The digit that shows the pane `key` alone, by which legends name it; empty beyond nine."""
        number = self.pane_keys.index(key) + 1
        return str(number) if number < 10 else ""

    def colour(self, key: str) -> str:
        """The colour of a model and its difference in the current theme."""
        theme = current_theme()
        if key == self.teacher:
            return theme.teacher
        for student in self.students:
            if key in (student, difference_key(student)):
                return theme.student_colour(self.session.library.colour_number(student))
        return theme.muted

    def set_query(self, y: int, x: int) -> None:
        """Choose the pixel (y, x), moved into the image if it lies outside."""
        self.query = self._inside(y, x)
        if self.hovered is not None:
            self.hovered = self.query
        self.query_changed.emit(*self.query)
        self.update_maps()

    def move_query(self, dy: int, dx: int) -> None:
        """Move the pixel; it is shown even if the mouse is on another one."""
        self.hovered = None
        self.set_query(self.query[0] + dy, self.query[1] + dx)

    def hover(self, pixel: Pixel | None) -> None:
        """The mouse is over `pixel`, or has left the maps."""
        pixel = pixel if self.hovering else None
        if pixel != self.hovered:
            self.hovered = pixel
            self.update_maps()

    def set_hovering(self, on: bool) -> None:
        if on != self.hovering:
            self.hovering, self.hovered = on, None
            self.hovering_changed.emit(on)
            self.update_maps()

    def set_layer(self, layer: int) -> None:
        """Choose a feature tap; beyond the first and the last one it stays there."""
        layer = min(max(0, layer), TAP_COUNT - 1)
        if layer != self.layer:
            self.layer = layer
            self.layer_changed.emit(layer)
            self.update_maps()

    def set_style(self, **changes: object) -> None:
        before, self.style = self.style, self.style.model_copy(update=changes)
        if self.style != before:
            self.style_changed.emit()
            if changes.keys() & {"affinity_range", "difference_range"}:
                self.ranges_changed.emit()

    def show_matrix(self, on: bool) -> None:
        if on != self.matrix_shown:
            self.matrix_shown = on
            self.matrix_toggled.emit(on)

    def set_region(self, region: Window) -> None:
        if region != self.region:
            self.region = region
            self.region_changed.emit()

    def update_maps(self) -> None:
        """`maps_outdated` follows."""
        self._maps_timer.start()

    def memory(self) -> InspectMemory:
        timeline = self.timeline
        return InspectMemory(
            **dict(self.style),
            layer=self.layer,
            query=self.query,
            hover=self.hovering,
            run=timeline.run,
            step=timeline.step,
            follow=timeline.following,
            order=self.order,
        )

    def restore(self, memory: InspectMemory) -> None:
        self.set_layer(memory.layer)
        self.set_style(**{name: getattr(memory, name) for name in MapStyle.model_fields})
        self.set_hovering(memory.hover)
        self._next_query = memory.query
        self.order = memory.order
        if memory.run is not None and is_run(memory.run):
            self.timeline.set_run(memory.run, memory.step)
        self.timeline.set_following(memory.follow)

    def _set_image(self, image: OpenedImage) -> None:
        height, width = image.lr.shape[:2]
        self.hovered = None
        self.query = self._inside(*(self._next_query or (height // 2, width // 2)))
        self._next_query = None
        self.image_changed.emit(image)
        self.set_region(NO_WINDOW)
        self.models_changed.emit()

    def _update_models(self) -> None:
        labels = {**self.session.library.labels(self.models), **self.timeline.labels}
        self._labels = {**labels, **{difference_key(ref): f"Δ {labels[ref]}" for ref in self.students}}
        self.models_changed.emit()

    def _move_run(self, run: Path, to: Path | None) -> None:
        """Follow a run that was renamed; one that is gone leaves no checkpoints to go through."""
        if to is not None:
            self.order = tuple(self._moved(key, run, to) for key in self.order)
        if self.timeline.run == run:
            self.timeline.set_run(to, self.timeline.step)

    def _moved(self, key: str, run: Path, to: Path) -> str:
        """The key of a pane after the run `run` was renamed."""
        prefix = difference_key("")
        if key.startswith(prefix):
            return difference_key(self._moved(key.removeprefix(prefix), run, to))
        return key if key == IMAGE else str(follow_run(key, run, to))

    def _inside(self, y: int, x: int) -> Pixel:
        height, width = (1, 1) if self.image is None else self.image.lr.shape[:2]
        return min(max(0, y), height - 1), min(max(0, x), width - 1)
