"""Tries a teacher on a few images: whether it is below bicubic, and at which layers affinities vary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fakd_core.data.datasets import SRDataset
from fakd_core.data.resize import imresize_bicubic
from fakd_core.errors import DataError
from fakd_core.evaluation.features import Spread, mean_spreads
from fakd_core.evaluation.metrics import psnr_y
from fakd_core.events import CancelToken, Image8
from fakd_core.inference.upscale import upscale
from fakd_core.models.layers import SRNetwork

SAMPLE_SIDE = 64
"""Side in LR pixels of the part of an image on which teachers are compared with bicubic."""
IMAGES = 4
"""Images on which affinities are measured."""


@dataclass(frozen=True)
class TeacherTrial:
    """A warning of a teacher below bicubic (empty: it isn't), and every layer's spread of affinities."""

    warning: str = ""
    spreads: tuple[Spread, ...] = ()


def try_teacher(
    network: SRNetwork,
    ref: str,
    dataset: SRDataset,
    indices: Sequence[int],
    *,
    patch: int,
    token: CancelToken,
) -> TeacherTrial:
    """Try the teacher `ref` on the first of the images, and its affinities in a patch of several of them."""
    images: list[Image8] = []
    warning = ""
    for index in indices[:IMAGES]:
        try:
            pair = dataset.load(index)
        except DataError:
            continue
        if not images:
            warning = _compare_with_bicubic(network, pair.lr, pair.hr, name=pair.name, token=token)
        images.append(pair.lr)
    if not network.spec.tap_names:
        return TeacherTrial(warning)
    return TeacherTrial(warning, mean_spreads(network, images, patch, name=ref, cancel=token))


def describe_spreads(trials: Mapping[str, TeacherTrial], layers: Sequence[int]) -> str:
    """The teachers' affinities in words, and of the compared `layers` those that aren't worth it."""
    texts = []
    for name, trial in trials.items():
        if not trial.spreads:
            continue
        shown = ", ".join(f"{layer}: {spread}" for layer, spread in enumerate(trial.spreads))
        flat = [str(layer) for layer in layers if trial.spreads[layer].is_nearly_constant]
        advice = f"; nearly constant at {', '.join(flat)}: little to learn there" if flat else ""
        texts.append(f"{f'{name}: ' if len(trials) > 1 else ''}{shown}{advice}")
    return f"affinities of the teacher, mean ± deviation: {'; '.join(texts)}" if texts else ""


def _compare_with_bicubic(
    network: SRNetwork, lr: Image8, hr: Image8, *, name: str, token: CancelToken
) -> str:
    """Warn of a teacher that is below bicubic in the middle of an image; empty if it isn't."""
    scale = network.spec.scale
    tops = [max(0, (size - SAMPLE_SIDE) // 2) for size in lr.shape[:2]]
    lr = lr[tuple(slice(top, top + SAMPLE_SIDE) for top in tops)]
    hr = hr[tuple(slice(top * scale, (top + SAMPLE_SIDE) * scale) for top in tops)]
    teacher, bicubic = (
        psnr_y(sr, hr, scale) for sr in (upscale(network, lr, cancel=token), imresize_bicubic(lr, scale))
    )
    if teacher >= bicubic:
        return ""
    return (
        f"{teacher:.2f} dB in the middle of {name}, less than bicubic ({bicubic:.2f} dB): it may be "
        "made for other images"
    )
