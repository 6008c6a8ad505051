"""Tries what a weight file doesn't show: which value gives a photograph that is clearly nearer to bicubic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from fakd_core.data.folders import sample_images
from fakd_core.data.image_files import read_image
from fakd_core.data.resize import imresize_bicubic
from fakd_core.models.factory import create_model
from fakd_core.models.layers import RGB_RANGE, SRNetwork

MAX_BICUBIC_DIFFERENCE = 40.0
"""In grey levels: the mean difference from bicubic of any network that upscales."""
CLEARLY = 2.0
"""A value is taken if the other's difference from bicubic is so many times larger."""
PROBE_SIDE = 32
_USUAL: Mapping[str, tuple[float, ...]] = {"res_scale": (0.1, 1.0)}


def settle_guesses(network: SRNetwork) -> SRNetwork:
    """Replace guessed sizes by what a probe picture tells, where it tells; they remain guesses."""
    for name, reason in network.origin.guessed.items():
        current = getattr(network.spec, name)
        if name == "value_range":
            explained = {**network.origin.guessed, name: f"{reason}{_other_range(network)}"}
            network.origin = replace(network.origin, guessed=explained)
        if name not in _USUAL or current not in _USUAL[name]:
            continue
        networks = {
            value: network if value == current else _with(network, name, value) for value in _USUAL[name]
        }
        errors = {value: bicubic_difference(one) for value, one in networks.items()}
        best, other = sorted(errors, key=lambda value: errors[value])
        if errors[best] < MAX_BICUBIC_DIFFERENCE and errors[other] > CLEARLY * errors[best]:
            network = networks[best]
            reason = f"on a photograph {best:g} comes nearer to bicubic than {other:g}"
        reason = (
            f"{getattr(network.spec, name):g}, {reason}; if it is another, write @{name}=VALUE after the file"
        )
        network.origin = replace(network.origin, guessed={**network.origin.guessed, name: reason})
    return network


def _other_range(network: SRNetwork) -> str:
    """Say how to choose the other value range, and whether the photograph speaks for it."""
    other = 1 if network.spec.value_range == RGB_RANGE else 255
    is_nearer = bicubic_difference(network) > CLEARLY * bicubic_difference(
        _with(network, "value_range", other)
    )
    doubt = f", but on a photograph {other} comes nearer to bicubic" if is_nearer else ""
    return f"{doubt}; if it is another, write @value_range={other} after the file"


def bicubic_difference(network: SRNetwork, white: int = 255) -> float:
    """Mean difference in grey levels from bicubic on a photograph with white at `white`; infinite for NaN."""
    hr = read_image(sample_images()[0])
    lr = np.ascontiguousarray(imresize_bicubic(hr, 1 / 4)[:PROBE_SIDE, :PROBE_SIDE])
    bicubic = torch.from_numpy(imresize_bicubic(lr, network.spec.scale)).permute(2, 0, 1).float()
    image = torch.from_numpy(lr).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        sr = network(image * white / RGB_RANGE)[0] * RGB_RANGE / white
    difference = float((sr - bicubic).abs().mean())
    return difference if difference == difference else float("inf")


def _with(network: SRNetwork, name: str, value: float) -> SRNetwork:
    """The same weights in a network of another size that they don't show."""
    with torch.device("meta"):
        other = create_model(network.spec.model_copy(update={name: value}))
    other.load_state_dict(network.state_dict(), assign=True)
    other.origin, other.seen_images = network.origin, network.seen_images
    return other.eval()
