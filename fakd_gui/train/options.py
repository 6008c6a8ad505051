"""Arranges the options of a run in the form, checks single values, and reads and writes typed numbers.

Titles, descriptions, units and ranges come from the schema: see `fakd_core.runs.option_help`.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from fakd_core.runs.config import TrainConfig
from fakd_core.runs.option_help import Option, training_options
from fakd_core.runs.presets import QUICK

RARE = "More"
"""The title of the section for rarely changed options, and for those that no other section names."""

_SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Models", ("teacher", "student", "init_from_teacher", "scale")),
    ("Images", ("train_data", "val_data")),
    ("Distillation", ("distill", "layers", "alpha", "baseline")),
    ("Schedule", ("steps", "batch", "patch", "lr", "schedule", "milestones")),
    (
        RARE,
        (
            "val_images",
            "validate_every",
            "checkpoint_every",
            "teacher_cache",
            "cache_patches",
            "ema",
            "precision",
            "device",
        ),
    ),
    ("Results", ("run",)),
)

_LABELS: Mapping[str, str] = {
    "teacher": "Te&acher",
    "student": "&Student",
    "train_data": "Train &on",
    "distill": "&Recipe",
    "steps": "Ste&ps",
    "batch": "&Batch",
    "lr": "&Learning rate",
    "run": "R&un folder",
}
"""Titles with access keys: letters that no menu and no other widget of the workspace uses."""

_INSTRUCTIONS: Mapping[str, str] = {
    "models": "Choose a teacher: a bundled name or a checkpoint file ('none' trains without one).",
    "model": "Choose a preset, such as rcan-small-student, or enter sizes.",
    "images": "Choose the folder of training images, or enter 'samples'.",
    "folder": "Enter a new folder for the results.",
    "taps": "Check at least one layer.",
    "wholes": "Whole numbers separated by commas, such as 150000, 300000.",
}
"""Instructions by the kind of an option; the others name their range."""


def sections() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The titles of the sections and their options, which together are all of `TrainConfig`."""
    placed = {name for _, names in _SECTIONS for name in names}
    others = tuple(name for name in training_options() if name not in placed)
    return tuple((title, names + others if title == RARE else names) for title, names in _SECTIONS)


def label(option: Option) -> str:
    """The option's title with its mnemonic; empty for a switch, whose check box has the title."""
    return "" if option.kind == "switch" else _LABELS.get(option.name, option.title)


def tip(option: Option) -> str:
    """An option's description, its range, and the meaning of an empty field."""
    lines = [option.description]
    if option.low is not None or option.high is not None:
        lines.append(f"{_allowed(option).capitalize()}.")
    if option.kind == "models":
        lines.append("'none' trains without a teacher; separate several by ;.")
    elif option.kind == "images":
        lines.append("Separate several by ;.")
    if option.unset and option.kind != "models":
        lines.append(f"If empty: {option.unset}.")
    return "\n".join(lines)


def instruction(option: Option) -> str:
    """The instruction for a field whose value is missing or invalid."""
    return _INSTRUCTIONS.get(option.kind) or f"{_allowed(option).capitalize()}."


def _allowed(option: Option) -> str:
    noun = "a whole number" if option.kind == "whole" else "a number"
    low, high = option.low, option.high
    if low is None or (high is not None and high >= 2**53):
        return noun if not low else f"{noun}, at least {low:,g}"
    if high is None:
        return f"{noun}, at least {low:g}" if option.inclusive[0] else f"{noun} above {low:g}"
    if option.inclusive == (True, True):
        return f"{noun} from {low:g} to {high:,.0f}"
    return f"{noun} above {low:g} and below {high:g}"


def problems_of(values: Mapping[str, object]) -> dict[str, str]:
    """Find values that are missing, not a number, or out of range; returns the problems by option."""
    options = training_options()
    empty = [name for name in ("student", "run", "layers") if not values[name]]
    empty += [name for name in ("teacher", "train_data") if values[name] == ("",)]
    problems = {name: instruction(options[name]) for name in empty}
    try:
        TrainConfig.model_validate(values)
    except ValidationError as error:
        for item in error.errors():
            if item["loc"]:
                name = str(item["loc"][0])
                problems.setdefault(name, instruction(options[name]))
            else:
                reason = item["msg"].removeprefix("Value error, ")
                problems.setdefault(_option_in(reason), reason)
    return problems


def _option_in(reason: str) -> str:
    """The option that the message of a rule between options begins with."""
    name = reason.replace(",", " ").split()[0]
    return name if name in training_options() else "layers"


def unused(values: Mapping[str, object]) -> set[str]:
    """Options that have no effect because of the values of others."""
    names = set()
    if values["schedule"] != "milestones":
        names.add("milestones")
    if not values["teacher"]:
        names |= {"init_from_teacher", "baseline", "teacher_cache"}
    if not (isinstance(values["teacher"], tuple) and len(values["teacher"]) > 1):
        names.add("average_teachers")
    if values["teacher_cache"] is None or "teacher_cache" in names:
        names.add("cache_patches")
    return names


def with_valid_values(values: Mapping[str, object]) -> dict[str, object]:
    """Replace invalid values by Quick's or the defaults, so that the rest can be checked."""
    options, valid = training_options(), dict(values)
    # A replacement may conflict with another value; each option is replaced at most once.
    for _ in options:
        faulty = [name for name in problems_of(valid) if name != "run" or valid[name] is not None]
        if not faulty:
            break
        valid |= {name: QUICK.values.get(name, options[name].default) for name in faulty}
    return valid


# -- numbers that are typed ---------------------------------------------------------------------------


def parse_number(typed: str) -> float | str | None:
    """Parse a typed number: None for an empty text, the text itself if it is no number."""
    try:
        return float(typed.replace(",", ".")) if typed.strip() else None
    except ValueError:
        return typed


def parse_whole_number(typed: str) -> int | str | None:
    """Parse a typed whole number like `parse_number`; digits may be grouped by spaces."""
    try:
        return int("".join(typed.split())) if typed.strip() else None
    except ValueError:
        return typed


def parse_whole_numbers(typed: str) -> tuple[int, ...] | str:
    """Parse typed whole numbers separated by commas; the text itself if it is something else."""
    try:
        return tuple(int("".join(part.split())) for part in typed.split(",") if part.strip())
    except ValueError:
        return typed


def format_value(value: object) -> str:
    """Format a value as a user types it: the shortest text that is parsed as the same value."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)
