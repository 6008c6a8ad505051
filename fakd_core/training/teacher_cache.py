"""A teacher's outputs for the patches of a pool, computed once and kept in memory-mapped files.

`DIR/KEY/` holds `key.json`, which lists everything the outputs depend on, and files of `PATCHES_PER_BLOCK`
patches each. KEY is the hash of that text: another teacher, or other patches, get another folder.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from fakd_core.data.patches import PATCHES_PER_BLOCK, PatchPool
from fakd_core.distillation.positions import PositionDraws, sample_size, vectors_at
from fakd_core.errors import ConfigError, DataError
from fakd_core.events import CancelToken
from fakd_core.files import atomic_path, write_text
from fakd_core.inference.upscale import tensor_from_images
from fakd_core.models.cost import device_of
from fakd_core.models.layers import SRNetwork
from fakd_core.models.spec import TAP_COUNT
from fakd_core.runtime.cancellation import cancellable
from fakd_core.runtime.device import DTYPES, autocast, copy_to, fast_convolutions
from fakd_core.runtime.turns import turn
from fakd_core.system.platforms import remove_file

Outputs = dict[str, Tensor]
"""By name, one row per patch, channels last: `SR`, minus 128, and the map of each layer."""

_FORMAT = 1  # Increased when the files or the computation change; older caches are left alone.
_KEY_FILE = "key.json"
_SR = "SR"
# Half precision is finest near zero: values of 0..255 are off by at most 1/32 instead of 1/16.
_SR_MIDDLE = 128.0
_MAX_HEADER_BYTES = 1024
_PATCHES_AT_ONCE = 16
_ABANDONED_SECONDS = 3600.0


class TeacherCache:
    """The outputs of one teacher for all patches of a pool, kept in half precision.

    The file of a block is complete or absent; `open` rejects damaged ones. The teacher, called `name` in
    messages, is frozen and in eval mode, on any device; `dtype` is that of its forward pass. `layers` are the
    taps whose maps are kept: at a random `share` of the positions, the same ones for a patch at every step.
    The cache makes its own folder in `folder` at the first write.
    """

    def __init__(
        self,
        *,
        folder: Path,
        name: str,
        teacher: SRNetwork,
        pool: PatchPool,
        layers: Sequence[int],
        share: float = 1,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._name = name
        self._teacher = teacher
        self._pool = pool
        self._layers = tuple(sorted(layers))
        self._dtype = dtype
        patches, spec = pool.sampler.identity(), teacher.spec
        depends_on = {
            "format": _FORMAT,
            "teacher": spec.model_dump(mode="json"),
            "weights_sha256": _hash_weights(teacher),
            "layers": self._layers,
            "patches_per_block": PATCHES_PER_BLOCK,
            **({} if share == 1 else {"positions": share}),
            **({} if dtype is torch.float32 else {"precision": DTYPES[dtype]}),
            **patches,
        }
        self._depends_on = json.dumps(depends_on, indent=2)
        self.key = hashlib.sha256(self._depends_on.encode()).hexdigest()
        self.folder = folder / self.key[:16]
        side = pool.sampler.patch
        self._shapes = {_SR: (PATCHES_PER_BLOCK, side * spec.scale, side * spec.scale, 3)}
        self._sample = sample_size(share, side**2)
        size = (side, side) if self._sample == side**2 else (self._sample, 1)
        for layer in self._layers:
            self._shapes[_map_name(layer)] = (PATCHES_PER_BLOCK, *size, spec.tap_channels[layer])
        self._opened: dict[int, Outputs] = {}
        elements = sum(math.prod(shape) for shape in self._shapes.values())
        self.block_bytes = elements * torch.float16.itemsize + _MAX_HEADER_BYTES
        """The size of one block on disk."""

    def remove_abandoned_files(self) -> None:
        """Remove what killed processes left: partial files that have not been written to for long."""
        for part in self.folder.glob(".*.safetensors"):
            with suppress(FileNotFoundError):
                if time.time() - part.stat().st_mtime > _ABANDONED_SECONDS:
                    remove_file(part)

    def path(self, block: int) -> Path:
        return self.folder / f"block-{block:05d}.safetensors"

    def open(self, block: int) -> bool:
        """Map a block; False if it is missing, damaged or belongs to another cache.

        A block that was opened once is not verified again.
        """
        if block not in self._opened and self.path(block).exists():
            outputs = self._read(self.path(block))
            if outputs is not None:
                self._opened[block] = outputs
        return block in self._opened

    def compute(self, block: int, token: CancelToken) -> None:
        """Compute a block, write it, and open it.

        Raises:
            ConfigError: An output is beyond the range of half precision.
            DataError: The file can't be written.
            Cancelled: The token was cancelled meanwhile.
        """
        outputs = self._run_teacher(block, token)
        content = save(outputs, {"key": self.key, "crc32": str(_checksum(outputs))})
        try:
            if not (self.folder / _KEY_FILE).exists():
                write_text(self.folder / _KEY_FILE, self._depends_on)
            with atomic_path(self.path(block)) as temporary:
                temporary.write_bytes(content)
        except OSError as error:
            # Another process may have written it meanwhile; Windows doesn't replace a file that is in use.
            if not self.open(block):
                raise DataError(
                    f"{self.path(block)}: can't be written ({error.strerror}); finished files are kept: make "
                    "room and start again, or name another folder with --teacher-cache"
                ) from error
        if not self.open(block):
            raise DataError(
                f"{self.path(block)}: reads back differently than it was written; name another folder with "
                "--teacher-cache"
            )

    def outputs(
        self, patches: Sequence[int], device: torch.device
    ) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        """The SR images (B, 3, H, W), 0..255, and the maps (B, C, h, w), one per tap, None if not kept.

        Maps at a sample of n positions are (B, C, n, 1). In float32, channels last, on `device`. The blocks
        of the `patches` must be open.
        """
        maps = (
            self._gather(_map_name(layer), patches, device) if layer in self._layers else None
            for layer in range(TAP_COUNT)
        )
        return self.sr(patches, device), tuple(maps)

    def sr(self, patches: Sequence[int], device: torch.device) -> Tensor:
        """The SR images that `outputs` returns."""
        return self._gather(_SR, patches, device) + _SR_MIDDLE

    def _gather(self, name: str, patches: Sequence[int], device: torch.device) -> Tensor:
        places = [divmod(patch, PATCHES_PER_BLOCK) for patch in patches]
        rows = torch.stack([self._opened[block][name][row] for block, row in places])
        return copy_to(rows, device).float().permute(0, 3, 1, 2)

    def _read(self, path: Path) -> Outputs | None:
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                outputs = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError):
            return None
        shapes = {name: tuple(tensor.shape) for name, tensor in outputs.items()}
        if metadata.get("key") != self.key or shapes != self._shapes:
            return None
        return outputs if metadata.get("crc32") == str(_checksum(outputs)) else None

    def _run_teacher(self, block: int, token: CancelToken) -> Outputs:
        device, specs = device_of(self._teacher), self._pool.block(block)
        parts: dict[str, list[Tensor]] = {name: [] for name in self._shapes}
        for first in range(0, PATCHES_PER_BLOCK, _PATCHES_AT_ONCE):
            patches, _ = self._pool.sampler.cut(specs[first : first + _PATCHES_AT_ONCE])
            numbers = block * PATCHES_PER_BLOCK + first + np.arange(len(patches))
            token.check()
            with turn(device), cancellable(token):
                for name, half in self._halve(tensor_from_images(patches, device), numbers):
                    parts[name].append(half)
        return {name: torch.cat(tensors).contiguous() for name, tensors in parts.items()}

    def _halve(self, lr: Tensor, numbers: npt.NDArray[np.int64]) -> Iterator[tuple[str, Tensor]]:
        """The outputs for the patches `lr` with these `numbers`, by name, in half precision on the CPU."""
        with torch.no_grad(), fast_convolutions(self._dtype), autocast(lr.device, self._dtype):
            sr, maps = self._teacher.forward_features(lr)
        exact = {_SR: sr - _SR_MIDDLE}
        for layer in self._layers:
            exact[_map_name(layer)] = self._at_positions(layer, maps[layer], numbers)
        for name, tensor in exact.items():
            half = tensor.permute(0, 2, 3, 1).to("cpu", torch.float16)
            if not half.isfinite().all():
                raise ConfigError(
                    f"{self._name}: its {name} reaches {tensor.abs().max().item():g}, and half precision "
                    "ends at 65504; train without --teacher-cache"
                )
            yield name, half

    def _at_positions(self, layer: int, maps: Tensor, patches: npt.NDArray[np.int64]) -> Tensor:
        """The maps of `patches` at the positions that are drawn for them, or whole."""
        positions = maps.shape[2] * maps.shape[3]
        if self._sample == positions:
            return maps
        return vectors_at(maps, patch_draws(self._pool, patches).draw(layer, positions, self._sample))


def patch_draws(pool: PatchPool, patches: npt.NDArray[np.int64]) -> PositionDraws:
    """The positions of the patches with these numbers: the same ones at every step."""
    return PositionDraws(pool.sampler.seed, [(patch,) for patch in patches.tolist()])


def _map_name(layer: int) -> str:
    return f"layer {layer}"


def _hash_weights(teacher: SRNetwork) -> str:
    digest = hashlib.sha256()
    with turn(device_of(teacher)):
        weights = {name: tensor.cpu() for name, tensor in teacher.state_dict().items()}
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().numpy())
    return digest.hexdigest()


def _checksum(outputs: Outputs) -> int:
    checksum = 0
    for name in sorted(outputs):
        checksum = zlib.crc32(outputs[name].numpy().data, checksum)
    return checksum
