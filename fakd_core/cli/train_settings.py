"""The settings of `fakd train`, from a preset, a file, FAKD's command line or a run, and from its options."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakd_core.cli.console import errors
from fakd_core.cli.from_fakd import translate_command
from fakd_core.errors import ConfigError
from fakd_core.files import expand_home
from fakd_core.runs.config import continued_settings
from fakd_core.runs.presets import preset_values
from fakd_core.settings import read_toml

if TYPE_CHECKING:
    from fakd_core.runtime.distributed import World

_NOT_WITH_RESUME = ("preset", "config", "from_fakd", "continued", "print_config", "estimate")
_MOVED = ("train_data", "val_data")
"""Options of a run that may be given when it is resumed."""


def check_resume_options(options: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    """Raise `ConfigError` if `options` of a run, or other `params` of the command, exclude --resume."""
    given = [*options, *(name for name in _NOT_WITH_RESUME if params[name])]
    others = [_flag(name) for name in given if name not in _MOVED]
    if others:
        raise ConfigError(
            "--resume uses the settings of the run and takes no other option but --train-data and --val-data "
            f"(found {', '.join(others)})"
        )


def _flag(name: str) -> str:
    return "--continue" if name == "continued" else f"--{name.replace('_', '-')}"


def read_settings(given: dict[str, Any], command: Mapping[str, Any], world: World) -> dict[str, Any]:
    """The preset's options, overridden by the file or FAKD's command line, and by those `given`.

    Or those of the run to continue, overridden by those `given`. `command` has the parameters that name them.
    """
    preset, config, from_fakd, continued = (
        command[name] for name in ("preset", "config", "from_fakd", "continued")
    )
    read: dict[str, Any] = {}
    if config is not None and from_fakd is not None:
        raise ConfigError("--config and --from-fakd both give a run's options; choose one of them")
    if continued is not None:
        sources = {
            "preset": preset,
            "config": config,
            "from_fakd": from_fakd,
            "student": given.get("student"),
        }
        if others := [_flag(name) for name, value in sources.items() if value is not None]:
            raise ConfigError(
                f"--continue takes the student and the settings from a run; drop {', '.join(others)}"
            )
        if "steps" not in given:
            raise ConfigError("--continue starts a new schedule; give its number of steps with --steps N")
        return {**continued_settings(expand_home(Path(continued))), **given}
    if config is not None:
        read = read_toml(expand_home(Path(config)))
    elif from_fakd is not None:
        translated = translate_command(from_fakd, overridden=given, scale=given.get("scale"))
        # On stderr: the settings may go to stdout.
        for note in translated.notes if world.is_main else ():
            errors.print(note, soft_wrap=True)
        read = translated.values
    values = {**(preset_values(preset) if preset is not None else {}), **read, **given}
    if preset is not None and "teacher" not in values:
        raise ConfigError(f"teacher: the preset {preset} names none; give --teacher")
    return values
