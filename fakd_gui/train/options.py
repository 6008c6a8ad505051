"""How the form arranges the options of a run, and what is known to be wrong with values by themselves.

Labels, explanations, units and ranges are the schema's: see `fakd_core.runs.options`.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from fakd_core.runs.config import TrainConfig
from fakd_core.runs.options import Option, training_options
from fakd_core.runs.presets import QUICK

RARE = "More"
"""The section of what few people change; options that no section names are shown there too."""

_SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Models", ("teacher", "student", "init_from_teacher", "scale")),
    ("Images", ("train_data", "val_data")),
    ("Distillation", ("distill", "layers", "alpha", "baseline")),
    ("Schedule", ("steps", "batch", "patch", "lr", "schedule", "milestones")),
    (RARE, ("val_images", "validate_every", "teacher_cache", "cache_patches", "ema", "precision", "device")),
    ("Results", ("run",)),
)

_MNEMONICS: Mapping[str, str] = {
    "teacher": "a",
    "student": "s",
    "train_data": "o",
    "distill": "r",
    "steps": "p",
    "batch": "b",
    "lr": "l",
    "run": "u",
}
"""Letters that no menu and no other control of the workspace has."""


def sections() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Titles and the options below them; every option of `TrainConfig` stands somewhere."""
    placed = {name for _, names in _SECTIONS for name in names}
    others = tuple(name for name in training_options() if name not in placed)
    return tuple((title, names + others if title == RARE else names) for title, names in _SECTIONS)


def label(option: Option) -> str:
    """The option's title with its mnemonic; nothing for a switch, which has its title itself."""
    if option.kind == "switch":
        return ""
    letter = _MNEMONICS.get(option.name)
    if letter is None:
        return option.title
    place = option.title.lower().index(letter)
    return f"{option.title[:place]}&{option.title[place:]}"


def tip(option: Option) -> str:
    """All that is to be said of an option: what it is, its range, and what leaving it empty means."""
    lines = [option.description]
    if option.low is not None or option.high is not None:
        lines.append(f"{_allowed(option).capitalize()}.")
    if option.kind == "models":
        lines.append("'none' trains without one; several have ; between them.")
    elif option.unset:
        lines.append(f"Left empty: {option.unset}.")
    return "\n".join(lines)


def needed(option: Option) -> str:
    """What a person has to do about a value that can't be used."""
    match option.kind:
        case "models":
            return "Choose the teacher: a bundled name or a checkpoint's file ('none' trains without one)."
        case "model":
            return "Choose a preset, such as rcan-small-student, or write sizes."
        case "images":
            return "Choose the folder of training images, or write 'samples'."
        case "folder":
            return "Name a new folder for the results."
        case "taps":
            return "Tick at least one layer."
        case "wholes":
            return "Whole numbers with commas between them, such as 150000, 300000."
    return f"{_allowed(option).capitalize()}."


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
    """By option, what is missing, is no number, or is out of range."""
    options = training_options()
    empty = [name for name in ("student", "train_data", "run", "layers") if not values[name]]
    if values["teacher"] == ("",):
        empty.append("teacher")
    problems = {name: needed(options[name]) for name in empty}
    try:
        TrainConfig.model_validate(values)
    except ValidationError as error:
        for item in error.errors():
            if item["loc"]:
                name = str(item["loc"][0])
                problems.setdefault(name, needed(options[name]))
            else:
                reason = item["msg"].removeprefix("Value error, ")
                problems.setdefault(_named_first(reason), reason)
    return problems


def _named_first(reason: str) -> str:
    """The option that a rule between several begins with; such rules are worded so."""
    name = reason.replace(",", " ").split()[0]
    return name if name in training_options() else "layers"


def unused(values: Mapping[str, object]) -> set[str]:
    """Options that mean nothing beside the others, whatever stands in them."""
    names = set()
    if values["schedule"] != "milestones":
        names.add("milestones")
    if not values["teacher"]:
        names |= {"init_from_teacher", "baseline", "teacher_cache"}
    if values["teacher_cache"] is None or "teacher_cache" in names:
        names.add("cache_patches")
    return names


def checkable(values: Mapping[str, object]) -> dict[str, object]:
    """`values` with the Quick preset's or the defaults in place of faulty ones: the rest can be checked."""
    options, good = training_options(), dict(values)
    # What is replaced may stand against another one; each option is replaced once at most.
    for _ in options:
        faulty = [name for name in problems_of(good) if name != "run" or good[name] is not None]
        if not faulty:
            break
        good |= {name: QUICK.values.get(name, options[name].default) for name in faulty}
    return good


def rest_of(values: Mapping[str, object]) -> dict[str, object]:
    """`values`, with the default of every other option that has one."""
    defaults = {name: option.default for name, option in training_options().items() if not option.required}
    return {**defaults, **values}


# -- numbers that are typed ---------------------------------------------------------------------------


def number(typed: str) -> float | str | None:
    """The number that was typed, None where nothing was, or the text itself where it is none."""
    try:
        return float(typed.replace(",", ".")) if typed.strip() else None
    except ValueError:
        return typed


def whole_number(typed: str) -> int | str | None:
    """As `number`; digits may stand in groups."""
    try:
        return int("".join(typed.split())) if typed.strip() else None
    except ValueError:
        return typed


def whole_numbers(typed: str) -> tuple[int, ...] | str:
    """Whole numbers between commas, or the text itself where it is something else."""
    try:
        return tuple(int("".join(part.split())) for part in typed.split(",") if part.strip())
    except ValueError:
        return typed


def written(value: object) -> str:
    """A value as a person types it: the shortest text that is read as the same value."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)
