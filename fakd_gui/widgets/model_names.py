"""Short names of models for titles and menus."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fakd_core.models.references import split_taps
from fakd_core.models.spec import WEIGHT_SUFFIXES

_FILES_OF_A_RUN = frozenset({"student.safetensors", "best.safetensors", "last.pt"})


def model_label(ref: str) -> str:
    """A bundled name as it is; of a file its stem; of a file inside a run folder the run's name."""
    path = Path(split_taps(ref)[0])
    if path.name in _FILES_OF_A_RUN:
        folder = path.parent.parent if path.parent.name == "checkpoints" else path.parent
        return folder.name or path.stem
    return path.stem if path.suffix.lower() in WEIGHT_SUFFIXES else path.name


def model_labels(refs: Iterable[str]) -> dict[str, str]:
    """Labels by ref; two refs with the same label get their folder before it."""
    refs = list(refs)
    labels = {ref: model_label(ref) for ref in refs}
    shared = [label for label in labels.values() if list(labels.values()).count(label) > 1]
    return {
        ref: f"{Path(split_taps(ref)[0]).parent.name}/{label}" if label in shared else label
        for ref, label in labels.items()
    }
