"""The meaning of a dropped, opened or pasted path in each workspace: the only place that decides it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import Literal

from fakd_core.data.image_files import image_size
from fakd_core.data.image_formats import IMAGE_SUFFIXES
from fakd_core.errors import FakdError
from fakd_core.models.spec import WEIGHT_SUFFIXES
from fakd_gui.session.opened_image import OpenedImage
from fakd_gui.session.run_folders import has_student, is_run

Opener = Callable[[Sequence[Path]], object]
"""Carries out an action on paths."""
Workspace = Literal["Train", "Compare", "Inspect", "Benchmark"]
WORKSPACES: tuple[Workspace, ...] = ("Train", "Compare", "Inspect", "Benchmark")


class Kind(Enum):
    """The kind of thing at a path."""

    IMAGE = auto()
    RESULT_IMAGE = auto()
    """Another tool's result for the open image: of its size, its name beginning with the image's."""
    FOLDER = auto()
    RUN = auto()
    MODEL = auto()
    """A weight file, or a folder with a student but without settings."""
    SETTINGS = auto()
    TABLE = auto()
    """Benchmark results."""


class Action(Enum):
    """The action that a workspace takes on paths of one kind."""

    SHOW_IMAGES = auto()
    """Open one image, or several as a filmstrip, in Compare."""
    INSPECT_IMAGES = auto()
    """The same, but stay in Inspect with one image."""
    ASK_FOR_PANE = auto()
    """Ask whether to open the image or to add it to the open one as a pane."""
    ADD_PANES = auto()
    SHOW_FOLDERS = auto()
    """Show the images in the folders as a filmstrip."""
    TRAIN_ON = auto()
    ADD_SETS = auto()
    SHOW_RUNS = auto()
    """Show the first run's curves and overlay those of the others."""
    ASK_FOR_ROLE = auto()
    """Ask whether a model is the teacher or a student."""
    ADD_STUDENTS = auto()
    ADD_MODELS = auto()
    """Add models to the benchmark."""
    LOAD_SETTINGS = auto()
    TRAIN_LONGER = auto()
    """Fill in the settings of a training that starts from the run's student."""
    SHOW_TABLE = auto()


ACTIONS: Mapping[Kind, tuple[Action, Action, Action, Action]] = {
    # Train, Compare, Inspect, Benchmark; docs/user-guide.md has the same table in words.
    Kind.IMAGE: (Action.SHOW_IMAGES, Action.SHOW_IMAGES, Action.INSPECT_IMAGES, Action.SHOW_IMAGES),
    Kind.RESULT_IMAGE: (Action.SHOW_IMAGES, Action.ASK_FOR_PANE, Action.INSPECT_IMAGES, Action.SHOW_IMAGES),
    Kind.FOLDER: (Action.TRAIN_ON, Action.SHOW_FOLDERS, Action.SHOW_FOLDERS, Action.ADD_SETS),
    Kind.RUN: (Action.SHOW_RUNS, Action.ADD_STUDENTS, Action.ADD_STUDENTS, Action.ADD_MODELS),
    Kind.MODEL: (Action.ASK_FOR_ROLE, Action.ADD_STUDENTS, Action.ADD_STUDENTS, Action.ADD_MODELS),
    Kind.SETTINGS: (Action.LOAD_SETTINGS,) * 4,
    Kind.TABLE: (Action.SHOW_TABLE,) * 4,
}
TAKES_ONE = frozenset({Action.TRAIN_ON, Action.LOAD_SETTINGS, Action.SHOW_TABLE})
"""Actions that use only the first of several paths."""
SHOWN_IN: Mapping[Action, Workspace] = {
    Action.SHOW_IMAGES: "Compare",
    Action.TRAIN_ON: "Train",
    Action.SHOW_RUNS: "Train",
    Action.LOAD_SETTINGS: "Train",
    Action.TRAIN_LONGER: "Train",
    Action.SHOW_TABLE: "Benchmark",
}
"""The workspace that an action brings to the front; the session's own signals bring others."""


def plan_opening(
    paths: Sequence[Path], workspace: Workspace, image: OpenedImage | None
) -> tuple[dict[Action, list[Path]], list[Path]]:
    """Decide what `workspace` does with `paths` while `image` is open.

    Returns:
        The paths of each action, in the order given, and the paths that can't be opened.
    """
    planned: dict[Action, list[Path]] = {}
    refused = []
    column = WORKSPACES.index(workspace)
    for path in paths:
        kind = kind_of(path, image)
        if kind is None:
            refused.append(path)
        else:
            planned.setdefault(ACTIONS[kind][column], []).append(path)
    return planned, refused


def kind_of(path: Path, image: OpenedImage | None = None) -> Kind | None:
    """Recognise `path` by its suffix, a folder by its content; None for a file of no use here."""
    suffix = path.suffix.lower()
    if path.is_dir():
        return Kind.RUN if is_run(path) else Kind.MODEL if has_student(path) else Kind.FOLDER
    if suffix in IMAGE_SUFFIXES:
        return Kind.RESULT_IMAGE if image is not None and _is_result_of(path, image) else Kind.IMAGE
    if suffix in WEIGHT_SUFFIXES:
        return Kind.MODEL
    return {".toml": Kind.SETTINGS, ".json": Kind.TABLE}.get(suffix)


def each(act: Callable[[Path], object]) -> Opener:
    """An opener that calls `act` with each of the paths."""

    def open_paths(paths: Sequence[Path]) -> None:
        for path in paths:
            act(path)

    return open_paths


def refusal(paths: Sequence[Path]) -> str:
    """The message for `paths` that can't be opened."""
    names = ", ".join(path.name for path in paths)
    return (
        f"{names}: can't be opened here. Drop an image, a folder of images, a run folder, "
        f"a model ({', '.join(WEIGHT_SUFFIXES)}), settings (.toml) or benchmark results (.json)"
    )


def _is_result_of(path: Path, image: OpenedImage) -> bool:
    if path == image.path or not path.stem.startswith(image.path.stem):
        return False
    try:
        width, height = image_size(path)
    except FakdError:
        return False
    return image.has_result_size(height, width)
