"""Small seeded networks of spandrel's own architectures, as files that people have."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import nn

_SWIN: Mapping[str, Any] = MappingProxyType(
    {
        "img_size": 64,
        "embed_dim": 12,
        "window_size": 8,
        "mlp_ratio": 2,
        "img_range": 1.0,
        "upscale": 4,
        "upsampler": "pixelshuffle",
    }
)


class Small(NamedTuple):
    """`of` is the module of spandrel's that has the class `network`.

    `taps` are those we should choose, `skip` the module whose output is added to the last one's.
    """

    of: str
    network: str
    sizes: Mapping[str, Any]
    taps: tuple[str, ...]
    skip: str = ""


_FOUR_STAGES = ("conv_first", "layers.0", "layers.2", "conv_after_body")
"""Two thirds of four stages, rounded, are three."""
_TRANSFORMER = ("conv_first", "layers.0", "layers.1", "conv_after_body")

SMALL: Mapping[str, Small] = MappingProxyType(
    {
        "ESRGAN": Small(
            "ESRGAN",
            "ESRGAN",
            {"num_filters": 8, "num_blocks": 4, "scale": 4},
            ("model.0", "model.1.sub.0", "model.1.sub.2", "model.1"),
        ),
        "RealESRGAN x2": Small(
            "ESRGAN",
            "ESRGAN",
            {"in_nc": 12, "num_filters": 8, "num_blocks": 3, "scale": 4, "shuffle_factor": 2},
            ("model.0", "model.1.sub.0", "model.1.sub.1", "model.1"),
        ),
        "SwinIR": Small(
            "SwinIR",
            "SwinIR",
            {**_SWIN, "depths": (2,) * 4, "num_heads": (2,) * 4},
            _FOUR_STAGES,
            "conv_first",
        ),
        "HAT": Small(
            "HAT",
            "HAT",
            {
                **_SWIN,
                **{"window_size": 16, "depths": (2,) * 3, "num_heads": (2,) * 3, "overlap_ratio": 0.5},
                **{"compress_ratio": 3, "squeeze_factor": 6, "conv_scale": 0.01},
            },
            _TRANSFORMER,
            "conv_first",
        ),
        "DAT": Small(
            "DAT",
            "DAT",
            {
                **{
                    "img_size": 64,
                    "embed_dim": 32,
                    "split_size": [8, 16],
                    "depth": [2] * 3,
                    "img_range": 1.0,
                },
                **{"num_heads": [2] * 3, "expansion_factor": 2, "upscale": 4, "upsampler": "pixelshuffle"},
            },
            _TRANSFORMER,
            "conv_first",
        ),
        "SPAN": Small(
            "SPAN",
            "SPAN",
            {"num_in_ch": 3, "num_out_ch": 3, "feature_channels": 8, "upscale": 4},
            ("conv_1", "block_2", "block_4", "conv_cat"),
        ),
        "PLKSR": Small(
            "PLKSR",
            "PLKSR",
            {"dim": 8, "n_blocks": 6, "upscaling_factor": 4},
            ("feats.0", "feats.2", "feats.4", "feats.6"),
        ),
        "RealPLKSR": Small(
            "PLKSR",
            "RealPLKSR",
            {"dim": 8, "n_blocks": 6, "upscaling_factor": 4, "layer_norm": False},
            ("feats.0", "feats.2", "feats.4", "feats.6"),
        ),
        "Compact": Small(
            "Compact",
            "Compact",
            {
                **{"num_in_ch": 3, "num_out_ch": 3, "num_feat": 8, "num_conv": 8},
                "upscale": 4,
                "act_type": "prelu",
            },
            ("body.0", "body.6", "body.12", "body.17"),
        ),
        # It looks at its values, so that no pass without storage is possible.
        "SeemoRe": Small(
            "SeemoRe",
            "SeemoRe",
            {"scale": 4, "num_layers": 3, "embedding_dim": 12},
            ("conv_1", "body.0", "body.1", "conv_2"),
            "conv_1",
        ),
        # It pads sizes that need none.
        "CRAFT": Small(
            "CRAFT",
            "CRAFT",
            {"embed_dim": 12, "depths": (2, 2), "num_heads": (2, 2), "upscale": 4},
            _TRANSFORMER,
            "conv_first",
        ),
        # Our own RCAN has no such kernels. Its head and body are two modules of one class.
        "RCAN": Small(
            "RCAN",
            "RCAN",
            {
                **{"scale": 4, "n_resgroups": 4, "n_resblocks": 1, "n_feats": 8},
                **{"reduction": 4, "kernel_size": 5, "norm": False},
            },
            ("head", "body.0", "body.2", "body"),
            "head",
        ),
        # It crops its maps bit by bit: none lies over the image's pixels.
        "RealCUGAN": Small("RealCUGAN", "UpCunet2x", {}, ()),
    }
)


def external_network(name: str, **changes: Any) -> nn.Module:
    """The network `name` of `SMALL` with seeded weights, in eval mode; needs the fixture `spandrel`."""
    small = SMALL[name]
    torch.manual_seed(5)
    package = importlib.import_module(f"spandrel.architectures.{small.of}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of code that is not ours.
        network: nn.Module = getattr(package, small.network)(**{**small.sizes, **changes})
    return network.eval()


def external_file(folder: Path, name: str, **changes: Any) -> Path:
    """A .pth of such a network, nested as its authors' trainer does."""
    path = folder / f"{name.replace(' ', '_')}.pth"
    torch.save({"params_ema": external_network(name, **changes).state_dict()}, path)
    return path
