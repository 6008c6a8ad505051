"""The loss of a distillation: data supervision, teacher supervision, and the terms of a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from fakd_core.distillation.affinity import full_precision
from fakd_core.distillation.positions import PositionDraws
from fakd_core.distillation.recipe import Recipe, Term, parse_recipe
from fakd_core.distillation.terms import FeaturePair
from fakd_core.distillation.upcycling import BatchRows
from fakd_core.errors import ConfigError, FeatureTapError


@dataclass(frozen=True, eq=False)
class LossBreakdown:
    """The loss of one batch, every value a scalar tensor.

    `total` is differentiable. `parts` are weighted and sum to it: DS, TS, then the recipe's terms in order.
    `raw` holds the same losses before weighting (DS and TS on the 0..255 scale).
    """

    total: Tensor
    parts: dict[str, Tensor]
    raw: dict[str, Tensor]


class DistillationLoss:
    """total = (1 - alpha) L1(S, hr) + alpha L1(S, T) + sum of the recipe's weighted terms (FAKD).

    Computed in float32 (float64 for float64 input), even under autocast. The teacher gets no gradient.

    Args:
        alpha: weight of the teacher's output relative to the ground truth, 0..1.
        recipe: the distillation terms, as text or parsed; `none` for none.
        layers: the taps that terms without layers of their own compare, in the order in which FSP links them.

    Raises:
        ConfigError: alpha is out of range, the recipe is invalid, or it can't work with these layers.

    Example:
        >>> import torch
        >>> from fakd_core import create_model
        >>> from fakd_core.distillation.loss import DistillationLoss
        >>> teacher = create_model("rcan", n_resgroups=3, n_resblocks=2, n_feats=16).eval()
        >>> student = create_model("rcan", n_resgroups=2, n_resblocks=1, n_feats=8, reduction=4)
        >>> lr, hr = 255 * torch.rand(1, 3, 12, 12), 255 * torch.rand(1, 3, 48, 48)
        >>> with torch.no_grad():
        ...     teacher_sr, teacher_maps = teacher.forward_features(lr)
        >>> student_sr, student_maps = student.forward_features(lr)
        >>> loss = DistillationLoss(alpha=0.5, recipe="10*SA", layers=(1, 2, 3))
        >>> found = loss(student_sr, teacher_sr, hr, student_maps, teacher_maps)
        >>> list(found.parts)
        ['DS', 'TS', 'SA']
        >>> bool(torch.isclose(found.total, sum(found.parts.values())))
        True
        >>> found.total.backward()
    """

    def __init__(
        self, alpha: float = 0.5, recipe: str | Recipe = "10*SA", layers: Sequence[int] = (1, 2, 3)
    ) -> None:
        if not 0 <= alpha <= 1:
            raise ConfigError(f"alpha must be in 0..1 (found {alpha})")
        self.alpha = alpha
        self.recipe = parse_recipe(recipe) if isinstance(recipe, str) else recipe
        self._layers = tuple(layers)
        if len(set(self._layers)) != len(self._layers) or any(layer < 0 for layer in self._layers):
            raise ConfigError(f"layers must be different numbers, 0 or more (found {list(self._layers)})")
        for term in self.recipe.comparing("maps"):
            compared = self.layers_of(term)
            if len(compared) < term.kind.min_layers:
                raise ConfigError(
                    f"{term.name} needs at least {term.kind.min_layers} layers (found {list(compared)}); "
                    "choose more"
                )

    @classmethod
    def ground_truth_only(cls) -> DistillationLoss:
        """The loss without a teacher: the total is L1(S, hr)."""
        return cls(alpha=0, recipe=Recipe(), layers=())

    @property
    def needs_teacher(self) -> bool:
        """False if the total is L1(S, hr) with a teacher too."""
        return self.alpha > 0 or len(self.recipe) > 0

    @property
    def part_names(self) -> tuple[str, ...]:
        """The names of the parts with a teacher."""
        return ("DS", "TS", *self.recipe.part_names)

    @property
    def layers(self) -> tuple[int, ...]:
        """All taps that the terms compare, ascending; none for a recipe without terms."""
        return self.recipe.layers(self._layers)

    def layers_of(self, term: Term) -> tuple[int, ...]:
        """The taps that `term` compares, in order."""
        return term.layers or self._layers

    def check_widths(self, student: Sequence[int], teacher: Sequence[int]) -> None:
        """Raise `ConfigError` if a term can't compare maps with these numbers of channels, one per tap."""
        if self.layers and not (student and teacher):
            owner = "teacher" if student else "student"
            raise ConfigError(
                f"the recipe {self.recipe} compares feature maps; the {owner} has none over the LR image's "
                "pixels: use the recipe none, or another network"
            )
        narrow = [term for term in self.recipe if term.kind.needs_equal_channels]
        for layer in self.layers:
            terms = [term.name for term in narrow if layer in self.layers_of(term)]
            if terms and student[layer] != teacher[layer]:
                raise ConfigError(
                    f"{', '.join(terms)} compares maps of equal width only; at layer {layer} the student has "
                    f"{student[layer]} channels, the teacher {teacher[layer]}: choose a term that works "
                    "across widths, such as SA, or a student as wide as the teacher"
                )

    def __call__(
        self,
        student_sr: Tensor,
        teacher_sr: Tensor | None,
        hr: Tensor,
        student_maps: Sequence[Tensor | None] | None = None,
        teacher_maps: Sequence[Tensor | None] | None = None,
        draws: PositionDraws | None = None,
        rows: BatchRows | None = None,
    ) -> LossBreakdown:
        """Compute the loss of one batch.

        Args:
            student_sr: (B, 3, H, W), 0..255, not clipped.
            teacher_sr: the same shape; None without a teacher: the total is then DS alone with weight 1.
            hr: the same shape.
            student_maps: one map per tap of the student, None for taps that are not compared; may itself be
                None for a recipe without terms.
            teacher_maps: the same for the teacher.
            draws: decides on the positions that terms such as `SA(positions=0.25)` compare; None for the same
                ones at every call.
            rows: the patches with ground truth, which DS and TS compare, and those of upcycling terms; None
                if every part compares all patches.

        Raises:
            FeatureTapError: shapes differ, a layer is missing, or a term can't compare the maps.
        """
        _check_same_shape("hr", hr, student_sr)
        student_sr = full_precision(student_sr)
        supervised = None if rows is None else rows.ground_truth
        data = F.l1_loss(_at(student_sr, supervised), full_precision(_at(hr, supervised)))
        if teacher_sr is None:
            return LossBreakdown(data, {"DS": data}, {"DS": data})
        _check_same_shape("teacher_sr", teacher_sr, student_sr)
        outputs = FeaturePair(0, student_sr, full_precision(teacher_sr.detach()))
        taught = _pair_at(outputs, supervised)
        raw = {"DS": data, "TS": F.l1_loss(taught.student, taught.teacher)}
        weights = [1 - self.alpha, self.alpha]
        pairs = self._pairs(student_maps, teacher_maps) if self.layers else {}
        for name, term in zip(self.recipe.part_names, self.recipe, strict=True):
            if term.kind.compares == "maps":
                compared = [pairs[layer] for layer in self.layers_of(term)]
            else:
                compared = [_pair_at(outputs, rows.upcycled.get(term.full_name) if rows else None)]
            raw[name] = term.kind.compare(compared, dict(term.params), draws)
            weights.append(term.weight)
        parts = {name: weight * loss for weight, (name, loss) in zip(weights, raw.items(), strict=True)}
        return LossBreakdown(torch.stack(list(parts.values())).sum(), parts, raw)

    def _pairs(
        self, student_maps: Sequence[Tensor | None] | None, teacher_maps: Sequence[Tensor | None] | None
    ) -> dict[int, FeaturePair]:
        if student_maps is None or teacher_maps is None:
            raise FeatureTapError(
                f"the recipe {self.recipe} compares feature maps: give the student's and teacher's"
            )
        students, teachers = self._tapped("student", student_maps), self._tapped("teacher", teacher_maps)
        compared = zip(self.layers, students, teachers, strict=True)
        return {layer: FeaturePair(layer, student, teacher.detach()) for layer, student, teacher in compared}

    def _tapped(self, owner: str, maps: Sequence[Tensor | None]) -> list[Tensor]:
        present = {layer: feature_map for layer, feature_map in enumerate(maps) if feature_map is not None}
        missing = [layer for layer in self.layers if layer not in present]
        if missing:
            raise FeatureTapError(
                f"layers {missing} are not among the {owner}'s feature maps: "
                f"it has {len(present)} {[*present]}"
            )
        return [present[layer] for layer in self.layers]


def _at(batch: Tensor, rows: Tensor | None) -> Tensor:
    return batch if rows is None else batch.index_select(0, rows.to(batch.device))


def _pair_at(pair: FeaturePair, rows: Tensor | None) -> FeaturePair:
    return FeaturePair(pair.layer, _at(pair.student, rows), _at(pair.teacher, rows))


def _check_same_shape(name: str, image: Tensor, student_sr: Tensor) -> None:
    if image.shape != student_sr.shape:
        raise FeatureTapError(
            f"student_sr {tuple(student_sr.shape)} and {name} {tuple(image.shape)} differ in shape: "
            "student, teacher and data must be of one scale"
        )
