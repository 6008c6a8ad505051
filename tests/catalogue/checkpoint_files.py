"""Weight files of all kinds, made from one tiny network, and forged ones that no program would write."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tarfile
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from fakd_core.models.checkpoint import SPEC_KEY
from fakd_core.models.factory import create_model
from fakd_core.models.layers import SRNetwork


def network(architecture: str = "edsr", **sizes: Any) -> SRNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return create_model(architecture, **{"scale": 2, "n_feats": 4, "n_resblocks": 1, **sizes})


NETWORK = network()
WEIGHTS: dict[str, Tensor] = dict(NETWORK.state_dict())
FIRST, LAST = "head.0.weight", "tail.1.bias"
SPEC = NETWORK.spec.model_dump(mode="json")


def but(weights: Mapping[str, Tensor] = WEIGHTS, /, **changes: Tensor | None) -> dict[str, Tensor]:
    """Change some of the `weights`, by names with __ for dots; None removes one."""
    named = {name.replace("__", "."): tensor for name, tensor in changes.items()}
    return {name: tensor for name, tensor in {**weights, **named}.items() if tensor is not None}


def each(change: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    return {name: change(tensor) for name, tensor in WEIGHTS.items()}


def prefixed(prefix: str) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in WEIGHTS.items()}


def one_storage() -> dict[str, Tensor]:
    """Make all weights views of one storage."""
    stored = torch.cat([tensor.flatten() for tensor in WEIGHTS.values()])
    parts = stored.split([tensor.numel() for tensor in WEIGHTS.values()])
    return {name: part.view(WEIGHTS[name].shape) for name, part in zip(WEIGHTS, parts, strict=True)}


def far_group() -> dict[str, Tensor]:
    """The first and the last weights of an RCAN with 100 groups of 100 blocks."""
    ends = "body.0.body.0.body.3.conv_du.0.weight", "body.99.body.99.body.0.weight"
    return {
        **dict.fromkeys(ends, torch.ones(1, 4, 1, 1)),
        **but(body__0__body__0__weight=None, body__0__body__2__weight=None),
    }


def pth(content: object, zipped: bool = True) -> bytes:
    kept = io.BytesIO()
    torch.save(content, kept, _use_new_zipfile_serialization=zipped)
    return kept.getvalue()


def safe(weights: dict[str, Tensor], **spec: object) -> bytes:
    """Encode as safetensors; with changes to the spec, as a file of our own."""
    metadata = {SPEC_KEY: json.dumps({**SPEC, **spec})} if spec else None
    return safetensors.torch.save({name: tensor.contiguous() for name, tensor in weights.items()}, metadata)


def header(described: object, data: bytes = b"", length: int | None = None) -> bytes:
    """Encode a safetensors file with any header."""
    text = described if isinstance(described, bytes) else json.dumps(described).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(shape: list[int], begin: int, end: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def zipped(parts: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", compression, compresslevel=1) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return kept.getvalue()


def later(make: Callable[..., bytes], *arguments: Any) -> Callable[[Path], object]:
    """Delay what is too large to be made before it is needed."""
    return lambda path: path.write_bytes(make(*arguments))


def unzipped(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


class _Storage:
    def __init__(self, elements: int) -> None:
        self.elements = elements


class Forged:
    """A tensor that a file claims to have, of any size over any storage."""

    def __init__(self, shape: tuple[int, ...], strides: tuple[int, ...], elements: int) -> None:
        self._shape, self._strides, self._storage = shape, strides, _Storage(elements)

    def __reduce__(self) -> tuple[Any, ...]:
        rebuild = torch._utils._rebuild_tensor_v2
        return rebuild, (self._storage, 0, self._shape, self._strides, False, OrderedDict())


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: object) -> object:
        return (
            ("storage", torch.FloatStorage, "0", "cpu", obj.elements) if isinstance(obj, _Storage) else None
        )


def forged(content: object, data: bytes, compression: int = zipfile.ZIP_STORED) -> bytes:
    """Encode a .pth whose `Forged` tensors share the storage `data`."""
    kept = io.BytesIO()
    _Pickler(kept, 2).dump(content)
    parts = {"data.pkl": kept.getvalue(), "byteorder": b"little", "data/0": data, "version": b"3\n"}
    return zipped({f"archive/{name}": part for name, part in parts.items()}, compression)


def oversized(data: bytes, name: bytes) -> bytes:
    """Change a zip so that its directory says `name` has 4 GB."""
    place = data.rindex(name) - 46
    claimed = struct.pack("<II", 2**32 - 2, 2**32 - 2)
    return data[: place + 20] + claimed + data[place + 28 :]


class Runs:
    """An object that, if unpickled carelessly, runs a command that creates a file."""

    def __init__(self, path: Path, call: Callable[..., object] = os.system) -> None:
        marker = str(path.parent / "ran")
        self._call = call, (f"touch {marker}" if call is os.system else f"open({marker!r}, 'w')",)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._call


def harmful(
    wrap: Callable[[Runs], object], zipped: bool = True, call: Callable[..., object] = os.system
) -> Any:
    return lambda path: path.write_bytes(pth(wrap(Runs(path, call)), zipped))


def plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(Runs(path), protocol=4))


def scripted(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(nn.Conv2d(3, 4, 3)), path)


def quantised() -> dict[str, Tensor]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return but(head__0__weight=torch.quantize_per_tensor(WEIGHTS[FIRST], 0.1, 0, torch.qint8))


def vast_sparse(layout: torch.layout) -> bytes:
    """A sparse tensor with one of 2^40 values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if layout == torch.sparse_csr:
            vast = torch.sparse_csr_tensor([0, 1], [0], [1.0], (1, 2**40), check_invariants=True)
        else:
            vast = torch.sparse_coo_tensor([[0]], [1.0], (2**40,), check_invariants=True)
        return pth(but(head__0__weight=vast))


def whole_module() -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pth(nn.Conv2d(3, 4, 3))


def tar() -> bytes:
    """Encode the oldest format, with a path that leaves the folder."""
    kept = io.BytesIO()
    with tarfile.open(fileobj=kept, mode="w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors", "../../escaped"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    return kept.getvalue()


def nested_in_itself() -> dict[str, object]:
    content: dict[str, object] = {}
    content["state_dict"] = content
    return content


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]
