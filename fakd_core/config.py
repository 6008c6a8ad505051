"""Frozen, validated settings of a network and of a training run, to and from TOML."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal, Self, cast, get_args

import tomlkit
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from fakd_core.errors import ConfigError

Scale = Literal[2, 3, 4, 8]
TAP_COUNT = 4
HELD_OUT = 5


def check_scale(scale: int) -> Scale:
    """`scale` itself; raises `ConfigError` unless it is one of the scales there are."""
    if scale not in get_args(Scale):
        raise ConfigError(f"scale: must be one of {', '.join(map(str, get_args(Scale)))} (found {scale})")
    return cast(Scale, scale)


_REASONS = {
    "missing": "must be given",
    "extra_forbidden": "no such option",
    "tuple_type": "must be a list, such as [1, 2, 3]",
}


def explain(error: ValidationError) -> str:
    """Pydantic's findings as 'option: reason (found ...)', joined with '; '."""
    lines = []
    for item in error.errors():
        where = ".".join(str(part) for part in item["loc"])
        reason = _REASONS.get(item["type"], item["msg"].removeprefix("Value error, "))
        found = f" (found {item['input']!r})" if where and item["type"] != "missing" else ""
        lines.append(f"{where}: {reason}{found}" if where else reason)
    return "; ".join(lines)


class Settings(BaseModel):
    """Base of all settings: immutable, and an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def build(cls, **values: Any) -> Self:
        """Validate `values`; raise `ConfigError` with one readable line instead of pydantic's report."""
        try:
            return cls(**values)
        except ValidationError as error:
            raise ConfigError(explain(error)) from None


class ModelSpec(Settings):
    """What every network's spec holds; each network file adds its own sizes.

    `taps` says after how many groups (EDSR: blocks) the two middle feature maps are taken;
    each network fills in the paper's choice when it is not given.
    """

    architecture: str
    scale: Scale = 4
    n_feats: int = Field(64, ge=1)
    taps: tuple[int, int] = (0, 0)

    @property
    def tap_names(self) -> tuple[str, ...]:
        """The four taps in order, for people."""
        return ("head", f"after {self.taps[0]}", f"after {self.taps[1]}", "body")


class TrainConfig(Settings):
    """One training run; the names are those of the command line's options.

    `teacher` may name several (one is drawn at random per step) or none: then the student learns
    from the ground truth alone. `patch` is in LR pixels. `milestones` are steps at which the
    learning rate halves; the cosine schedule ignores them. `val_images` limits the validation images;
    by default all of `val_data` are used, or five are held out of the training images. `ema` is the decay
    per step of a moving average of the student. `twin` trains a second student beside the first, from
    the same start on the same batches, with the ground truth alone. `teacher_cache` is a folder for the
    teacher's answers to a pool of `cache_patches` patches, which every step then draws from. `compile`
    has torch compile the networks for the steps; they are validated and saved as they are.
    """

    teacher: tuple[str, ...] = ()
    student: str
    train_data: Path
    val_data: Path | None = None
    scale: Scale = 4
    run: Path
    alpha: float = Field(0.5, ge=0, le=1)
    distill: str = "10*SA"
    layers: tuple[int, ...] = (1, 2, 3)
    init_from_teacher: bool = False
    twin: bool = False
    steps: int = Field(200_000, ge=1)
    batch: int = Field(16, ge=1)
    patch: int = Field(48, ge=8)
    lr: float = Field(1e-4, gt=0, allow_inf_nan=False)
    schedule: Literal["milestones", "cosine"] = "milestones"
    milestones: tuple[PositiveInt, ...] = (150_000,)
    validate_every: int | None = Field(None, ge=1)
    val_images: int | None = Field(None, ge=1)
    ema: float | None = Field(None, gt=0, lt=1)
    teacher_cache: Path | None = None
    cache_patches: int | None = Field(None, ge=1, le=10_000_000)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    compile: bool = False
    device: str = "auto"
    seed: int = Field(0, ge=0, lt=1 << 63)

    @model_validator(mode="before")
    @classmethod
    def _one_teacher_is_a_list_of_one(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("teacher"), str):
            return {**values, "teacher": (values["teacher"],)}
        return values

    @field_validator("train_data", "val_data", "run", "teacher_cache")
    @classmethod
    def _tilde_is_home(cls, path: Path | None) -> Path | None:
        return path.expanduser() if path else path

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
        if self.twin and not self.teacher:
            raise ValueError(
                "twin trains one student with the teacher and one without; name a teacher, or drop twin"
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


def read_toml(path: Path) -> dict[str, Any]:
    """The options in a TOML file, not yet validated; raises `ConfigError` if it can't be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not a readable TOML file: {error}") from None
