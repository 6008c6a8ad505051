"""The settings of a training run: validated, frozen, to and from TOML."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, PositiveInt, field_validator, model_validator

from fakd_core.errors import ConfigError, RunError
from fakd_core.files import cache_folder, expand_home
from fakd_core.models.spec import TAP_COUNT, Scale
from fakd_core.runs.layout import RunLayout
from fakd_core.settings import Settings, read_toml

HELD_OUT = 5
AUTO_FOLDER = Path("auto")


def _option(
    default: Any, title: str, *, kind: str = "", unit: str = "", unset: str = "", **bounds: Any
) -> Any:
    """A field with metadata for `fakd_core.runs.option_help`; the text below it is the description."""
    metadata: dict[str, Any] = {"kind": kind, "unit": unit, "unset": unset}
    return Field(default, title=title, json_schema_extra=metadata, **bounds)


class TrainConfig(Settings):
    """The settings of one training run, named as the options of `fakd train`.

    Example:
        >>> from fakd_core import TrainConfig
        >>> config = TrainConfig.build(
        ...     teacher="rcan-g5-r5-c32-x4", student="rcan-small-student",
        ...     train_data="samples", run="runs/first",
        ... )
        >>> config.scale, config.alpha, config.distill, config.layers
        (4, 0.5, '10*SA', (1, 2, 3))
    """

    model_config = ConfigDict(use_attribute_docstrings=True)

    teacher: tuple[str, ...] = _option((), "Teacher", kind="models", unset="none")
    """The network to learn from: a bundled name, a checkpoint file or a run folder. If several are given, one
    is sampled at each step. Without a teacher, the student learns from the ground truth alone."""
    student: str = _option(..., "Student", kind="model")
    """A preset, sizes such as rcan:n_resgroups=5,n_resblocks=1,n_feats=32, or a model to start from."""
    train_data: tuple[Path, ...] = _option(..., "Train on", kind="images", min_length=1)
    """A folder of high-resolution images, a DIV2K folder or a benchmark folder; 'samples' are the bundled
    images. All are trained on if several are given. Missing low-resolution images are made with MATLAB's
    bicubic."""
    val_data: tuple[Path, ...] = _option(
        (), "Validate on", kind="images", unset="held out of the training images"
    )
    """Folders of images that the student is never trained on."""
    scale: Scale = _option(4, "Scale")
    """Enlargement of each side."""
    run: Path = _option(..., "Run folder", kind="folder")
    """A new folder for the settings, the metrics, the checkpoints and the student."""
    average_teachers: bool = _option(False, "Average the teachers")
    """Learn from the mean output of several teachers instead of that of the one drawn at each step; feature
    terms compare the maps of the drawn one."""
    alpha: float = _option(0.5, "α", ge=0, le=1, allow_inf_nan=False)
    """Weight of the teacher's output against the ground truth; 0.5 in the paper."""
    distill: str = _option("10*SA", "Recipe", kind="recipe")
    """Feature terms and their weights, such as 10*SA+0.5*AT. SA is the paper's spatial affinity; 'none'
    compares the outputs only."""
    layers: tuple[int, ...] = _option((1, 2, 3), "Layers", kind="taps")
    """Feature taps to compare: 0 is after the head, 3 after the body."""
    init_from_teacher: bool = _option(False, "Start from the teacher's layers")
    """Before the first step, copy every layer that has the same place and shape in both networks: the student
    starts close to the teacher and needs far fewer steps. The papers start at random."""
    baseline: bool = _option(False, "Baseline")
    """Train a baseline beside the student: the same network, from the same start on the same batches, without
    a teacher. The difference is what the teacher adds. Steps take longer."""
    steps: int = _option(200_000, "Steps", ge=1, le=1_000_000_000)
    """Optimiser steps; 200 000 in the paper."""
    batch: int = _option(16, "Batch", unit="patches", ge=1, le=16_384)
    """Patches per step over all processes."""
    patch: int = _option(48, "Patch", unit="px (LR)", ge=8, le=4096)
    """Side of a training patch in low-resolution pixels."""
    lr: float = _option(1e-4, "Learning rate", gt=0, allow_inf_nan=False)
    """Adam's initial learning rate; 1e-4 in the papers."""
    clip: float | None = _option(None, "Clip gradients", unset="none", gt=0, allow_inf_nan=False)
    """Maximum gradient norm; larger gradients are scaled down to it."""
    schedule: Literal["milestones", "cosine"] = _option("milestones", "Schedule")
    """Decay of the learning rate: halved at milestones, or smoothly to zero (cosine)."""
    milestones: tuple[PositiveInt, ...] = _option((150_000,), "Milestones", unit="steps")
    """Steps at which the learning rate is halved; the cosine schedule has none."""
    validate_every: int | None = _option(
        None, "Validate every", unit="steps", unset="a tenth of the run", ge=1, le=1_000_000_000
    )
    """Steps between validations; by default at most 1000."""
    val_images: int | None = _option(
        None, "Validate with", unit="images", unset="all, or 5 held out", ge=1, le=1_000_000
    )
    """Number of validation images."""
    checkpoint_every: float | None = _option(
        None, "Save every", unit="s", unset="20 s, or 50 saves if longer", gt=0, allow_inf_nan=False
    )
    """Seconds between the checkpoints to resume from. By default 20, or 50 times what the last one took to
    save if that is longer. There is one after each validation as well."""
    ema: float | None = _option(None, "Moving average", unset="none", gt=0, lt=1, allow_inf_nan=False)
    """Decay per step of a moving average of the student's weights (EMA), saved beside it. 0.999 averages
    about the last 1,000 steps."""
    teacher_cache: Path | None = _option(None, "Teacher cache", kind="folder", unset="none")
    """A folder for the teacher's outputs, so that it runs once for each patch of a pool instead of at every
    step; auto is one in the user's cache folder."""
    cache_patches: int | None = _option(None, "Patch pool", unit="patches", unset="none", ge=1, le=10_000_000)
    """Patches in the teacher cache, from which every step draws; typically some thousands."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = _option("auto", "Precision")
    """Precision of the networks' forward pass; auto is the fastest on the device."""
    compile: bool = _option(False, "Compile the networks")
    """Compile the networks with torch first: takes minutes, for faster steps on a GPU."""
    tensorboard: bool = _option(False, "TensorBoard")
    """Also write losses, scores, previews and affinity maps for TensorBoard into the run folder."""
    device: str = _option("auto", "Device", kind="device")
    """auto (a GPU if there is one), cpu, cuda, cuda:1 or mps."""
    seed: int = _option(0, "Seed", ge=0, lt=1 << 63)
    """The same seed gives the same initial weights, patches and teachers."""

    @field_validator(
        "teacher", "student", "train_data", "val_data", "run", "teacher_cache", "device", mode="before"
    )
    @classmethod
    def _reject_empty(cls, value: Any) -> Any:
        if "" in (value if isinstance(value, (list, tuple)) else (value,)):
            raise ValueError("must not be empty")
        return value

    @field_validator("teacher", "train_data", "val_data", mode="before")
    @classmethod
    def _accept_one(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str | Path) else () if value is None else value

    @field_validator("train_data", "val_data")
    @classmethod
    def _expand_paths(cls, paths: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(path for path in map(cls._expand_path, paths) if path is not None)

    @field_validator("run", "teacher_cache")
    @classmethod
    def _expand_path(cls, path: Path | None) -> Path | None:
        if path is None:
            return None
        if "\0" in str(path):
            raise ValueError("a path can't contain a zero byte; type it again")
        try:
            str(path).encode()
            return expand_home(path)
        except UnicodeEncodeError:  # No TOML file can hold its bytes.
            raise ValueError("must be a path in UTF-8; rename the folder") from None
        except ConfigError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        if not self.layers or any(not 0 <= layer < TAP_COUNT for layer in self.layers):
            raise ValueError(
                f"layers must be among 0..{TAP_COUNT - 1}, at least one (found {list(self.layers)})"
            )
        if len(set(self.layers)) != len(self.layers):
            raise ValueError(f"layers must not be repeated (found {list(self.layers)})")
        if self.baseline and not self.teacher:
            raise ValueError(
                "baseline is trained for comparison with a student that has a teacher; name a teacher, or "
                "drop baseline"
            )
        if self.average_teachers and len(self.teacher) < 2:
            raise ValueError(
                f"average_teachers is the mean of several teachers (found {len(self.teacher)}); name more, "
                "or drop it"
            )
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
    def teacher_cache_folder(self) -> Path | None:
        """The folder of the teacher cache."""
        if self.teacher_cache == AUTO_FOLDER:
            return cache_folder() / "teachers"
        return self.teacher_cache

    @property
    def held_out_images(self) -> int:
        """Number of images held out of the training images if there is no `val_data`."""
        return self.val_images or HELD_OUT

    @property
    def validation_interval(self) -> int:
        """Steps between validations: `validate_every`, or a tenth of the run, but at most 1000."""
        return self.validate_every or min(1000, max(1, self.steps // 10))


def to_toml(config: TrainConfig, only: set[str] | None = None) -> str:
    """`config`, or `only` some of its options, as a TOML document; options that are None are omitted."""
    import tomlkit  # On demand: it takes as long to import as all settings.

    return tomlkit.dumps(config.model_dump(mode="json", include=only, exclude_none=True))


def read_config(run: Path) -> TrainConfig:
    """The settings that a run was started with, with its present folder as `run`.

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


def continued_settings(run: Path) -> dict[str, Any]:
    """The settings of a new run that starts from the best student of `run`, in a free folder beside it.

    Raises what `read_config` does.
    """
    values = read_config(run).model_dump()
    folder = run.absolute()
    number = next(n for n in itertools.count(2) if not folder.with_name(f"{folder.name}-{n}").exists())
    return {
        **values,
        "student": str(folder),
        "run": folder.with_name(f"{folder.name}-{number}"),
        "init_from_teacher": False,
    }
