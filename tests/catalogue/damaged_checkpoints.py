"""Cases of weight files: valid, damaged and hostile ones, and the expected outcome of each."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from checkpoint_files import (
    FIRST,
    LAST,
    WEIGHTS,
    Forged,
    but,
    each,
    entry,
    far_group,
    flipped,
    forged,
    harmful,
    header,
    later,
    nested_in_itself,
    network,
    one_storage,
    oversized,
    plain_pickle,
    prefixed,
    pth,
    quantised,
    safe,
    scripted,
    tar,
    unzipped,
    vast_sparse,
    whole_module,
    zipped,
)


@dataclass(frozen=True)
class CheckpointCase:
    """`expected` is a pattern that the error line matches; None for a file that loads."""

    file: str
    content: bytes | Callable[[Path], object]
    expected: str | None

    def make(self, folder: Path) -> Path:
        path = folder / self.file
        if isinstance(self.content, bytes):
            path.write_bytes(self.content)
        else:
            self.content(path)
        return path


UNREADABLE = "not a readable PyTorch file"
UNSAFE = "refused: it holds more than weights"
NOT_SAFE = "not a readable safetensors file"
UNKNOWN = "its keys belong to no known architecture"
BROKEN = "infinite or NaN values"
PACKED = "compressed|more than the file"
SPREAD = "more values than it stores"
PTH, OLD, SAFE = pth(WEIGHTS), pth(WEIGHTS, zipped=False), safe(WEIGHTS)
PARTS = unzipped(PTH)
NUMBER = next(name for name in PARTS if name.endswith("data/0"))
PICKLE = NUMBER[:-6] + "data.pkl"
ENTRY = b'{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
TAIL = WEIGHTS["tail.1.weight"]
RCAN = dict(network("rcan", n_resgroups=1, reduction=2).state_dict())
SQUEEZE = "body__0__body__0__body__3__conv_du__0__weight"
ONES = torch.ones(1)
HUGE = 2**20
MANY = 50_000_000
ZEROS = bytes(4 * MANY)


def _cut() -> Iterator[CheckpointCase]:
    for suffix, data, said in (
        ("pth", PTH, UNREADABLE),
        ("pt", OLD, UNREADABLE),
        ("safetensors", SAFE, NOT_SAFE),
    ):
        for percent in (1, 10, 50, 90, 99):
            yield CheckpointCase(f"cut-{percent}.{suffix}", data[: len(data) * percent // 100], said)


# fmt: off
_RIGHT: tuple[tuple[Any, ...], ...] = (
    ("zip.pth", PTH, None),
    ("legacy.pth", OLD, None),
    ("baseline.safetensors", SAFE, None),
    ("own.safetensors", safe(WEIGHTS, n_feats=4), None),
    ("half.pth", pth(each(torch.Tensor.half)), None),
    ("double.safetensors", safe(each(torch.Tensor.double)), None),
    ("bfloat.safetensors", safe(each(torch.Tensor.bfloat16)), None),
    ("float8.pth", pth(but(tail__1__bias=WEIGHTS[LAST].to(torch.float8_e5m2))), None),
    ("parallel.pth", pth(prefixed("module.")), None),
    ("compiled.pth", pth(prefixed("_orig_mod.module.")), None),
    ("state-dict.pth", pth({"state_dict": WEIGHTS, "epoch": 3}), None),
    ("params-ema.pth", pth({"params_ema": WEIGHTS, "params": {}}), None),
    ("deep.pth", pth({"model": {"state_dict": prefixed("model.")}}), None),
    ("parameters.pth", pth(each(torch.nn.Parameter)), None),
    ("one-storage.pth", pth(one_storage()), None),
    ("turned.pth", pth(each(lambda w: w.transpose(0, -1).contiguous().transpose(0, -1))), None),
    ("escaping-names.pth", zipped({**PARTS, "../../escaped": b"x", "/escaped": b"x"}), UNREADABLE),
)
_WRONG: tuple[tuple[Any, ...], ...] = (
    ("extra.pth", pth(but(more__weight=ONES)), r"1 unexpected: more\.weight"),
    ("missing.pth", pth(but(tail__1__bias=None)), r"1 missing: tail\.1\.bias"),
    ("no-head.pth", pth(but(head__0__weight=None)), r"looks like edsr, but lacks head\.0\.weight"),
    ("no-tail.pth", pth(but(tail__0__0__weight=None, tail__1__bias=None)), r"but lacks tail\.0\.0\.weight"),
    ("head-only.pth", pth({FIRST: WEIGHTS[FIRST]}), UNKNOWN),
    ("transposed.pth", pth(each(lambda w: w.transpose(0, -1).contiguous())), "misshapen|sizes make no sense"),
    ("one-transposed.pth", pth(but(tail__1__weight=TAIL.transpose(0, 1).contiguous())), "1 misshapen: tail"),
    ("flat.pth", pth(each(torch.flatten)), "misshapen|sizes make no sense"),
    ("scalars.pth", pth(each(lambda w: w.sum())), "misshapen|sizes make no sense"),
    ("no-elements.pth", pth(each(lambda w: w[:0])), "misshapen|sizes make no sense"),
    ("rcan-no-squeeze.pth", pth(but(RCAN, **{SQUEEZE: torch.zeros(0, 4, 1, 1)})), "misshapen"),
    ("integers.pth", pth(each(lambda w: w.int())), "expected floating-point weights"),
    ("bools.safetensors", safe(each(lambda w: w > 0)), "expected floating-point weights"),
    ("complex.pth", pth(each(lambda w: w.to(torch.complex64))), "expected floating-point weights"),
    ("nan.pth", pth(but(tail__1__bias=torch.full((3,), torch.nan))), BROKEN),
    ("inf.safetensors", safe(but(tail__1__bias=torch.full((3,), torch.inf))), BROKEN),
    ("too-large.pth", pth(but(tail__1__bias=torch.full((3,), 1e300, dtype=torch.float64))), BROKEN),
    ("esrgan.pth", pth({"RRDB_trunk.0.RDB1.conv1.weight": ONES, "conv_first.weight": ONES}), UNKNOWN),
    ("swinir.pth", pth({"params": {"layers.0.residual_group.blocks.0.attn.qkv.weight": ONES}}), UNKNOWN),
    ("classifier.pth", pth({"conv1.weight": ONES, "layer1.0.bn1.weight": ONES, "fc.bias": ONES}), UNKNOWN),
    ("mixed.pth", pth(but(**{"body1__0__body__0__weight": WEIGHTS["body.0.body.0.weight"]})), "1 unexpected"),
    ("cut-names.pth", pth({"body1.0.foo": ONES}), "looks like edsr|no known architecture"),
    ("digits.pth", pth({f"body1.{'9' * 5000}.weight": ONES}), "its numbering makes no sense"),
    ("far-block.pth", pth(but(**{"body__999999__body__0__weight": ONES})), "sizes make no sense|misshapen"),
    ("far-group.pth", pth(far_group()), "doesn't fit rcan x2: 10000 blocks, "),
    ("terminal.pth", pth({"\x1b[31mred\nline": ONES}), r"\\x1b\[31mred\\nline"),
    ("long-names.pth", pth({"x" * 1_000_000: ONES}), UNKNOWN),
    ("empty-dict.pth", pth({}), "holds no weights"),
    ("empty.safetensors", safe({}), "holds no weights"),
    ("list.pth", pth([ONES]), "expected a state dict, found list"),
    ("tensor.pth", pth(ONES), "expected a state dict, found Tensor"),
    ("number.pth", pth(3), "expected a state dict, found int"),
    ("texts.pth", pth({"a": "b"}), "holds no weights: expected tensors by name, found only a"),
    ("itself.pth", pth(nested_in_itself()), "holds no weights: expected tensors by name"),
    ("sparse.pth", pth(but(tail__1__bias=torch.eye(3).to_sparse()[0])), "expected plain weights"),
    ("csr.pth", vast_sparse(torch.sparse_csr), "expected plain weights"),
    ("coo.pth", vast_sparse(torch.sparse_coo), "expected plain weights"),
    ("meta.pth", pth(each(lambda w: w.to("meta"))), "expected plain weights"),
    ("quantised.pth", pth(quantised()), "expected plain weights|expected floating-point"),
    ("spec-scale-5.safetensors", safe(WEIGHTS, scale=5), "sizes make no sense: scale"),
    ("spec-scale-0.safetensors", safe(WEIGHTS, scale=0), "sizes make no sense: scale"),
    ("spec-scale-1000.safetensors", safe(WEIGHTS, scale=1000), "sizes make no sense: scale"),
    ("spec-scale-4.safetensors", safe(WEIGHTS, scale=4), "doesn't fit edsr x4: 2 missing"),
    ("spec-wide.safetensors", safe(WEIGHTS, n_feats=10**9), "make no sense: n_feats: must be at most"),
    ("spec-wider.safetensors", safe(WEIGHTS, n_feats=10**30), "sizes make no sense: n_feats"),
    ("spec-deep.safetensors", safe(WEIGHTS, n_resblocks=10**6), "sizes make no sense: n_resblocks"),
    ("spec-none.safetensors", safe(WEIGHTS, n_feats=0), "sizes make no sense: n_feats"),
    ("spec-rcan.safetensors", safe(WEIGHTS, architecture="rcan"), "sizes make no sense: architecture"),
    ("spec-unknown.safetensors", safe(WEIGHTS, wings=2), "sizes make no sense: wings"),
    ("spec-taps.safetensors", safe(WEIGHTS, taps=[7, 9]), "sizes make no sense: taps"),
    ("spec-other.safetensors", safe(WEIGHTS, n_resblocks=2, taps=[1, 2]), "doesn't fit edsr x2: .* missing"),
)
_DAMAGED: tuple[tuple[Any, ...], ...] = (
    ("empty.pth", b"", UNREADABLE),
    ("empty-file.safetensors", b"", NOT_SAFE),
    ("zeros.pth", bytes(5000), UNREADABLE),
    ("zeros.safetensors", bytes(5000), f"{NOT_SAFE}|no weights"),
    ("text.pth", b"not a checkpoint\n", UNREADABLE),
    ("text.safetensors", b"not a checkpoint\n", NOT_SAFE),
    ("page.pt", b"<!DOCTYPE html><title>404</title>", UNREADABLE),
    ("pointer.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", NOT_SAFE),
    ("named.txt", PTH, "its name must end in"),
    ("really.safetensors", PTH, NOT_SAFE),
    ("really.pth", SAFE, UNREADABLE),
    ("folder.pth", Path.mkdir, "no student in this folder|a folder"),
    ("dangling.pth", lambda path: path.symlink_to(path.parent / "gone"), "no such file"),
    ("device.pth", lambda path: path.symlink_to("/dev/zero"), "no such file|not a file"),
    ("header.pth", flipped(PTH, 2), UNREADABLE),
    ("directory.pth", flipped(PTH, len(PTH) - 20), UNREADABLE),
    ("data.pth", flipped(PTH, PTH.index(PARTS[NUMBER]) + 1), "damaged: .*data/0 does not match its checksum"),
    ("pickle.pth", flipped(PTH, PTH.index(b"data.pkl") + 100), "data.pkl does not match its checksum"),
    ("header.safetensors", flipped(SAFE, 10), f"{NOT_SAFE}|doesn't fit"),
    ("length.safetensors", flipped(SAFE, 0), NOT_SAFE),
    ("length-2-63.safetensors", header({}, length=2**63), NOT_SAFE),
    ("length-2-64.safetensors", header({}, length=2**64 - 1), NOT_SAFE),
    ("length-1-GB.safetensors", header({}, length=2**30), NOT_SAFE),
    ("no-json.safetensors", header(b"{'a': 1}"), NOT_SAFE),
    ("array.safetensors", header([1, 2]), NOT_SAFE),
    ("bytes.safetensors", header(b'{"\xff\xfe": 1}'), NOT_SAFE),
    ("deep.safetensors", header(b"[" * 100_000), NOT_SAFE),
    ("minus.safetensors", header({"a": entry([1], -4, 0)}, bytes(4)), NOT_SAFE),
    ("beyond.safetensors", header({"a": entry([9], 0, 36)}, bytes(4)), NOT_SAFE),
    ("backwards.safetensors", header({"a": entry([1], 4, 0)}, bytes(4)), NOT_SAFE),
    ("overlap.safetensors", header({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, bytes(12)), NOT_SAFE),
    ("hole.safetensors", header({"a": entry([1], 0, 4), "b": entry([1], 8, 12)}, bytes(12)), NOT_SAFE),
    ("absurd.safetensors", header({"a": entry([10**9, 10**9], 0, 4)}, bytes(4)), NOT_SAFE),
    ("overflow.safetensors", header({"a": entry([2**32, 2**32], 0, 0)}), NOT_SAFE),
    ("no-type.safetensors", header({"a": entry([1], 0, 4, "F99")}, bytes(4)), NOT_SAFE),
    ("float4.safetensors", header({"a": entry([2], 0, 1, "F4")}, bytes(1)), f"{NOT_SAFE}|{UNKNOWN}|expected"),
    ("twice.safetensors", header(b'{"a":%b,"a":%b}' % (ENTRY, ENTRY), bytes(4)), f"{NOT_SAFE}|{UNKNOWN}"),
    ("more-behind.safetensors", SAFE + bytes(9), NOT_SAFE),
    ("no-pickle.pth", zipped({"archive/version": b"3\n"}), UNREADABLE),
    ("no-data.pth", zipped({name: data for name, data in PARTS.items() if name != NUMBER}), UNREADABLE),
    ("short-data.pth", zipped({**PARTS, NUMBER: PARTS[NUMBER][:-4]}), f"{UNREADABLE}|{SPREAD}"),
    ("document.pth", zipped({"word/document.xml": b"<w/>"}), UNREADABLE),
    ("script.pt", scripted, "TorchScript"),
    ("module.pth", whole_module(), UNSAFE),
    ("tar.pth", tar(), UNREADABLE),
)
_HARMFUL: tuple[tuple[Any, ...], ...] = (
    ("system.pth", harmful(lambda runs: runs), UNSAFE),
    ("system-legacy.pth", harmful(lambda runs: runs, zipped=False), UNSAFE),
    ("eval.pth", harmful(lambda runs: runs, call=eval), UNSAFE),
    ("exec.pt", harmful(lambda runs: {"state_dict": WEIGHTS, "optimizer": runs}, call=exec), UNSAFE),
    ("nested.pth", harmful(lambda runs: {"params": {**WEIGHTS, "a": [{"b": (runs,)}]}}), UNSAFE),
    ("key.pth", harmful(lambda runs: {**WEIGHTS, "x": [runs]}), UNSAFE),
    ("plain.pt", plain_pickle, f"{UNSAFE}|{UNREADABLE}"),
    ("disguised.safetensors", plain_pickle, NOT_SAFE),
)
# Small files that would fill the memory.
_BOMBS: tuple[tuple[Any, ...], ...] = (
    ("claims-4-GB.pth", oversized(PTH, NUMBER.encode()), f"{UNREADABLE}|{PACKED}"),
    ("claims-4-TB.pth", forged({FIRST: Forged((2**40,), (1,), 2**40)}, bytes(4)), f"{UNREADABLE}|{SPREAD}"),
    ("claims-2-62.pth", forged({FIRST: Forged((2**62,), (1,), 2**62)}, bytes(4)), f"{UNREADABLE}|{SPREAD}"),
    ("legacy-4-TB.pth", OLD.replace(b"K\x6cN", b"J\xff\xff\xff\x7fN"), f"{UNREADABLE}|{SPREAD}"),
    ("packed.pth", later(forged, {FIRST: Forged((MANY,), (1,), MANY)}, ZEROS, zipfile.ZIP_DEFLATED), PACKED),
    ("packed-pickle.pth", later(zipped, {**PARTS, PICKLE: ZEROS}, zipfile.ZIP_DEFLATED), PACKED),
    ("packed-more.pth", later(zipped, {**PARTS, "archive/x": ZEROS}, zipfile.ZIP_DEFLATED), PACKED),
    ("expanded.pth", pth(but(head__0__weight=ONES.expand(HUGE, HUGE))), SPREAD),
    ("expanded-legacy.pth", pth(but(head__0__weight=ONES.expand(HUGE, HUGE)), zipped=False), SPREAD),
    ("all-expanded.pth", pth(each(lambda w: ONES.expand(w.shape))), SPREAD),
    ("wide.pth", pth(each(lambda w: ONES.expand([HUGE if side == 4 else side for side in w.shape]))), SPREAD),
    ("strided.pth", forged({FIRST: Forged((HUGE, HUGE), (0, 0), 1)}, bytes(4)), SPREAD),
    ("beyond.pth", forged({FIRST: Forged((4, 3), (1, 1 << 40), 1)}, bytes(4)), f"{UNREADABLE}|{SPREAD}"),
    ("head-wide.pth", pth(but(head__0__weight=torch.zeros(100_000, 3, 3, 3))), "n_feats: must be at most"),
    ("long-header.safetensors", later(header, bytes(101_000_000)), NOT_SAFE),
)
# fmt: on

BOMBS = [CheckpointCase(*case) for case in _BOMBS]
CASES = [*_cut(), *(CheckpointCase(*case) for case in (*_RIGHT, *_WRONG, *_DAMAGED, *_HARMFUL)), *BOMBS]
