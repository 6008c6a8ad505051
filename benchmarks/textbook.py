"""The method as published, written plainly: the reference that the engine is measured against.

Contiguous tensors, one operation a layer, both affinity matrices of every layer materialised.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fakd_core.models.layers import MeanShift
from fakd_core.models.rcan import RCAN


def conv(in_channels: int, out_channels: int, kernel_size: int = 3) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)


class ChannelAttention(nn.Module):
    def __init__(self, n_feats: int, reduction: int) -> None:
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.conv_du = nn.Sequential(
            conv(n_feats, n_feats // reduction, 1),
            nn.ReLU(inplace=True),
            conv(n_feats // reduction, n_feats, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.conv_du(self.avg_pool(x))


class Residual(nn.Module):
    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def block(n_feats: int, reduction: int) -> Residual:
    attention = ChannelAttention(n_feats, reduction)
    return Residual(conv(n_feats, n_feats), nn.ReLU(inplace=True), conv(n_feats, n_feats), attention)


class PlainRCAN(nn.Module):
    """An RCAN x4 with the weights of `source`, parameter by parameter."""

    def __init__(self, source: RCAN) -> None:
        super().__init__()
        spec = source.spec
        self.taps = spec.taps
        self.sub_mean, self.add_mean = MeanShift(-1), MeanShift(+1)
        self.head = nn.Sequential(conv(3, spec.n_feats))
        groups = [
            Residual(
                *(block(spec.n_feats, spec.reduction) for _ in range(spec.n_resblocks)),
                conv(spec.n_feats, spec.n_feats),
            )
            for _ in range(spec.n_resgroups)
        ]
        self.body = nn.Sequential(*groups, conv(spec.n_feats, spec.n_feats))
        widen = [
            layer for _ in range(2) for layer in (conv(spec.n_feats, 4 * spec.n_feats), nn.PixelShuffle(2))
        ]
        self.tail = nn.Sequential(nn.Sequential(*widen), conv(spec.n_feats, 3))
        self.load_state_dict(source.state_dict())

    def forward(self, lr: Tensor) -> tuple[Tensor, list[Tensor]]:
        head = self.head(self.sub_mean(lr))
        x, maps = head, [head]
        for number, group in enumerate(self.body[:-1], start=1):
            x = group(x)
            if number in self.taps:
                maps.append(x)
        maps.append(self.body[-1](x) + head)
        return self.add_mean(self.tail(maps[-1])), maps


def affinity(feature_map: Tensor) -> Tensor:
    positions = feature_map.flatten(2)
    positions = positions / (positions.norm(p=2, dim=1, keepdim=True) + 1e-8)
    return torch.bmm(positions.transpose(1, 2), positions)


def affinity_loss(student: Tensor, teacher: Tensor) -> Tensor:
    return F.l1_loss(affinity(student), affinity(teacher))


class Training:
    """DS + TS (alpha 0.5) + 10 SA over taps 1, 2 and 3, by Adam."""

    def __init__(self, teacher: RCAN, student: RCAN) -> None:
        self.teacher = PlainRCAN(teacher).eval().requires_grad_(False)
        self.student = PlainRCAN(student).train()
        self.optimizer = torch.optim.Adam(self.student.parameters(), lr=1e-4)

    def step(self, lr: Tensor, hr: Tensor) -> float:
        with torch.no_grad():
            teacher_sr, teacher_maps = self.teacher(lr)
        student_sr, student_maps = self.student(lr)
        distances = [affinity_loss(student_maps[tap], teacher_maps[tap]) for tap in (1, 2, 3)]
        loss = 0.5 * F.l1_loss(student_sr, hr) + 0.5 * F.l1_loss(student_sr, teacher_sr)
        loss = loss + 10 * sum(distances)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()
