"""Shell completion of option values. Nothing here loads torch: Tab must respond at once.

Of these values typer offers those that start with the typed word. If there are none, the shell completes
names of files and folders.
"""

from __future__ import annotations

from fakd_core.runs.option_help import Option

DEVICES = ("auto", "cpu", "cuda", "mps")

Values = list[tuple[str, str]]
"""Each with a description, which may be empty."""


def bundled() -> Values:
    """Bundled models."""
    from fakd_core.runs.references import bundled_models

    return [(name, "bundled") for name in bundled_models()]


def models() -> Values:
    """Bundled models and presets."""
    from fakd_core.models.presets import PRESETS

    return [*bundled(), *((name, preset.description) for name, preset in PRESETS.items())]


def models_and_bicubic() -> Values:
    """The names of `models` and bicubic interpolation, for commands that only upscale."""
    return [("bicubic", "interpolation"), *models()]


def devices() -> Values:
    return [(name, "") for name in DEVICES]


def values_of(option: Option) -> Values:
    """Values of a training option; none if it takes any text, number or file."""
    if option.kind in ("model", "models"):
        return models()
    return devices() if option.kind == "device" else [(str(choice), "") for choice in option.choices]


def training_presets() -> Values:
    """Presets of training settings, with hyphens for spaces, which would end the word."""
    from fakd_core.runs.methods import METHODS
    from fakd_core.runs.presets import PRESETS, user_presets

    named = [(name, preset.summary) for name, preset in PRESETS.items()]
    named += [(name, method.summary) for name, method in METHODS.items() if name not in PRESETS]
    named += [(name, "saved in the window") for name in user_presets()]
    return [(name.replace(" + ", "+").replace(" ", "-"), text) for name, text in named]
