"""The names people type for a model, and what they stand for.

A reference is a bundled name, a preset, sizes (`rcan:n_feats=32,...`), a checkpoint file or a run folder.
The first two win over a file of the same name in the current folder; `./NAME` reaches that. Behind what has
weights the taps may stand: `NAME@3,7`, or module paths for a network of another project.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fakd_core.assets import assets_dir
from fakd_core.errors import CheckpointError, ConfigError, RunError
from fakd_core.models.presets import PRESETS, parse_sizes, preset_spec
from fakd_core.models.spec import WEIGHT_SUFFIXES, ModelSpec
from fakd_core.runs.layout import RunLayout, run_of

if TYPE_CHECKING:
    from fakd_core.models.layers import SRNetwork


def bundled_models() -> dict[str, Path]:
    """The weight files that come with the program by name, sorted."""
    return {path.stem: path for path in sorted((assets_dir() / "models").glob("*.safetensors"))}


@lru_cache(maxsize=256)
def model_label(ref: str) -> str:
    """A short name: a bundled model's own, a file's stem, or the run folder's for a file inside one."""
    path = Path(split_taps(ref)[0])
    if run := run_of(path):
        return run.name or path.stem
    return path.stem if path.suffix.lower() in WEIGHT_SUFFIXES else path.name


def model_labels(refs: Iterable[str]) -> dict[str, str]:
    """Labels by reference; where two would look alike, their folder is put before them."""
    labels = {ref: model_label(ref) for ref in refs}
    shared = [label for label in labels.values() if list(labels.values()).count(label) > 1]
    return {
        ref: f"{Path(split_taps(ref)[0]).parent.name}/{label}" if label in shared else label
        for ref, label in labels.items()
    }


def has_weights(ref: str | Path) -> bool:
    """Whether `ref` names weights, rather than only the sizes of a network.

    Raises `ConfigError` for a name that is nothing, with the nearest known ones.
    """
    if isinstance(ref, Path):
        return True
    ref = split_taps(ref)[0]
    if "://" in ref:
        raise ConfigError(f"{ref}: an address; download the file, and name that")
    if ref in bundled_models():
        return True
    if ref in PRESETS or _is_sizes(ref):
        return False
    if _is_path(ref):
        return True
    raise ConfigError(_unknown(ref))


def split_taps(ref: str | Path) -> tuple[str, str]:
    """A reference without taps, and the taps that stand behind its last @; `FILE` wins where it exists."""
    text = str(ref)
    name, sign, taps = text.rpartition("@")
    if not (sign and name) or "/" in taps or taps.endswith(WEIGHT_SUFFIXES) or os.path.exists(text):
        return text, ""
    return name, taps


def with_taps(name: str, taps: str) -> str:
    """What `split_taps` takes apart."""
    return f"{name}@{taps}" if taps else name


def anchored_ref(ref: str) -> str:
    """`ref` with the path of its weights absolute; what names no file stays as it is."""
    name, taps = split_taps(ref)
    if name in bundled_models() or not has_weights(name):
        return ref
    return with_taps(str(model_file(name).absolute()), taps)


def model_file(ref: str | Path) -> Path:
    """The weights file that `ref` names: a bundled model's, the file itself, or a run's best student so far.

    Raises `ConfigError` for a preset, sizes or an unknown name, `CheckpointError` for a missing file and
    `RunError` for a run folder without a student.
    """
    if not has_weights(ref):
        raise ConfigError(
            f"{ref} has no weights, only sizes; name a bundled model, a checkpoint file or a run folder"
        )
    name = split_taps(ref)[0]
    bundled = bundled_models() if isinstance(ref, str) else {}
    path = bundled.get(name, Path(os.path.expanduser(name)))
    if path.is_dir():
        layout = RunLayout(path)
        if student := layout.best_student():
            return student
        names = (file.relative_to(path) for file in (layout.best_weights(), layout.weights()))
        raise RunError(f"{path}: no student in this folder; a run has {' or '.join(map(str, names))}")
    if not path.exists():
        raise CheckpointError(f"{path}: no such file")
    return path


def load_model(ref: str | Path) -> SRNetwork:
    """The network that `ref` names, with its weights, on the CPU and in eval mode; raises as `model_file`.

    Of a file that can't be read or doesn't fit it raises as `models.checkpoint.load_checkpoint`.

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
    path, taps = model_file(ref), split_taps(ref)[1]
    from fakd_core.models.checkpoint import load_checkpoint

    if not taps:
        return load_checkpoint(path)
    return load_checkpoint(path, taps=tuple(tap.strip() for tap in taps.split(",")))


def resolve_spec(ref: str | Path, scale: int = 4) -> ModelSpec:
    """The spec that `ref` names. Presets and sizes take `scale`; weights have a scale of their own."""
    if has_weights(ref):
        return load_model(ref).spec
    return preset_spec(str(ref), scale) if str(ref) in PRESETS else parse_sizes(str(ref), scale)


def _is_sizes(ref: str) -> bool:
    """`architecture:...` or a bare architecture; `C:...` is a path."""
    name, colon, _ = ref.partition(":")
    if colon:
        return name.isidentifier() and len(name) > 1
    if not name.isidentifier():
        return False
    from fakd_core.models.factory import list_architectures

    return name in list_architectures()


def _is_path(ref: str) -> bool:
    path = Path(ref)
    return path.suffix.lower() in WEIGHT_SUFFIXES or path.name != ref or path.exists()


def _unknown(ref: str) -> str:
    bundled = list(bundled_models())
    near = difflib.get_close_matches(ref, [*bundled, *PRESETS], n=1)
    hint = f"; did you mean {near[0]}?" if near else "."
    return (
        f"no model {ref!r}{hint} Bundled: {', '.join(bundled) or 'none'}. Presets: {', '.join(PRESETS)}. "
        "Or name a checkpoint file or a run folder"
    )
