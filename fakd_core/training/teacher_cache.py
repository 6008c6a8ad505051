"""A teacher's answers to the patches of a pool, computed once and kept in files that are mapped into memory.

`DIR/KEY/` holds `key.json`, which says what the answers depend on, and files of `PATCHES_PER_BLOCK` patches
each. KEY is the hash of that text, so answers of another teacher, or to other patches, lie elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from fakd_core.data.patches import PATCHES_PER_BLOCK, PatchPool
from fakd_core.errors import ConfigError, DataError
from fakd_core.events import CancelToken
from fakd_core.files import atomic_path, write_text
from fakd_core.models.layers import SRNetwork
from fakd_core.models.spec import TAP_COUNT
from fakd_core.runtime.cancellation import cancellable
from fakd_core.runtime.device import fast_convolutions

Answers = dict[str, Tensor]
"""By name, one row a patch, channels last: `SR`, less 128, and each layer's map."""

_FORMAT = 1  # Raised whenever the files, or how answers are computed, change: older caches are left alone.
_MADE_FROM = "key.json"
_BLOCK = "block-"
_SR = "SR"
# Half precision is finest near zero: values of 0..255 are off by 1/32 at most, instead of 1/16.
_SR_MIDDLE = 128.0
_HEADER_BYTES = 1024  # More than a file's header takes.
_PATCHES_AT_ONCE = 16
_ABANDONED_SECONDS = 3600.0


class TeacherCache:
    """The answers of one teacher to all patches of a pool, in half precision.

    A block's file is there whole or not at all, and what can't be trusted is not used: `open` tells.
    """

    def __init__(
        self, folder: Path, name: str, teacher: SRNetwork, pool: PatchPool, layers: Sequence[int]
    ) -> None:
        """`teacher` is frozen and in eval mode, on any device; `layers` are the taps whose maps are kept.

        `name` is what people call it. Nothing is written yet.
        """
        self._name = name
        self._teacher = teacher
        self._pool = pool
        self._layers = tuple(sorted(layers))
        patches = pool.sampler.identity()
        made_from = {
            "format": _FORMAT,
            "teacher": teacher.spec.model_dump(mode="json"),
            "weights_sha256": _weights_hash(teacher),
            "layers": self._layers,
            "patches_per_block": PATCHES_PER_BLOCK,
            **patches,
        }
        self._made_from = json.dumps(made_from, indent=2)
        self.key = hashlib.sha256(self._made_from.encode()).hexdigest()
        self.folder = folder / self.key[:16]
        self._shapes = self._expected_shapes(int(patches["patch"]))
        self._opened: dict[int, Answers] = {}
        numbers = sum(math.prod(shape) for shape in self._shapes.values())
        self.block_bytes = numbers * torch.float16.itemsize + _HEADER_BYTES
        """What one block takes on disk."""

    def clear(self) -> None:
        """Remove what killed processes left: parts of files that none has written to for long."""
        for part in self.folder.glob(".*.safetensors"):
            with suppress(FileNotFoundError):
                if time.time() - part.stat().st_mtime > _ABANDONED_SECONDS:
                    part.unlink()

    def found(self) -> set[int]:
        """The blocks that have a file, whatever is in it."""
        numbers = (path.stem.removeprefix(_BLOCK) for path in self.folder.glob(f"{_BLOCK}*.safetensors"))
        return {int(number) for number in numbers if number.isdecimal()}

    def path(self, block: int) -> Path:
        return self.folder / f"{_BLOCK}{block:05d}.safetensors"

    def open(self, block: int) -> bool:
        """Map a block; False if it isn't there, is damaged, or was made for another cache.

        What is read here once is not checked again later.
        """
        if block not in self._opened and self.path(block).exists():
            answers = self._read(self.path(block))
            if answers is not None:
                self._opened[block] = answers
        return block in self._opened

    def make(self, block: int, token: CancelToken) -> None:
        """Compute a block, write it, and open it.

        Raises:
            ConfigError: an answer is beyond half precision.
            DataError: the file can't be written.
            Cancelled: the token was cancelled meanwhile.
        """
        answers = self._compute(block, token)
        content = save(answers, {"key": self.key, "crc32": str(_checksum(answers))})
        try:
            if not (self.folder / _MADE_FROM).exists():
                write_text(self.folder / _MADE_FROM, self._made_from)
            with atomic_path(self.path(block)) as temporary:
                temporary.write_bytes(content)
        except OSError as error:
            raise DataError(
                f"{self.path(block)}: can't be written ({error.strerror}); what is finished stays: make room "
                "and start again, or name another folder with --teacher-cache"
            ) from error
        if not self.open(block):
            raise DataError(
                f"{self.path(block)}: what was written there comes back changed; name another folder with "
                "--teacher-cache"
            )

    def answers(
        self, patches: Sequence[int], device: torch.device
    ) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        """The SR images (B, 3, H, W), 0..255, and the maps (B, C, h, w), one a tap, None where not kept.

        In float32, channels last, on `device`. Their blocks are open.
        """
        where = [divmod(patch, PATCHES_PER_BLOCK) for patch in patches]

        def gathered(name: str) -> Tensor:
            rows = torch.stack([self._opened[block][name][row] for block, row in where])
            return rows.to(device, non_blocking=True).float().permute(0, 3, 1, 2)

        maps = (gathered(_map(layer)) if layer in self._layers else None for layer in range(TAP_COUNT))
        return gathered(_SR) + _SR_MIDDLE, tuple(maps)

    def _expected_shapes(self, patch: int) -> dict[str, tuple[int, ...]]:
        spec = self._teacher.spec
        side = patch * spec.scale
        maps = {
            _map(layer): (PATCHES_PER_BLOCK, patch, patch, spec.tap_channels[layer]) for layer in self._layers
        }
        return {_SR: (PATCHES_PER_BLOCK, side, side, 3), **maps}

    def _read(self, path: Path) -> Answers | None:
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                answers = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError):
            return None
        shapes = {name: tuple(tensor.shape) for name, tensor in answers.items()}
        if metadata.get("key") != self.key or shapes != self._shapes:
            return None
        return answers if metadata.get("crc32") == str(_checksum(answers)) else None

    def _compute(self, block: int, token: CancelToken) -> Answers:
        device = next(self._teacher.parameters()).device
        draws = self._pool.block(block)
        parts: dict[str, list[Tensor]] = {name: [] for name in self._shapes}
        for first in range(0, PATCHES_PER_BLOCK, _PATCHES_AT_ONCE):
            patches, _ = self._pool.sampler.cut(draws[first : first + _PATCHES_AT_ONCE])
            lr = torch.from_numpy(patches).to(device, memory_format=torch.channels_last)
            # In full precision on every device: a cache serves runs in any.
            with torch.no_grad(), fast_convolutions(torch.float32), cancellable(token):
                sr, maps = self._teacher.forward_features(lr)
            exact = {_SR: sr - _SR_MIDDLE, **{_map(layer): maps[layer] for layer in self._layers}}
            for name, tensor in exact.items():
                half = tensor.permute(0, 2, 3, 1).to("cpu", torch.float16)
                if not half.isfinite().all():
                    raise ConfigError(
                        f"{self._name}: its {name} reaches {tensor.abs().max().item():g}, and half precision "
                        "ends at 65504; train without --teacher-cache"
                    )
                parts[name].append(half)
        return {name: torch.cat(tensors).contiguous() for name, tensors in parts.items()}


def _map(layer: int) -> str:
    return f"layer {layer}"


def _weights_hash(teacher: SRNetwork) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(teacher.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.cpu().contiguous().numpy())
    return digest.hexdigest()


def _checksum(answers: Answers) -> int:
    checksum = 0
    for name in sorted(answers):
        checksum = zlib.crc32(answers[name].numpy().data, checksum)
    return checksum
