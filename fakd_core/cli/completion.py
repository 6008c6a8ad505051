"""What the shell offers after Tab. Nothing here loads torch: the answer must be there at once.

Where nothing offered begins as the word does, the shell goes on with names of files and folders.
"""

from __future__ import annotations

from fakd_core.runs.options import Option

DEVICES = ("auto", "cpu", "cuda", "mps")


def models(incomplete: str) -> list[tuple[str, str]]:
    """Bundled models and presets that begin with `incomplete`, each with what it is."""
    from fakd_core.models.presets import PRESETS
    from fakd_core.runs.references import bundled_models

    named = [(name, "bundled") for name in bundled_models()]
    named += [(name, preset.description) for name, preset in PRESETS.items()]
    return _beginning(incomplete, named)


def bundled(incomplete: str) -> list[tuple[str, str]]:
    """Bundled models that begin with `incomplete`."""
    from fakd_core.runs.references import bundled_models

    return _beginning(incomplete, [(name, "bundled") for name in bundled_models()])


def models_and_bicubic(incomplete: str) -> list[tuple[str, str]]:
    """As `models`, and bicubic interpolation, for commands that only enlarge."""
    return [*_beginning(incomplete, [("bicubic", "interpolation")]), *models(incomplete)]


def devices(incomplete: str) -> list[str]:
    return [name for name in DEVICES if name.startswith(incomplete)]


def values_of(option: Option, incomplete: str) -> list[tuple[str, str]]:
    """Values of a training option; none where any text, number or file may stand."""
    if option.kind in ("model", "models"):
        return models(incomplete)
    if option.kind == "device":
        return _beginning(incomplete, [(name, "") for name in DEVICES])
    return _beginning(incomplete, [(str(choice), "") for choice in option.choices])


def training_presets(incomplete: str) -> list[tuple[str, str]]:
    """Presets of training settings; a hyphen stands for each space, which would end the word."""
    from fakd_core.runs.presets import PRESETS, user_presets

    named = [(name, preset.summary) for name, preset in PRESETS.items()]
    named += [(name, "saved in the window") for name in user_presets()]
    return _beginning(incomplete, [(name.replace(" ", "-"), text) for name, text in named])


def _beginning(incomplete: str, named: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [entry for entry in named if entry[0].startswith(incomplete)]
