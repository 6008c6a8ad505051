"""Resolves model references: the names by which users choose a model.

A reference is a bundled name, a preset, sizes (`rcan:n_feats=32,...`), a checkpoint file or a run folder.
Bundled names and presets win over a file of the same name in the current folder; `./NAME` is the file.
A reference with weights may be followed by taps, `NAME@3,7`, which are module paths for an external network,
or by what a file can't show, `NAME@res_scale=0.1` or `NAME@value_range=1`, and the choice among several
networks in a file, `NAME@weights=params`.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakd_core.assets import assets_dir
from fakd_core.errors import CheckpointError, ConfigError, RunError
from fakd_core.models.presets import PRESETS, parse_sizes, parse_values, preset_spec
from fakd_core.models.spec import WEIGHT_SUFFIXES, ModelSpec
from fakd_core.runs.layout import BASELINE, RunLayout, other_run_of, run_of
from fakd_core.runs.networks import NAMES

if TYPE_CHECKING:
    from fakd_core.models.layers import SRNetwork


def bundled_models() -> dict[str, Path]:
    """The bundled weight files by name, sorted."""
    return {path.stem: path for path in sorted((assets_dir() / "models").glob("*.safetensors"))}


@lru_cache(maxsize=256)
def model_label(ref: str) -> str:
    """A short name: the architecture of sizes, a file's stem, the run folder's for a file of a run."""
    if _has_sizes(ref):
        return ref.partition(":")[0]
    path = Path(split_taps(ref)[0])
    if run := run_of(path):
        return run.name or path.stem
    if run := other_run_of(path):
        return f"{run.name} · {_describe_network(path)}"
    return path.stem if path.suffix.lower() in WEIGHT_SUFFIXES else path.name


def model_labels(refs: Iterable[str]) -> dict[str, str]:
    """Labels by reference; equal labels are preceded by their folders."""
    labels = {ref: model_label(ref) for ref in refs}
    shared = [label for label in labels.values() if list(labels.values()).count(label) > 1]
    return {
        ref: f"{Path(split_taps(ref)[0]).parent.name}/{label}" if label in shared else label
        for ref, label in labels.items()
    }


def _describe_network(file: Path) -> str:
    """A network file of a run in words: "baseline", "average", "step 2,000", "baseline, step 2,000"."""
    stem = file.stem.removeprefix("best-")
    if not stem.isdecimal():
        return NAMES.get(stem, "average")
    owner = f"{BASELINE}, " if file.parent.name == BASELINE else ""
    return f"{owner}step {int(stem):,}"


def has_weights(ref: str | Path) -> bool:
    """True if `ref` names weights rather than only the sizes of a network.

    Raises `ConfigError` for an unknown name, with similar known ones.
    """
    if isinstance(ref, Path):
        return True
    ref = split_taps(ref)[0]
    if "://" in ref:
        raise ConfigError(f"{ref}: a web address; download the file and name that")
    bundled = bundled_models()
    if ref in bundled:
        return True
    if ref in PRESETS or _is_sizes(ref):
        return False
    if _is_path(ref):
        return True
    near = difflib.get_close_matches(ref, [*bundled, *PRESETS], n=1)
    hint = f"; did you mean {near[0]}?" if near else "."
    raise ConfigError(
        f"no model {ref!r}{hint} Bundled: {', '.join(bundled) or 'none'}. Presets: {', '.join(PRESETS)}. "
        "Or name a checkpoint file or a run folder"
    )


def split_taps(ref: str | Path) -> tuple[str, str]:
    """Split a reference into the name and the taps, or sizes, after its last @, unless such a file exists.

    ~ in the name is expanded: here and nowhere else.
    """
    text = os.path.expanduser(str(ref))
    name, at, taps = text.rpartition("@")
    # Among taps and sizes, only taps=3/7 has a slash.
    is_path = not {"/", os.sep}.isdisjoint(re.sub(r"\btaps=\d+/\d+", "", taps))
    if not (at and name) or is_path or taps.endswith(WEIGHT_SUFFIXES) or os.path.exists(text):
        return text, ""
    return name, taps


def with_taps(name: str, taps: str) -> str:
    """Join what `split_taps` splits."""
    return f"{name}@{taps}" if taps else name


def anchored_ref(ref: str) -> str:
    """Make the path in `ref` absolute; references to no file stay the same."""
    name, taps = split_taps(ref)
    if name in bundled_models() or not has_weights(name):
        return ref
    return with_taps(str(model_file(name).absolute()), taps)


def model_file(ref: str | Path) -> Path:
    """Find the weights file of `ref`: a bundled model's, the file itself, or a run's best student so far.

    Raises:
        ConfigError: `ref` is a preset, sizes or unknown.
        CheckpointError: the file doesn't exist.
        RunError: the folder has no student.
    """
    if not has_weights(ref):
        raise ConfigError(
            f"{ref} has no weights, only sizes; name a bundled model, a checkpoint file or a run folder"
        )
    name = split_taps(ref)[0]
    bundled = bundled_models() if isinstance(ref, str) else {}
    path = bundled.get(name, Path(name))
    if path.is_dir():
        layout = RunLayout(path)
        if student := layout.best_student():
            return student
        names = (file.relative_to(path) for file in (layout.best_weights(), layout.weights()))
        raise RunError(f"{path}: no student in this folder; a run has {' or '.join(map(str, names))}")
    if not path.exists():
        raise CheckpointError(f"{path}: no such file")
    return path


def load_model(ref: str | Path, **sizes: Any) -> SRNetwork:
    """Load the network that `ref` names, with its weights, on the CPU and in eval mode.

    Args:
        ref: see the module's docstring.
        sizes: replace those of the file, such as an EDSR's `res_scale`, which weights don't show; `weights`
            names one of several networks in the file.

    Raises:
        FakdError: as `model_file` and `models.checkpoint.load_checkpoint`.

    Example:
        >>> import torch
        >>> from fakd_core import load_model
        >>> model = load_model("rcan-g5-r1-c32-x4-fakd")
        >>> model.spec.architecture, model.spec.scale, model.spec.n_feats
        ('rcan', 4, 32)
        >>> with torch.inference_mode():
        ...     sr, maps = model.forward_features(torch.full((1, 3, 12, 16), 128.0))
        >>> tuple(sr.shape), [tuple(feature_map.shape) for feature_map in maps]
        ((1, 3, 48, 64), [(1, 32, 12, 16), (1, 32, 12, 16), (1, 32, 12, 16), (1, 32, 12, 16)])
    """
    path, given = model_file(ref), split_taps(ref)[1]
    from fakd_core.models.checkpoint import load_checkpoint
    from fakd_core.runs.guesses import settle_guesses

    if "=" in given:
        sizes = {**parse_values(given, str(ref)), **sizes}
    elif given:
        sizes = {"taps": tuple(tap.strip() for tap in given.split(",")), **sizes}
    return settle_guesses(load_checkpoint(path, **sizes))


def resolve_spec(ref: str | Path, scale: int = 4) -> ModelSpec:
    """The spec that `ref` names; `scale` is for presets and sizes, as weights have a scale."""
    if has_weights(ref):
        return load_model(ref).spec
    return preset_spec(str(ref), scale) if str(ref) in PRESETS else parse_sizes(str(ref), scale)


def _is_sizes(ref: str) -> bool:
    """True if `ref` is `architecture:...` or an architecture."""
    if ":" in ref or not ref.isidentifier():
        return _has_sizes(ref)
    from fakd_core.models.factory import list_architectures

    return ref in list_architectures()


def _has_sizes(ref: str) -> bool:
    """True if `ref` is `architecture:...`; `C:...` is a path."""
    name, colon, _ = ref.partition(":")
    return bool(colon) and name.isidentifier() and len(name) > 1


def _is_path(ref: str) -> bool:
    path = Path(ref)
    return path.suffix.lower() in WEIGHT_SUFFIXES or path.name != ref or path.exists()
