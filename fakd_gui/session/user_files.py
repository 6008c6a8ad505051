"""Files in which parts of the window keep their state between two starts."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from pydantic import (
    BaseModel,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from fakd_core.files import config_folder, write_text


def state_file() -> Path:
    return config_folder() / "window.json"


class Memory(BaseModel):
    """Base of the models of remembered state: validated values with defaults.

    Missing and invalid values fall back to their defaults and unknown ones are ignored, so that a start
    doesn't depend on what an earlier version wrote or a user edited.
    """

    @field_validator("*", mode="wrap")
    @classmethod
    def _fall_back_to_default(
        cls, value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> Any:
        try:
            return validate(value)
        except ValidationError:
            return cls.model_fields[str(info.field_name)].get_default(call_default_factory=True)


M = TypeVar("M", bound=Memory)


def read_memory(kind: type[M], file: Path) -> M:
    """The memory in `file`; the defaults if it is missing or damaged."""
    try:
        return kind.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return kind()


def write_memory(file: Path, memory: Memory) -> None:
    """Replace `file`; if the folder can't be written, the next start uses the former state."""
    with suppress(OSError):
        write_text(file, memory.model_dump_json(indent=1))
