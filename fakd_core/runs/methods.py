"""Methods of distillation, each a recipe that its paper or this program's measurements recommend.

Weights other than the papers' are chosen so that a term of a student that starts from its teacher's layers is
about as large as `10*SA` (docs/evidence.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

ALPHA = 0.5


@dataclass(frozen=True)
class Method:
    """A way of distilling: the `recipe` beside the ground truth and the teacher's output, half each."""

    name: str
    recipe: str
    summary: str
    source: str

    @property
    def values(self) -> dict[str, object]:
        """The options that make it."""
        return {"alpha": ALPHA, "distill": self.recipe}


_UPCYCLED = "ZoomIn+ZoomOut"
_SAMPLED = "10*SA(positions=0.0625)"

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        method.name: method
        for method in (
            Method(
                "Output only",
                "none",
                "The student imitates the teacher's output, and no features.",
                "Hinton et al., 2015, for classifiers",
            ),
            Method(
                "FitNet",
                "0.2*FitNet",
                "It imitates the teacher's feature maps themselves, which need equal width.",
                "Romero et al., ICLR 2015",
            ),
            Method(
                "FAKD",
                "10*SA",
                "It imitates how every position of the feature maps relates to every other.",
                "He et al., ICIP 2020",
            ),
            Method(
                "Fast FAKD",
                _SAMPLED,
                "FAKD at a random sixteenth of the positions, for a fraction of the time.",
                "FAKD, sampled here",
            ),
            Method(
                "DUKD",
                _UPCYCLED,
                "Half of every batch is zoomed in or out and has no ground truth: the teacher answers.",
                "Zhang et al., 2023, arXiv 2309.14162",
            ),
            Method(
                "FAKD + DUKD",
                f"{_SAMPLED}+{_UPCYCLED}",
                "Affinities at a sixteenth of the positions, and upcycled inputs.",
                "FAKD and DUKD",
            ),
        )
    }
)


def method_of(alpha: object, recipe: object) -> Method | None:
    """The method of these options; None for any other recipe."""
    text = str(recipe).replace(" ", "")
    return next((one for one in METHODS.values() if one.recipe == text and alpha == ALPHA), None)
