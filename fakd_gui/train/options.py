"""The options of a run as the form shows them: sections, labels, explanations, and reading typed text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from fakd_core.config import TrainConfig
from fakd_gui.train.presets import QUICK

SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ("preset",)),
    ("Models", ("teacher", "student", "init_from_teacher", "scale")),
    ("Images", ("train_data", "val_data", "val_images")),
    ("Distillation", ("distill", "layers", "alpha")),
    (
        "Schedule",
        ("steps", "batch", "patch", "lr", "schedule", "milestones", "validate_every", "precision", "seed"),
    ),
    ("Results", ("run",)),
)

FIELDS: Mapping[str, tuple[str, str]] = {
    "preset": ("Pr&eset", "Fills the form. Quick runs anywhere; the others are the papers' settings."),
    "teacher": (
        "Te&acher",
        "The network to learn from: a bundled name, a checkpoint's file or a run folder. "
        "'none': the student learns from the ground truth alone.",
    ),
    "student": (
        "&Student",
        "A preset, sizes such as rcan:n_resgroups=5,n_resblocks=1,n_feats=32, or a model file to go on from.",
    ),
    "init_from_teacher": (
        "",
        "Copies every layer whose place and shape are the same in both networks before the first step: "
        "the student begins close to the teacher and needs far fewer steps. "
        "The papers start from random weights.",
    ),
    "scale": ("Scale", "How many times larger the output is, each side."),
    "train_data": (
        "Train &on",
        "A folder of high-resolution images, a DIV2K folder or a benchmark folder; "
        "'samples' are the bundled images. Missing low-resolution images are made by MATLAB's bicubic.",
    ),
    "val_data": (
        "Validate on",
        "A folder of images the student never trains on. Empty: some are held out from the training images.",
    ),
    "val_images": ("Held out", "How many images the student is validated on."),
    "distill": (
        "&Recipe",
        "Feature terms and their weights, such as 10*SA+0.5*AT. SA is the paper's spatial affinity; "
        "'none' leaves only the outputs.",
    ),
    "layers": ("Layers", "The feature taps that are compared: 0 after the head, 3 after the body."),
    "alpha": ("α", "Share of the teacher's output against the ground truth, 0 to 1; the paper takes 0.5."),
    "steps": ("Ste&ps", "Optimiser steps; the paper takes 200 000."),
    "batch": ("Batch", "Patches a step."),
    "patch": ("Patch", "Side of a training patch in low-resolution pixels."),
    "lr": ("Learning rate", "Adam's learning rate at the start; the papers take 1e-4."),
    "schedule": (
        "Schedule",
        "How the learning rate falls: smoothly to zero (cosine), or halved at milestones.",
    ),
    "milestones": (
        "Milestones",
        "Steps at which the learning rate is halved, with commas between them. The cosine schedule has none.",
    ),
    "validate_every": ("Validate every", "Steps between two looks at the validation images."),
    "precision": ("Precision", "auto takes bf16 where a GPU is fast in it, else fp32."),
    "seed": ("Seed", "The same seed draws the same weights and the same patches."),
    "run": ("Run fol&der", "A new folder for the settings, the metrics, the checkpoints and the student."),
}

NEEDED = {
    "teacher": "Choose the teacher: a bundled name or a checkpoint's file ('none' trains without one).",
    "student": "Choose a preset, such as rcan-small-student, or write sizes.",
    "train_data": "Choose the folder of training images, or write 'samples'.",
    "run": "Name a new folder for the results.",
    "layers": "Tick at least one layer.",
    "alpha": "A number from 0 to 1.",
    "lr": "A number above 0, such as 1e-4.",
    "milestones": "Whole numbers with commas between them, such as 150000, 300000.",
}


def number(typed: str) -> float | str:
    """The number that was typed, or the text itself where it is none."""
    try:
        return float(typed.replace(",", "."))
    except ValueError:
        return typed


def whole_numbers(typed: str) -> tuple[int, ...] | str:
    """Whole numbers between commas, or the text itself where it is something else."""
    try:
        return tuple(int(part.replace(" ", "")) for part in typed.split(",") if part.strip())
    except ValueError:
        return typed


def written(value: object) -> str:
    """A value as a person types it."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def problems_of(values: Mapping[str, object]) -> dict[str, str]:
    """By field, what is missing, is no number, or is out of range."""
    problems = {name: NEEDED[name] for name in ("student", "train_data", "run", "layers") if not values[name]}
    if values["teacher"] == ("",):
        problems["teacher"] = NEEDED["teacher"]
    try:
        TrainConfig.model_validate(values)
    except ValidationError as error:
        for item in error.errors():
            name = str(item["loc"][0]) if item["loc"] else "layers"
            problems.setdefault(name, NEEDED.get(name, item["msg"]))
    return problems


def checkable(values: Mapping[str, object], problems: Mapping[str, str]) -> dict[str, object]:
    """`values` with the Quick preset's in place of faulty ones, so that the rest can be checked."""
    return {**values, **{name: QUICK.values[name] for name in problems if name in QUICK.values}}
