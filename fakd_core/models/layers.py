"""The base class of networks, and the layers that they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fakd_core.errors import FeatureTapError
from fakd_core.models.fast_ops import (
    FusableLayer,
    autocast_off,
    convolve,
    convolve_before_shuffle,
    convolve_then_shuffle,
    to_autocast_type,
)
from fakd_core.models.seen_images import SeenImages
from fakd_core.models.spec import ModelSpec

DIV2K_RGB_MEAN = (0.4488, 0.4371, 0.4040)
RGB_RANGE = 255.0

FeatureMaps = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Origin:
    """Facts about the file that a network was read from.

    Attributes:
        key_format: the naming of its weights.
        place: its place and prefix in the file, such as `state_dict.generator`.
        weights: their number and types.
        notes: choices that change the results, such as averaged weights, in words.
        guessed: sizes that the file doesn't show, and the reason for each.
        beside: what else lies in the file.
    """

    key_format: str = ""
    place: str = ""
    weights: str = ""
    notes: tuple[str, ...] = ()
    guessed: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[str, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """A line for each choice and each guess, to be shown wherever the network's results are."""
        return (*self.notes, *(f"{name} is a guess: {reason}" for name, reason in self.guessed.items()))


class SRNetwork(nn.Module):
    """A super-resolution network with four declared feature taps.

    `spec` has its sizes, scale and taps, `seen_images` the images it learned from, as far as known, `origin`
    facts about its file, if it has one. Input is RGB (B, 3, h, w) in 0..255, output
    (B, 3, h·scale, w·scale) in the same range, not clipped.
    """

    origin = Origin()

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.seen_images: SeenImages = {}

    def forward(self, lr: Tensor) -> Tensor:
        return self.forward_features(lr)[0]

    def forward_features(self, lr: Tensor) -> tuple[Tensor, FeatureMaps]:
        """Compute the super-resolved images and the maps at the four taps, each (B, n_feats, h, w)."""
        raise NotImplementedError

    def fuse(self, enabled: bool = True) -> Self:
        """Let layers compute in their hand-fused forms, the default, or each as published.

        Both give the same up to rounding; fused ones are faster in training and take less memory in eval
        mode. A layer with hooks on modules inside it computes as published in any case, so that they fire.
        Returns the network itself.
        """
        for module in self.modules():
            if isinstance(module, FusableLayer):
                module.fused = enabled
        return self


def check_taps(model: SRNetwork, name: str) -> None:
    """Raise `FeatureTapError` if `model`, called `name`, has no feature maps, as some external networks."""
    if not model.spec.tap_names:
        raise FeatureTapError(
            f"{name}: {model.spec.architecture} has no feature maps over the pixels of the low-resolution "
            "image; only its output can be used"
        )


class MeanShift(FusableLayer):
    """Subtracts (sign -1) or adds (+1) the mean colour of DIV2K; follows EDSR-PyTorch.

    The weights are buffers, which no optimiser changes. They are applied as the 1x1 convolution that files
    store, because the code that trained published checkpoints let them drift from the identity. For a network
    with white at `value_range` images are converted from 0..255 before, and back after; one trained without
    a mean doesn't `shift`, and has no weights here.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, sign: int, value_range: int = 255, shift: bool = True) -> None:
        super().__init__()
        self.sign, self.shift = sign, shift
        self.unit = RGB_RANGE / value_range
        if not shift:
            return
        # Written out: under torch.device("meta") torch.eye and products import torch._dynamo, for seconds.
        identity = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        self.register_buffer("weight", identity.view(3, 3, 1, 1))
        mean = (sign * float(value_range) * np.array(DIV2K_RGB_MEAN, np.float32)).tolist()
        self.register_buffer("bias", torch.tensor(mean))

    def forward(self, image: Tensor) -> Tensor:
        # Half precision resolves 0..255 to one grey level only.
        with autocast_off(image.device):
            if self.sign < 0 and self.unit != 1:
                image = image / self.unit
            if self.shift:
                image = image.to(self.weight.dtype)
                if self._keeps_colours(image):
                    image = image + self.bias[:, None, None]
                else:
                    image = F.conv2d(image, self.weight, self.bias)
            return image * self.unit if self.sign > 0 and self.unit != 1 else image

    def _keeps_colours(self, image: Tensor) -> bool:
        """True if the weights are exactly the identity, so that adding the bias does the same in no time.

        Looked up on CPUs only: it would make a GPU wait.
        """
        if image.device.type != "cpu" or torch.compiler.is_compiling() or not self.may_fuse():
            return False
        return torch.equal(self.weight.flatten(1), torch.eye(3, dtype=self.weight.dtype))


class Convolution(FusableLayer, nn.Conv2d):
    """A 2D convolution of stride 1 that keeps height and width."""

    def forward(self, features: Tensor) -> Tensor:
        if self.fused and self.bias is not None:
            return convolve(features, self.weight, self.bias)
        return super().forward(features)


def conv(in_channels: int, out_channels: int, kernel_size: int = 3) -> nn.Conv2d:
    """Make a convolution that keeps height and width."""
    return Convolution(in_channels, out_channels, kernel_size, padding=kernel_size // 2)


class Head(nn.Sequential):
    """The layers from the image to the first feature map.

    In full precision even under autocast, as half precision rounds colours to up to half a grey level. What
    follows gets the map in autocast's type.
    """

    def forward(self, image: Tensor) -> Tensor:
        with autocast_off(image.device):
            features: Tensor = super().forward(image)  # type: ignore[no-untyped-call]
        return to_autocast_type(features)


class Upsampler(nn.Sequential):
    """Sub-pixel convolution (Shi et al., CVPR 2016): x2 steps for 2, 4 and 8, one x3 step for 3."""

    def __init__(self, scale: int, n_feats: int) -> None:
        steps = [3] if scale == 3 else [2] * (scale.bit_length() - 1)
        layers: list[nn.Module] = []
        for step in steps:
            layers += [conv(n_feats, step * step * n_feats), nn.PixelShuffle(step)]
        super().__init__(*layers)
        self.steps = tuple(steps)

    def convolutions(self) -> list[nn.Conv2d]:
        """The convolution of each step, which a pixel shuffle follows."""
        return [layer for layer in self.children() if isinstance(layer, nn.Conv2d)]


class Reconstruction(FusableLayer, nn.Sequential):
    """The tail of the networks: the upsampler, then a convolution to RGB.

    Its fused form needs no map between the last pixel shuffle and the convolution.
    """

    def __init__(self, scale: int, n_feats: int) -> None:
        super().__init__(Upsampler(scale, n_feats), conv(n_feats, 3))

    def forward(self, features: Tensor) -> Tensor:
        # torch.compile fuses the textbook form itself.
        if torch.compiler.is_compiling() or not self.may_fuse():
            rgb: Tensor = super().forward(features)  # type: ignore[no-untyped-call]
            return rgb
        upsampler, to_rgb = cast("tuple[Upsampler, nn.Conv2d]", self.children())
        *earlier, last = upsampler.convolutions()
        for layer, step in zip(earlier, upsampler.steps, strict=False):
            features = convolve_then_shuffle(features, layer, step)
        features = last(features)
        return convolve_before_shuffle(features, to_rgb, upsampler.steps[-1])


class LongSkipNetwork(SRNetwork):
    """The frame of EDSR and RCAN: blocks and a convolution under a long skip, between head and tail."""

    def __init__(self, spec: ModelSpec, blocks: int, make_block: Callable[[], nn.Module]) -> None:
        super().__init__(spec)
        self.sub_mean = MeanShift(-1, spec.value_range, spec.mean_shift)
        self.head = Head(conv(3, spec.n_feats))
        body = [make_block() for _ in range(blocks)]
        self.body = nn.ModuleList([*body, conv(spec.n_feats, spec.n_feats)])
        self.tail = Reconstruction(spec.scale, spec.n_feats)
        self.add_mean = MeanShift(+1, spec.value_range, spec.mean_shift)

    def forward_features(self, lr: Tensor) -> tuple[Tensor, FeatureMaps]:
        """Compute the super-resolved images and the maps after the head, two blocks and the long skip."""
        head = self.head(self.sub_mean(lr))
        features, after = head, []
        *blocks, body_conv = self.body
        for block in blocks:
            features = block(features)
            after.append(features)
        body = body_conv(features) + head
        sr = self.add_mean(self.tail(body))
        first, second = self.spec.taps
        return sr, (head, after[first - 1], after[second - 1], body)


def pad_mirrored(image: Tensor, right: int, below: int) -> Tensor:
    """Pad on the right and below: mirrored as far as the image reaches, then with its last pixels."""
    if not (right or below):
        return image
    height, width = image.shape[2:]
    mirrored = (min(right, width - 1), min(below, height - 1))
    image = F.pad(image, (0, mirrored[0], 0, mirrored[1]), "reflect")
    return F.pad(image, (0, right - mirrored[0], 0, below - mirrored[1]), "replicate")


def choose_taps(taps: tuple[int, int], default: tuple[int, int], depth: int) -> tuple[int, int]:
    """Validate the `taps` of a network of `depth` groups; (0, 0) stands for `default`.

    Defaults, which are fractions of the depth, are moved apart if rounding makes them equal. A network of one
    group has both taps after it.

    Raises:
        ValueError: not 1 <= first < second <= depth; pydantic turns it into a `ConfigError`.
    """
    first, second = taps
    if taps == (0, 0):
        first = max(1, default[0])
        second = min(depth, max(default[1], first + 1))
    apart = first < second or depth == 1
    if not (first >= 1 and apart and first <= second <= depth):
        raise ValueError(f"taps must be two counts with 1 <= first < second <= {depth} (found {taps})")
    return first, second
