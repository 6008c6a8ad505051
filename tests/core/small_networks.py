"""Small sizes of every architecture, and networks of them."""

from __future__ import annotations

from typing import Any

import torch

from fakd_core.models.layers import SRNetwork

SCALES = (2, 3, 4, 8)
SMALL: dict[str, dict[str, Any]] = {
    "rcan": {"n_feats": 8, "n_resgroups": 3, "n_resblocks": 2, "reduction": 4},
    "san": {"n_feats": 8, "n_resgroups": 3, "n_resblocks": 2, "reduction": 4},
    "edsr": {"n_feats": 8, "n_resblocks": 3, "res_scale": 0.1},
}


def lively(model: SRNetwork) -> SRNetwork:
    """The model without weights that are initially zero, so that every branch counts."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model.eval()
