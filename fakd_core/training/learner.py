"""One student with all that changes while it learns: its optimiser, its loss scaling, its average."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from fakd_core.distillation.loss import DistillationLoss
from fakd_core.models.layers import FeatureMaps, SRNetwork
from fakd_core.runtime.device import autocast, fast_convolutions
from fakd_core.runtime.distributed import SINGLE_PROCESS, World
from fakd_core.training.batches import DistillationBatch
from fakd_core.training.compile import FeaturePass, maybe_compile

_Tensors = tuple[Tensor, ...] | list[Tensor]


@dataclass(frozen=True)
class Losses:
    """A `LossBreakdown` as plain numbers: `parts` are weighted and sum to `total`, `raw` are not weighted."""

    total: float
    parts: dict[str, float]
    raw: dict[str, float]


class Learner:
    """Teaches one student, with Adam as the paper does (betas 0.9 and 0.999, eps 1e-8).

    `student` is in training mode on its device; `average` is the normalised exponential moving average of
    its weights, or None where `ema`, the average's decay per step, is not given. A gradient longer than
    `clip` is scaled down to it. Where several processes share a batch, each learner's gradients are
    averaged over them.
    """

    def __init__(
        self,
        student: SRNetwork,
        loss: DistillationLoss,
        device: torch.device,
        dtype: torch.dtype,
        ema: float | None = None,
        world: World = SINGLE_PROCESS,
        compiled: bool = False,
        clip: float | None = None,
    ) -> None:
        self.student = student.train()
        self._clip = clip
        self._length = torch.zeros(())
        self._loss = loss
        self._device = device
        self._dtype = dtype
        self._average = None
        if ema is not None:
            self._average = AveragedModel(student, multi_avg_fn=_normalised_average(ema))
        self._forward = _forward_over(world, student, compiled)
        self._trained = [parameter for parameter in student.parameters() if parameter.requires_grad]
        self._optimizer = torch.optim.Adam(self._trained, betas=(0.9, 0.999), eps=1e-8, fused=True)
        self._scaler = torch.amp.GradScaler(device.type, enabled=dtype is torch.float16)

    @property
    def average(self) -> SRNetwork | None:
        if self._average is None:
            return None
        return cast(SRNetwork, self._average.module)

    def measure(self, lesson: DistillationBatch) -> Losses:
        """The losses of this process's part of a batch, and the gradients that `apply` takes."""
        with fast_convolutions(self._dtype):
            with autocast(self._device, self._dtype):
                sr, maps = self._forward(lesson.lr)
            loss = self._loss(sr.float(), lesson.teacher_sr, lesson.hr, maps, lesson.teacher_maps)
            self._optimizer.zero_grad(set_to_none=True)
            self._scaler.scale(loss.total).backward()  # type: ignore[no-untyped-call]
        self._scaler.unscale_(self._optimizer)
        self._length = nn.utils.get_total_norm(
            [parameter.grad for parameter in self._trained if parameter.grad is not None]
        )
        values = [loss.total, *loss.parts.values(), *loss.raw.values()]
        total, *others = torch.stack([value.detach().double() for value in values]).tolist()
        names = list(loss.parts)
        parts, raw = others[: len(names)], others[len(names) :]
        return Losses(total, dict(zip(names, parts, strict=True)), dict(zip(loss.raw, raw, strict=True)))

    @property
    def gradient_is_finite(self) -> bool:
        """Whether `apply` may take it; with loss scaling it may, as scaling leaves out one that isn't."""
        return self._scaler.is_enabled() or bool(self._length.isfinite())

    def apply(self, rate: float) -> None:
        """Take one optimiser step at learning rate `rate`, by what `measure` found."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        if self._clip is not None:
            nn.utils.clip_grads_with_norm_(self._trained, self._clip, self._length)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if self._average is not None:
            self._average.update_parameters(self.student)

    def state_dict(self) -> dict[str, Any]:
        """All that `load_state_dict` needs to go on exactly."""
        return {
            "student": self.student.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "average": self._average.state_dict() if self._average else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to `state`; raises KeyError, RuntimeError, TypeError or ValueError if it doesn't fit."""
        self.student.load_state_dict(state["student"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])


def _normalised_average(decay: float) -> Callable[[_Tensors, _Tensors, Tensor | int], None]:
    """An update of the mean of all steps' weights, in which each step counts `decay` times the next.

    The usual average begins with the first step's weights as if they had always been there: after n steps
    they are still `decay` to the power of n of it, at 0.999 more than a third after 1,000 steps.
    """

    def update(averaged: _Tensors, current: _Tensors, steps: Tensor | int) -> None:
        share = (1 - decay) / (1 - decay ** (int(steps) + 1))
        get_ema_multi_avg_fn(1 - share)(averaged, current, steps)  # type: ignore[no-untyped-call]

    return update


class _Features(nn.Module):
    """A student whose call returns its feature maps as well: DistributedDataParallel wraps calls only."""

    def __init__(self, student: SRNetwork, forward: FeaturePass) -> None:
        super().__init__()
        self.student = student
        self._forward = forward

    def forward(self, lr: Tensor) -> tuple[Tensor, FeatureMaps]:
        return self._forward(lr)


def _forward_over(world: World, student: SRNetwork, compiled: bool) -> FeaturePass:
    """The student's feature pass, whose backward pass averages the gradients over all processes."""
    forward = maybe_compile(student, compiled)
    if world.is_single:
        return forward
    with warnings.catch_warnings():
        # torch 2.13 has a new name for `broadcast_buffers`, which those before don't know.
        warnings.simplefilter("ignore", FutureWarning)
        # A static graph allows for weights that the forward pass never uses (SAN has some).
        shared: FeaturePass = DistributedDataParallel(
            _Features(student, forward),
            broadcast_buffers=False,
            gradient_as_bucket_view=True,
            static_graph=True,
        )
    return shared
