"""What is worth knowing of a network that a run names; for jobs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fakd_core.models.references import model_label

if TYPE_CHECKING:
    from fakd_core.models.spec import ModelSpec


@dataclass(frozen=True)
class ModelFacts:
    """What the card of a network shows.

    `gmacs` are 10⁹ multiply-accumulates for an LR image of the papers' size; `source` says how the weights
    are stored, or what they will be at first.
    """

    name: str
    spec: ModelSpec
    parameters: int
    gmacs: float
    source: str

    @property
    def architecture(self) -> str:
        name = self.spec.architecture
        return f"{name.upper() if name.islower() else name} ×{self.spec.scale}"

    @property
    def sizes(self) -> str:
        """Depth and width in words."""
        sizes = self.spec.model_dump()
        depth = " of ".join(
            f"{sizes[name]} {noun}{'s' * (sizes[name] != 1)}"
            for name, noun in (("n_resgroups", "group"), ("n_resblocks", "block"))
            if name in sizes
        )
        return ", ".join(filter(None, (depth, f"{self.spec.n_feats} features")))

    @property
    def cost(self) -> str:
        return f"{_short(self.parameters / 1e6)} M parameters · {_short(self.gmacs)} GMACs"

    def share_of(self, teacher: ModelFacts) -> str:
        """How much smaller it is than its teacher."""
        parameters, gmacs = self.parameters / teacher.parameters, self.gmacs / teacher.gmacs
        return f"{parameters:.0%} of the teacher's parameters, {gmacs:.0%} GMACs"


def facts_of(ref: str, spec: ModelSpec, source: str) -> ModelFacts:
    """The facts of the network `ref` of sizes `spec`."""
    parameters, gmacs = _cost(spec)
    return ModelFacts(model_label(ref.split(":")[0]), spec, parameters, gmacs, source)


def stored_as(ref: str, spec: ModelSpec) -> str:
    """In whose naming the weights that `ref` names are stored, and in what kind of file."""
    from fakd_core.models.references import model_file

    path = model_file(ref)
    return _stored_as(path, spec, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _stored_as(path: Path, spec: ModelSpec, changed: int) -> str:
    from fakd_core.models.checkpoint import stored_as

    return f"{stored_as(path, spec)} keys, {path.suffix}"


@lru_cache(maxsize=64)
def _cost(spec: ModelSpec) -> tuple[int, float]:
    from fakd_core.models.cost import profile

    cost = profile(spec)
    return cost.parameters, cost.gmacs


def _short(value: float) -> str:
    """Three digits, never as a power of ten."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
