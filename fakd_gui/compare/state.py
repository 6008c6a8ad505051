"""Which panes stand in a comparison, in which order, under which names and colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fakd_core.runs.references import model_labels
from fakd_gui.compare.difference import Difference
from fakd_gui.compare.split import Split
from fakd_gui.compare.work import BICUBIC, HR, LR, picture_path
from fakd_gui.widgets.theme import current_theme

SPLIT = "split"
DIFFERENCE = "difference"
NAMES = {BICUBIC: "Bicubic", HR: "HR", LR: "LR", SPLIT: "Split", DIFFERENCE: "Difference"}


@dataclass
class PaneSet:
    """What could be shown, what of it was closed, and the order that somebody dragged it into."""

    students: list[str] = field(default_factory=list)
    teacher: str = ""
    pictures: list[str] = field(default_factory=list)
    has_hr: bool = False
    split: Split | None = None
    difference: Difference | None = None
    closed: set[str] = field(default_factory=lambda: {LR})
    order: list[str] = field(default_factory=list)

    @property
    def available(self) -> list[str]:
        """The panes there can be, as they stand by themselves."""
        keys = [LR, BICUBIC, *[ref for ref in self.students if ref != self.teacher]]
        if self.teacher:
            keys.append(self.teacher)
        keys += self.pictures
        return [*keys, HR] if self.has_hr else keys

    @property
    def keys(self) -> list[str]:
        """The panes that are shown, in order; those of two results only while there are two."""
        keys = [key for key in self.available if key not in self.closed]
        if len(keys) > 1:
            keys += [SPLIT] if self.split is not None else []
            keys += [DIFFERENCE] if self.difference is not None else []
        return in_order(keys, self.order)

    @property
    def results(self) -> list[str]:
        """The panes that show one result each."""
        return [key for key in self.keys if key not in (SPLIT, DIFFERENCE)]

    @property
    def saved(self) -> list[str]:
        """The panes whose images can be saved."""
        return [key for key in self.keys if key != SPLIT]

    def move(self, key: str, place: int) -> None:
        """Bring the pane `key` to the place number `place`."""
        keys = [other for other in self.keys if other != key]
        keys.insert(place, key)
        # Closed panes keep their order among themselves for when they come back.
        self.order = [*keys, *(other for other in self.order if other not in keys)]

    @property
    def labels(self) -> dict[str, str]:
        models = model_labels(dict.fromkeys(ref for ref in (*self.students, self.teacher) if ref))
        paths = {key: picture_path(key) for key in self.pictures}
        pictures = {key: path.name for key, path in paths.items() if path is not None}
        return {**models, **pictures, **NAMES}

    def label(self, key: str) -> str:
        return self.labels.get(key, key)

    def title(self, key: str) -> str:
        return f"{self.label(key)} (teacher)" if key == self.teacher else self.label(key)

    def colour(self, key: str) -> str:
        theme = current_theme()
        if key == self.teacher:
            return theme.teacher
        if key in self.students:
            return theme.student_colour(self.students.index(key))
        return {BICUBIC: theme.bicubic, HR: theme.hr}.get(key, theme.muted)


def in_order(keys: Sequence[str], order: Sequence[str]) -> list[str]:
    """`keys` in `order`; one that isn't in it stands behind the one it stands behind in `keys`."""
    placed = [key for key in order if key in keys]
    for index, key in enumerate(keys):
        if key not in placed:
            before = [other for other in keys[:index] if other in placed]
            placed.insert(placed.index(before[-1]) + 1 if before else 0, key)
    return placed
