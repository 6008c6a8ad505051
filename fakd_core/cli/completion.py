"""Shell completion of option values. Nothing here loads torch: Tab must respond at once.

If no value starts with the typed word, the shell completes names of files and folders.
"""

from __future__ import annotations

from fakd_core.runs.options import Option

DEVICES = ("auto", "cpu", "cuda", "mps")


def models(incomplete: str) -> list[tuple[str, str]]:
    """Bundled models and presets that start with `incomplete`, each with a description."""
    from fakd_core.models.presets import PRESETS
    from fakd_core.runs.references import bundled_models

    named = [(name, "bundled") for name in bundled_models()]
    named += [(name, preset.description) for name, preset in PRESETS.items()]
    return _starting_with(incomplete, named)


def bundled(incomplete: str) -> list[tuple[str, str]]:
    """Bundled models that start with `incomplete`."""
    from fakd_core.runs.references import bundled_models

    return _starting_with(incomplete, [(name, "bundled") for name in bundled_models()])


def models_and_bicubic(incomplete: str) -> list[tuple[str, str]]:
    """As `models`, plus bicubic interpolation, for commands that only upscale."""
    return [*_starting_with(incomplete, [("bicubic", "interpolation")]), *models(incomplete)]


def devices(incomplete: str) -> list[str]:
    return [name for name in DEVICES if name.startswith(incomplete)]


def values_of(option: Option, incomplete: str) -> list[tuple[str, str]]:
    """Values of a training option; none if it takes any text, number or file."""
    if option.kind in ("model", "models"):
        return models(incomplete)
    if option.kind == "device":
        return _starting_with(incomplete, [(name, "") for name in DEVICES])
    return _starting_with(incomplete, [(str(choice), "") for choice in option.choices])


def training_presets(incomplete: str) -> list[tuple[str, str]]:
    """Presets of training settings, with hyphens for spaces, which would end the word."""
    from fakd_core.runs.presets import PRESETS, user_presets

    named = [(name, preset.summary) for name, preset in PRESETS.items()]
    named += [(name, "saved in the window") for name in user_presets()]
    return _starting_with(incomplete, [(name.replace(" ", "-"), text) for name, text in named])


def _starting_with(incomplete: str, named: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [entry for entry in named if entry[0].startswith(incomplete)]
