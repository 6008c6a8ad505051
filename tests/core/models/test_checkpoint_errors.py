"""Weight files that must not load give one clear error each, and nothing loads partly."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from fakd_core.errors import CheckpointError, ConfigError, UnsupportedArchitectureError
from fakd_core.models.checkpoint import load_checkpoint, save_pth, save_safetensors
from fakd_core.models.factory import create_model, create_spec
from fakd_core.models.layers import SRNetwork
from fakd_core.models.weight_files import read_weights

TINY = {"n_feats": 8, "n_resgroups": 2, "n_resblocks": 1, "reduction": 4}


@pytest.fixture
def tiny() -> SRNetwork:
    torch.manual_seed(0)
    return create_model("rcan", **TINY)


def weights_of(model: SRNetwork) -> dict[str, Tensor]:
    return dict(model.state_dict())


def test_every_wrong_key_is_listed_in_one_error(tmp_path: Path, tiny: SRNetwork) -> None:
    weights = weights_of(tiny)
    del weights["tail.1.bias"], weights["body.1.body.1.weight"]
    weights["extra.weight"] = torch.zeros(1)
    weights["head.0.bias"] = torch.zeros(9)
    path = tmp_path / "model.pth"
    torch.save({f"module.{key}": tensor for key, tensor in weights.items()}, path)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    message = str(caught.value)
    assert "2 missing: body.1.body.1.weight, tail.1.bias" in message
    assert "1 unexpected: extra.weight" in message
    assert "1 misshapen: head.0.bias (expected (8,), found (9,))" in message


def test_wrong_keys_are_named_as_in_the_file_and_long_lists_are_shortened(
    shared: Any, tmp_path: Path
) -> None:
    weights, _ = read_weights(shared("golden/rcan_x4_student.pt"))
    weights["body_group3.body.1.bias"] = torch.zeros(2)
    weights |= {f"stray{number:02}": torch.zeros(1) for number in range(15)}
    path = tmp_path / "model.pth"
    torch.save(weights, path)
    with pytest.raises(
        CheckpointError, match=r"15 unexpected: stray00.*stray11 \.\.\. and 3 more;"
    ) as caught:
        load_checkpoint(path)
    assert "body_group3.body.1.bias (expected (16,), found (2,))" in str(caught.value)


def test_code_is_named_and_never_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    path = tmp_path / "evil.pth"
    torch.save({"state_dict": {}, "x": Evil()}, path)
    with pytest.raises(CheckpointError, match=r"refused.*posix\.system"):
        read_weights(path)
    plain = tmp_path / "plain.pth"
    plain.write_bytes(pickle.dumps(Evil(), protocol=4))
    with pytest.raises(CheckpointError):
        read_weights(plain)
    assert not (tmp_path / "ran").exists()


def test_infinite_and_nan_values_are_refused(tmp_path: Path, tiny: SRNetwork) -> None:
    weights = weights_of(tiny)
    weights["tail.1.bias"] = torch.full_like(weights["tail.1.bias"], float("nan"))
    torch.save(weights, tmp_path / "model.pth")
    with pytest.raises(CheckpointError, match=r"NaN values in tail\.1\.bias"):
        load_checkpoint(tmp_path / "model.pth")


def test_absurd_sizes_in_our_metadata_are_refused(tmp_path: Path, tiny: SRNetwork) -> None:
    path = tmp_path / "model.safetensors"
    spec = tiny.spec.model_copy(update={"n_feats": 999_999_999}).model_dump_json()
    safetensors.torch.save_file(weights_of(tiny), path, {"fakd_spec": spec})
    with pytest.raises(CheckpointError, match="absurd"):
        load_checkpoint(path)


def test_a_saved_model_has_the_permissions_of_other_files(tmp_path: Path, tiny: SRNetwork) -> None:
    (tmp_path / "other").touch()
    save_safetensors(tiny, tmp_path / "model.safetensors")
    assert (tmp_path / "model.safetensors").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_our_metadata_is_still_checked_against_the_weights(tmp_path: Path, tiny: SRNetwork) -> None:
    path = tmp_path / "model.safetensors"
    claim = {"fakd_spec": create_spec("rcan", **{**TINY, "n_resgroups": 3}).model_dump_json()}
    safetensors.torch.save_file(weights_of(tiny), path, claim)
    with pytest.raises(CheckpointError, match=r"missing: body\.2\.body"):
        load_checkpoint(path)
    for claimed in ('{"architecture": "edsr"}', "not json", '{"n_resgroups": 0}'):
        safetensors.torch.save_file(weights_of(tiny), path, {"fakd_spec": claimed})
        with pytest.raises(CheckpointError, match="sizes make no sense"):
            load_checkpoint(path)


@pytest.mark.parametrize(
    "needed", ["head.0.weight", "tail.0.0.weight", "body.0.body.0.body.3.conv_du.0.weight"]
)
def test_a_weight_needed_for_the_sizes_is_missing(tmp_path: Path, tiny: SRNetwork, needed: str) -> None:
    weights = weights_of(tiny)
    del weights[needed]
    path = tmp_path / "model.pth"
    torch.save(weights, path)
    with pytest.raises(CheckpointError, match=f"looks like rcan, but lacks {needed}"):
        load_checkpoint(path)


def test_mixed_formats_impossible_sizes_and_integers_are_refused(tmp_path: Path, tiny: SRNetwork) -> None:
    path = tmp_path / "model.pth"
    weights = weights_of(tiny)
    deep = {f"body.{10**9}.body.0.body.0.weight": torch.zeros(1)}
    for content, reason in (
        (weights | deep, "sizes make no sense"),
        (weights | {"head.0.weight": torch.zeros(())}, "sizes make no sense"),
        (weights | {"head.0.bias": torch.zeros(8, dtype=torch.int8)}, "floating-point.*head.0.bias"),
    ):
        torch.save(content, path)
        with pytest.raises(CheckpointError, match=reason):
            load_checkpoint(path)
    fakd = {key.replace("body.0.body.", "body_group0.body.", 1): tensor for key, tensor in weights.items()}
    torch.save(fakd | weights, path)
    with pytest.raises(CheckpointError):
        load_checkpoint(path)


def test_keys_of_another_network(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"layers.0.attn.qkv.weight": torch.zeros(3), "conv_first.bias": torch.zeros(1)}, path)
    with pytest.raises(UnsupportedArchitectureError, match=r"edsr, rcan, san.*conv_first\.bias, layers\.0"):
        load_checkpoint(path)


class Reducer:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("never"),))


def test_a_file_that_would_run_code_is_refused(tmp_path: Path, tiny: SRNetwork, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pth"
    torch.save({"state_dict": weights_of(tiny), "payload": Reducer()}, path)
    with pytest.raises(CheckpointError, match=r"refused: .* more than weights \((builtins\.)?getattr\)"):
        load_checkpoint(path)
    torch.save(tiny, path)
    with pytest.raises(CheckpointError, match=r"refused.*fakd_core\.models\.rcan\.RCAN"):
        load_checkpoint(path)
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"hello, this is text\n", b"PK\x03\x04garbage", b"\x80\x02}q\x00", b"\x00" * 99]
)
def test_damaged_files(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="not a readable"):
        load_checkpoint(path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_truncated_file(tmp_path: Path, tiny: SRNetwork, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    (save_safetensors if suffix == ".safetensors" else save_pth)(tiny, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CheckpointError, match="not a readable"):
        load_checkpoint(path)


def test_files_that_are_no_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    for content, name in (([torch.zeros(1)], "list.pth"), ({"epoch": 3}, "state.pth"), ({}, "empty.pth")):
        torch.save(content, tmp_path / name)
    for name, reason in (
        ("missing.pth", "no such file"),
        (".", "a folder"),
        ("notes.txt", "must end in"),
        ("list.pth", "expected a state dict, found list"),
        ("state.pth", "found only epoch"),
        ("empty.pth", "holds no weights"),
    ):
        with pytest.raises(CheckpointError, match=reason):
            load_checkpoint(tmp_path / name)


def test_unknown_and_impossible_overrides(tmp_path: Path, tiny: SRNetwork) -> None:
    path = tmp_path / "model.pth"
    save_pth(tiny, path)
    with pytest.raises(ConfigError, match="rcan has no setting res_scale"):
        load_checkpoint(path, res_scale=1.0)
    with pytest.raises(ConfigError, match="taps"):
        load_checkpoint(path, taps=(2, 9))
    with pytest.raises(CheckpointError, match="misshapen"):
        load_checkpoint(path, n_feats=16)
