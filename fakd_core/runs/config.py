"""The settings of a training run: validated, frozen, to and from TOML."""

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
    """Whether `name` stands for bytes that are not UTF-8: no TOML file can hold it."""
    return any("\ud800" <= character <= "\udfff" for character in name)


class TrainConfig(Settings):
    """The settings of one training run, named as the options of `fakd train`.

    `fakd_core.runs.options` reads the metadata of the fields: title, description, unit, the meaning of no
    value ("unset"), and the kind of value if the type doesn't tell it.

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
            "The network to learn from: a bundled name, a checkpoint file or a run folder. If several "
            "are given, one is sampled at each step. Without a teacher, the student learns from the "
            "ground truth alone."
        ),
        json_schema_extra={"kind": "models", "unset": "none"},
    )
    student: str = Field(
        title="Student",
        description=(
            "A preset, sizes such as rcan:n_resgroups=5,n_resblocks=1,n_feats=32, or a model to start from."
        ),
        json_schema_extra={"kind": "model"},
    )
    train_data: Path = Field(
        title="Training images",
        description=(
            "A folder of high-resolution images, a DIV2K folder or a benchmark folder; 'samples' "
            "are the bundled images. Missing low-resolution images are made with MATLAB's bicubic."
        ),
        json_schema_extra={"kind": "images"},
    )
    val_data: Path | None = Field(
        None,
        title="Validation images",
        description="Images that the student is never trained on.",
        json_schema_extra={"kind": "images", "unset": "held out of the training images"},
    )
    scale: Scale = Field(4, title="Scale", description="Enlargement of each side.")
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
        description="Weight of the teacher's output against the ground truth; 0.5 in the paper.",
    )
    distill: str = Field(
        "10*SA",
        title="Recipe",
        description=(
            "Feature terms and their weights, such as 10*SA+0.5*AT. SA is the paper's spatial "
            "affinity; 'none' compares the outputs only."
        ),
        json_schema_extra={"kind": "recipe"},
    )
    layers: tuple[int, ...] = Field(
        (1, 2, 3),
        title="Layers",
        description="Feature taps to compare: 0 is after the head, 3 after the body.",
        json_schema_extra={"kind": "taps"},
    )
    init_from_teacher: bool = Field(
        False,
        title="Start from the teacher's layers",
        description=(
            "Before the first step, copy every layer that has the same place and shape in both "
            "networks: the student starts close to the teacher and needs far fewer steps. The papers "
            "start from random weights."
        ),
    )
    baseline: bool = Field(
        False,
        title="Baseline",
        description=(
            "Train a baseline beside the student: the same network, from the same start on the same "
            "batches, without a teacher. The difference is what the teacher adds. Steps take longer."
        ),
    )
    steps: int = Field(
        200_000,
        ge=1,
        le=1_000_000_000,
        title="Steps",
        description="Optimiser steps; 200 000 in the paper.",
    )
    batch: int = Field(
        16,
        ge=1,
        le=16_384,
        title="Batch",
        description="Patches per step over all processes.",
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
        description="Adam's initial learning rate; 1e-4 in the papers.",
    )
    clip: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        title="Clip gradients",
        description="Maximum gradient norm; larger gradients are scaled down to it.",
        json_schema_extra={"unset": "none"},
    )
    schedule: Literal["milestones", "cosine"] = Field(
        "milestones",
        title="Schedule",
        description="How the learning rate decays: halved at milestones, or smoothly to zero (cosine).",
    )
    milestones: tuple[PositiveInt, ...] = Field(
        (150_000,),
        title="Milestones",
        description="Steps at which the learning rate is halved; the cosine schedule has none.",
        json_schema_extra={"unit": "steps"},
    )
    validate_every: int | None = Field(
        None,
        ge=1,
        le=1_000_000_000,
        title="Validate every",
        description="Steps between validations; by default at most 1000.",
        json_schema_extra={"unit": "steps", "unset": "a tenth of the run"},
    )
    val_images: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        title="Validate with",
        description="Number of validation images.",
        json_schema_extra={"unit": "images", "unset": "all, or 5 held out"},
    )
    ema: float | None = Field(
        None,
        gt=0,
        lt=1,
        allow_inf_nan=False,
        title="Moving average",
        description=(
            "Decay per step of a moving average of the student's weights (EMA), saved beside it. "
            "0.999 averages about the last 1,000 steps."
        ),
        json_schema_extra={"unset": "none"},
    )
    teacher_cache: Path | None = Field(
        None,
        title="Teacher cache",
        description=(
            "A folder for the teacher's outputs, so that it runs once for each patch of a pool "
            "instead of at every step."
        ),
        json_schema_extra={"kind": "folder", "unset": "none"},
    )
    cache_patches: int | None = Field(
        None,
        ge=1,
        le=10_000_000,
        title="Patch pool",
        description="Patches in the teacher cache, from which every step draws; typically some thousands.",
        json_schema_extra={"unit": "patches", "unset": "none"},
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto",
        title="Precision",
        description="Precision of the networks' forward pass; auto is the fastest on the device.",
    )
    compile: bool = Field(
        False,
        title="Compile the networks",
        description="Compile the networks with torch first: takes minutes, for faster steps on a GPU.",
    )
    tensorboard: bool = Field(
        False,
        title="TensorBoard",
        description=(
            "Also write losses, scores, previews and affinity maps for TensorBoard into the run folder."
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
        description="The same seed gives the same initial weights, patches and teachers.",
    )

    @model_validator(mode="before")
    @classmethod
    def _accept_one_teacher(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("teacher"), str):
            return {**values, "teacher": (values["teacher"],)}
        return values

    @field_validator(
        "teacher", "student", "train_data", "val_data", "run", "teacher_cache", "device", mode="before"
    )
    @classmethod
    def _reject_empty(cls, value: Any) -> Any:
        if "" in (value if isinstance(value, (list, tuple)) else (value,)):
            raise ValueError("must not be empty")
        return value

    @field_validator("train_data", "val_data", "run", "teacher_cache")
    @classmethod
    def _expand_path(cls, path: Path | None) -> Path | None:
        if path is not None and "\0" in str(path):
            raise ValueError("a path can't contain a zero byte; type it again")
        if path is not None and _has_surrogates(str(path)):
            raise ValueError("must be a path in UTF-8; rename the folder")
        try:
            return expand_home(path) if path else path
        except ConfigError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _check_layers(self) -> Self:
        if not self.layers or any(not 0 <= layer < TAP_COUNT for layer in self.layers):
            raise ValueError(
                f"layers must be among 0..{TAP_COUNT - 1}, at least one (found {list(self.layers)})"
            )
        if len(set(self.layers)) != len(self.layers):
            raise ValueError(f"layers must not be repeated (found {list(self.layers)})")
        return self

    @model_validator(mode="after")
    def _check_baseline(self) -> Self:
        if self.baseline and not self.teacher:
            raise ValueError(
                "baseline is trained for comparison with a student that has a teacher; name a teacher, or "
                "drop baseline"
            )
        return self

    @model_validator(mode="after")
    def _check_cache(self) -> Self:
        if (self.teacher_cache is None) != (self.cache_patches is None):
            raise ValueError(
                "teacher_cache, a folder, and cache_patches, its number of patches, go together: "
                "give both or neither"
            )
        if self.cache_patches is None:
            return self
        if not self.teacher:
            raise ValueError("teacher_cache holds a teacher's outputs; name a teacher, or drop it")
        if self.cache_patches < self.batch:
            raise ValueError(
                f"cache_patches must be at least batch, {self.batch} (found {self.cache_patches}); "
                "some thousands are typical"
            )
        return self

    @property
    def held_out_images(self) -> int:
        """Number of images held out of the training images if there is no `val_data`."""
        return self.val_images or HELD_OUT

    @property
    def validation_interval(self) -> int:
        """Steps between validations: `validate_every`, or a tenth of the run, but at most 1000."""
        return self.validate_every or min(1000, max(1, self.steps // 10))


def to_toml(config: TrainConfig) -> str:
    """`config` as a TOML document, without options that are None."""
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
