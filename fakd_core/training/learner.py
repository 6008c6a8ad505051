"""A student in training, with its optimiser, loss scaling and moving average."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from fakd_core.distillation.loss import DistillationLoss
from fakd_core.events import RAW
from fakd_core.models.layers import FeatureMaps, SRNetwork
from fakd_core.runtime.device import autocast, fast_convolutions
from fakd_core.runtime.distributed import SINGLE_PROCESS, World
from fakd_core.runtime.turns import turn
from fakd_core.training.batches import DistillationBatch, TeacherMaps
from fakd_core.training.compile import FeaturePass, maybe_compile

_Tensors = tuple[Tensor, ...] | list[Tensor]


class Learner:
    """Trains one student with Adam as in the paper (betas 0.9 and 0.999, eps 1e-8).

    The student is on `device`; `dtype` is that of its forward pass. `average` is the normalised moving
    average of its weights with the decay `ema` per step, or None. `clip` is the maximum gradient norm.
    Gradients are averaged over the processes of `world`, which share each batch.
    """

    def __init__(
        self,
        student: SRNetwork,
        *,
        loss: DistillationLoss,
        device: torch.device,
        dtype: torch.dtype,
        ema: float | None = None,
        clip: float | None = None,
        world: World = SINGLE_PROCESS,
        compiled: bool = False,
    ) -> None:
        self.student = student.train()
        self._clip = clip
        self._grad_norm = torch.zeros(())
        self._loss = loss
        self._device = device
        self._dtype = dtype
        self._average = None
        if ema is not None:
            with turn(device):
                self._average = AveragedModel(student, multi_avg_fn=_normalised_average(ema))
        self._forward = _distributed_forward(student, world, compiled)
        self._trained = [parameter for parameter in student.parameters() if parameter.requires_grad]
        self._optimizer = torch.optim.Adam(self._trained, betas=(0.9, 0.999), eps=1e-8, fused=True)
        self._scaler = torch.amp.GradScaler(device.type, enabled=dtype is torch.float16)

    @property
    def average(self) -> SRNetwork | None:
        if self._average is None:
            return None
        return cast(SRNetwork, self._average.module)

    def measure(self, batch: DistillationBatch) -> tuple[dict[str, float], bool]:
        """Compute the losses of this process's share of a batch, and the gradients.

        Returns:
            The losses, named as in `StepEnd.losses`; and whether `apply` may follow, or `skip` must. With
            loss scaling it always may: non-finite gradients are skipped there.
        """
        # Freed before the forward pass, whose maps then take their place.
        self._optimizer.zero_grad(set_to_none=True)
        changes = batch.changes
        with fast_convolutions(self._dtype):
            with autocast(self._device, self._dtype):
                sr, maps = self._forward(changes.apply(batch.lr) if changes else batch.lr)
            compared: TeacherMaps = maps
            if changes:
                sr, compared = changes.undo(sr), tuple(map(changes.undo_in_maps, maps))
            loss = self._loss(
                *(sr.float(), batch.teacher_sr, batch.hr, compared, batch.teacher_maps),
                draws=batch.draws,
                rows=batch.rows,
            )
            self._scaler.scale(loss.total).backward()  # type: ignore[no-untyped-call]
        self._scaler.unscale_(self._optimizer)
        self._grad_norm = nn.utils.get_total_norm(
            [parameter.grad for parameter in self._trained if parameter.grad is not None]
        )
        raw = {f"{RAW}{name}": value for name, value in loss.raw.items()}
        losses = {"total": loss.total, **loss.parts, **raw}
        # One transfer from the device; not in float64, which Apple's GPUs lack.
        values = torch.stack([value.detach() for value in losses.values()]).tolist()
        finite = self._scaler.is_enabled() or bool(self._grad_norm.isfinite())
        return dict(zip(losses, values, strict=True)), finite

    def apply(self, lr: float) -> None:
        """Take one optimiser step at learning rate `lr` with the measured gradients."""
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        if self._clip is not None:
            nn.utils.clip_grads_with_norm_(self._trained, self._clip, self._grad_norm)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if self._average is not None:
            self._average.update_parameters(self.student)

    def skip(self) -> None:
        """Discard the measured gradients; the weights stay as they are."""
        self._optimizer.zero_grad(set_to_none=True)
        # The scaler would refuse to unscale the next step's gradients otherwise.
        self._scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """The state from which `load_state_dict` continues exactly."""
        return {
            "student": self.student.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "average": self._average.state_dict() if self._average else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Return to `state`; raises KeyError, RuntimeError, TypeError or ValueError if it doesn't fit."""
        with turn(self._device):
            self.student.load_state_dict(state["student"])
            self._optimizer.load_state_dict(state["optimizer"])
            self._scaler.load_state_dict(state["scaler"])
            if self._average is not None:
                self._average.load_state_dict(state["average"])


def _normalised_average(decay: float) -> Callable[[_Tensors, _Tensors, Tensor | int], None]:
    """An update rule of the mean of all steps' weights, each step counting `decay` times the next.

    The usual moving average starts from the first step's weights as if they had been there forever: after n
    steps their share is still `decay` to the power of n, at 0.999 more than a third after 1,000 steps.
    """

    def update(averaged: _Tensors, current: _Tensors, steps: Tensor | int) -> None:
        share = (1 - decay) / (1 - decay ** (int(steps) + 1))
        get_ema_multi_avg_fn(1 - share)(averaged, current, steps)  # type: ignore[no-untyped-call]

    return update


class _FeatureModule(nn.Module):
    """A student whose call returns its feature maps as well: DistributedDataParallel wraps calls only."""

    def __init__(self, student: SRNetwork, forward: FeaturePass) -> None:
        super().__init__()
        self.student = student
        self._forward = forward

    def forward(self, lr: Tensor) -> tuple[Tensor, FeatureMaps]:
        return self._forward(lr)


def _distributed_forward(student: SRNetwork, world: World, compiled: bool) -> FeaturePass:
    """The student's forward pass; its backward pass averages the gradients over all processes."""
    forward = maybe_compile(student, compiled)
    if world.is_single:
        return forward
    with warnings.catch_warnings():
        # torch 2.13 renamed `broadcast_buffers`; older versions don't know the new name.
        warnings.simplefilter("ignore", FutureWarning)
        # A static graph allows for weights that the forward pass never uses (SAN has some).
        distributed: FeaturePass = DistributedDataParallel(
            _FeatureModule(student, forward),
            broadcast_buffers=False,
            gradient_as_bucket_view=True,
            static_graph=True,
        )
    return distributed
