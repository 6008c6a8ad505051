"""Frozen, validated settings of a network and of a training run, to and from TOML."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import tomlkit
from pydantic import Field, PositiveInt, field_validator, model_validator

from fakd_core.errors import ConfigError, RunError
from fakd_core.files import expand_home
from fakd_core.models.spec import TAP_COUNT, Scale
from fakd_core.runs.layout import RunLayout
from fakd_core.settings import Settings, read_toml

HELD_OUT = 5


def _has_surrogates(name: str) -> bool:
    """Whether `name` stands for bytes that are not UTF-8: no file of settings could hold it."""
    return any("\ud800" <= letter <= "\udfff" for letter in name)


class TrainConfig(Settings):
    """One training run; the names are those of the command line's options.

    `fakd_core.runs.options` reads what is told of each here: title, description, unit, what leaving it out
    means ("unset"), and what kind of value it is where its type does not say it.

    Example:
        >>> from fakd_core import TrainConfig
        >>> config = TrainConfig.build(
        ...     teacher="rcan-g5-r5-c32-x4", student="rcan-small-student",
        ...     train_data="samples", run="runs/first",
        ... )
        >>> config.scale, config.alpha, config.distill, config.layers
        (4, 0.5, '10*SA', (1, 2, 3))
    """

    teacher: tuple[str, ...] = Field(
        (),
        title="Teacher",
        description=(
            "The network to learn from: a bundled name, a checkpoint's file or a run folder. Of "
            "several, one is drawn at random per step. Without one, the student learns from the "
            "ground truth alone."
        ),
        json_schema_extra={"kind": "models", "unset": "none"},
    )
    student: str = Field(
        title="Student",
        description=(
            "A preset, sizes such as rcan:n_resgroups=5,n_resblocks=1,n_feats=32, or a model to go on from."
        ),
        json_schema_extra={"kind": "model"},
    )
    train_data: Path = Field(
        title="Train on",
        description=(
            "A folder of high-resolution images, a DIV2K folder or a benchmark folder; 'samples' "
            "are the bundled images. Low-resolution images that are missing are made by MATLAB's "
            "bicubic."
        ),
        json_schema_extra={"kind": "images"},
    )
    val_data: Path | None = Field(
        None,
        title="Validate on",
        description="Images that the student never trains on.",
        json_schema_extra={"kind": "images", "unset": "held out of the training images"},
    )
    scale: Scale = Field(4, title="Scale", description="How many times larger the output is, each side.")
    run: Path = Field(
        title="Run folder",
        description="A new folder for the settings, the metrics, the checkpoints and the student.",
        json_schema_extra={"kind": "folder"},
    )
    alpha: float = Field(
        0.5,
        ge=0,
        le=1,
        allow_inf_nan=False,
        title="α",
        description="Share of the teacher's output against the ground truth; the paper takes 0.5.",
    )
    distill: str = Field(
        "10*SA",
        title="Recipe",
        description=(
            "Feature terms and their weights, such as 10*SA+0.5*AT. SA is the paper's spatial "
            "affinity; 'none' leaves only the outputs."
        ),
        json_schema_extra={"kind": "recipe"},
    )
    layers: tuple[int, ...] = Field(
        (1, 2, 3),
        title="Layers",
        description="Feature taps that are compared: 0 after the head, 3 after the body.",
        json_schema_extra={"kind": "taps"},
    )
    init_from_teacher: bool = Field(
        False,
        title="Start from the teacher's layers",
        description=(
            "Copy every layer whose place and shape are the same in both networks before the "
            "first step: the student begins close to the teacher and needs far fewer steps. The "
            "papers start at random."
        ),
    )
    baseline: bool = Field(
        False,
        title="With and without FAKD",
        description=(
            "Train a second student beside the first, from the same start on the same batches, "
            "with the ground truth alone: what the teacher adds is the difference. A step takes "
            "longer."
        ),
    )
    steps: int = Field(
        200_000,
        ge=1,
        le=1_000_000_000,
        title="Steps",
        description="Optimiser steps; the paper takes 200 000.",
    )
    batch: int = Field(
        16,
        ge=1,
        le=16_384,
        title="Batch",
        description="Patches per step, over all processes.",
        json_schema_extra={"unit": "patches"},
    )
    patch: int = Field(
        48,
        ge=8,
        le=4096,
        title="Patch",
        description="Side of a training patch in low-resolution pixels.",
        json_schema_extra={"unit": "px (LR)"},
    )
    lr: float = Field(
        1e-4,
        gt=0,
        allow_inf_nan=False,
        title="Learning rate",
        description="Adam's learning rate at the start; the papers take 1e-4.",
    )
    clip: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        title="Clip gradients",
        description="The largest length of a step's gradient; a longer one is scaled down to it.",
        json_schema_extra={"unset": "none"},
    )
    schedule: Literal["milestones", "cosine"] = Field(
        "milestones",
        title="Schedule",
        description="How the learning rate falls: halved at milestones, or smoothly to zero (cosine).",
    )
    milestones: tuple[PositiveInt, ...] = Field(
        (150_000,),
        title="Milestones",
        description="Steps at which the learning rate halves; the cosine schedule has none.",
        json_schema_extra={"unit": "steps"},
    )
    validate_every: int | None = Field(
        None,
        ge=1,
        le=1_000_000_000,
        title="Validate every",
        description="Steps between two looks at the validation images; at most 1000 unless given.",
        json_schema_extra={"unit": "steps", "unset": "a tenth of the run"},
    )
    val_images: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        title="Validate with",
        description="How many images the student is validated on.",
        json_schema_extra={"unit": "images", "unset": "all, or 5 held out"},
    )
    ema: float | None = Field(
        None,
        gt=0,
        lt=1,
        allow_inf_nan=False,
        title="Average",
        description=(
            "Keep a moving average of the student's weights beside it (EMA): its decay per step. "
            "0.999 averages about the last 1,000 steps."
        ),
        json_schema_extra={"unset": "none"},
    )
    teacher_cache: Path | None = Field(
        None,
        title="Teacher cache",
        description=(
            "A folder to keep the teacher's answers in, so that it runs once for every patch of a "
            "pool and not at every step."
        ),
        json_schema_extra={"kind": "folder", "unset": "none"},
    )
    cache_patches: int | None = Field(
        None,
        ge=1,
        le=10_000_000,
        title="Patch pool",
        description="Patches in the teacher cache, of which every step draws; some thousands are usual.",
        json_schema_extra={"unit": "patches", "unset": "none"},
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto",
        title="Precision",
        description="Of the networks' passes; auto is the fastest that the device has.",
    )
    compile: bool = Field(
        False,
        title="Compile the networks",
        description="Have torch compile the networks first: minutes, for faster steps on a GPU.",
    )
    tensorboard: bool = Field(
        False,
        title="TensorBoard",
        description=(
            "Write losses, scores, previews and affinity maps into the run folder as TensorBoard "
            "shows them, too."
        ),
    )
    device: str = Field(
        "auto",
        title="Device",
        description="auto (a GPU if there is one), cpu, cuda, cuda:1 or mps.",
        json_schema_extra={"kind": "device"},
    )
    seed: int = Field(
        0,
        ge=0,
        lt=1 << 63,
        title="Seed",
        description="The same seed draws the same weights, patches and teachers.",
    )

    @model_validator(mode="before")
    @classmethod
    def _one_teacher_is_a_list_of_one(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("teacher"), str):
            return {**values, "teacher": (values["teacher"],)}
        return values

    @field_validator(
        "teacher", "student", "train_data", "val_data", "run", "teacher_cache", "device", mode="before"
    )
    @classmethod
    def _something_is_named(cls, value: Any) -> Any:
        if "" in (value if isinstance(value, (list, tuple)) else (value,)):
            raise ValueError("must not be empty")
        return value

    @field_validator("train_data", "val_data", "run", "teacher_cache")
    @classmethod
    def _tilde_is_home(cls, path: Path | None) -> Path | None:
        if path is not None and "\0" in str(path):
            raise ValueError("a path can't hold a zero byte; write it anew")
        if path is not None and _has_surrogates(str(path)):
            raise ValueError("must be a path in UTF-8; rename the folder")
        try:
            return expand_home(path) if path else path
        except ConfigError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _layers_are_taps(self) -> Self:
        if not self.layers or any(not 0 <= layer < TAP_COUNT for layer in self.layers):
            raise ValueError(
                f"layers must be among 0..{TAP_COUNT - 1}, at least one (found {list(self.layers)})"
            )
        if len(set(self.layers)) != len(self.layers):
            raise ValueError(f"layers are named twice (found {list(self.layers)})")
        return self

    @model_validator(mode="after")
    def _twin_has_a_teacher(self) -> Self:
        if self.baseline and not self.teacher:
            raise ValueError(
                "baseline trains a second student without the teacher; name a teacher, or drop baseline"
            )
        return self

    @model_validator(mode="after")
    def _cache_fits_the_rest(self) -> Self:
        if (self.teacher_cache is None) != (self.cache_patches is None):
            raise ValueError(
                "teacher_cache, a folder, and cache_patches, how many patches it holds, go together: "
                "give both or neither"
            )
        if self.cache_patches is None:
            return self
        if not self.teacher:
            raise ValueError("teacher_cache holds a teacher's answers; name a teacher, or drop it")
        if self.cache_patches < self.batch:
            raise ValueError(
                f"cache_patches must be at least batch, {self.batch} (found {self.cache_patches}); "
                "some thousands are usual"
            )
        return self

    @property
    def held_out_images(self) -> int:
        """Images held out of the training images where there is no `val_data`."""
        return self.val_images or HELD_OUT

    @property
    def validation_interval(self) -> int:
        """Steps between validations: `validate_every`, or ten times a run, at least every 1000 steps."""
        return self.validate_every or min(1000, max(1, self.steps // 10))


def to_toml(config: TrainConfig) -> str:
    """`config` as a TOML document; options that are None are left out."""
    document = tomlkit.document()
    for name, value in config.model_dump(mode="json").items():
        if value is not None:
            document.add(name, value)
    return tomlkit.dumps(document)


def read_config(run: Path) -> TrainConfig:
    """The settings that a run was started with; their `run` is where the folder lies now.

    Raises:
        RunError: `run` holds no run.
        ConfigError: its settings can't be read.
    """
    file = RunLayout(run).config
    if not file.is_file():
        raise RunError(f"{run}: not a run folder (no {file.name} in it); give the folder that --run named")
    values = {**read_toml(file), "run": run}
    try:
        return TrainConfig.build(**values)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from None
