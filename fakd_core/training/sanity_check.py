"""Sanity check before the first step: every part of the loss must reach the student, none the teacher."""

from __future__ import annotations

import torch

from fakd_core.distillation.loss import DistillationLoss
from fakd_core.errors import ConfigError
from fakd_core.models.layers import SRNetwork


def check_gradient_flow(
    *, student: SRNetwork, teacher: SRNetwork | None, loss: DistillationLoss, patch: int
) -> None:
    """Compute the loss of two noise patches of `patch` x `patch` LR pixels, and its gradients.

    Raises:
        FeatureTapError: Shapes of maps or outputs don't match.
        ConfigError: A part of the loss does not depend on the student's trainable weights, or the teacher
            is not frozen.
    """
    trained = [weights for weights in student.parameters() if weights.requires_grad]
    device = next(student.parameters()).device
    generator = torch.Generator().manual_seed(0)
    noise = 255 * torch.rand((2, 3, patch, patch), generator=generator)
    lr = noise.to(device, memory_format=torch.channels_last)
    with torch.enable_grad():
        sr, maps = student.forward_features(lr)
        teacher_sr, teacher_maps = (None, None) if teacher is None else teacher.forward_features(lr)
        if teacher_sr is not None and teacher_sr.requires_grad:
            raise ConfigError("the teacher is not frozen: it would be trained together with the student")
        parts = loss(sr, teacher_sr, torch.zeros_like(sr), maps, teacher_maps).parts
    for name, part in parts.items():
        grads: tuple[torch.Tensor | None, ...] = (
            torch.autograd.grad(part, trained, retain_graph=True, allow_unused=True)
            if part.requires_grad and trained
            else ()
        )
        if all(grad is None for grad in grads):
            raise ConfigError(
                f"{name} does not depend on any trainable weight of the student; leave it out of the recipe, "
                "or choose layers after its first trainable layer"
            )
