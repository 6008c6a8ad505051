"""Every key format loads, and saved models load equal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from torch import Tensor

from fakd_core.errors import CheckpointError
from fakd_core.models.checkpoint import load_checkpoint, recognise, save_pth, save_safetensors
from fakd_core.models.edsr import _fakd_key, _from_fakd
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


def assert_same(first: SRNetwork, second: SRNetwork) -> None:
    ours, theirs = first.state_dict(), second.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


@st.composite
def specs(draw: st.DrawFn) -> Any:
    name = draw(st.sampled_from(["edsr", "rcan", "san"]))
    sizes: dict[str, Any] = {
        "scale": draw(st.sampled_from([2, 3, 4, 8])),
        "n_feats": draw(st.sampled_from([8, 12, 16])),
        "n_resblocks": draw(st.integers(1, 3)),
    }
    if name == "edsr":
        return create_spec(name, **sizes)
    reduction = draw(st.sampled_from([2, 4]))
    return create_spec(name, **sizes, n_resgroups=draw(st.integers(1, 4)), reduction=reduction)


@settings(max_examples=25, deadline=None)
@given(spec=specs(), suffix=st.sampled_from([".ckpt", ".pth", ".pt", ".safetensors"]))
def test_build_save_load_is_equal(tmp_path_factory: pytest.TempPathFactory, spec: Any, suffix: str) -> None:
    """Specs whose sizes a plain .pth shows by its shapes alone."""
    model = create_model(spec)
    path = tmp_path_factory.mktemp("saved") / f"model{suffix}"
    (save_safetensors if suffix == ".safetensors" else save_pth)(model, path)
    loaded = load_checkpoint(path)
    assert loaded.spec == spec
    assert not loaded.training
    assert all(parameter.requires_grad for parameter in loaded.parameters())
    assert_same(model, loaded)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_our_files_have_what_shapes_do_not_show(tmp_path: Path) -> None:
    model = create_model("edsr", n_feats=8, n_resblocks=6, res_scale=0.25, taps=(1, 5))
    path = tmp_path / "model.safetensors"
    save_safetensors(model, path)
    assert load_checkpoint(path).spec == model.spec
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    assert metadata["format"] == "pt"
    assert json.loads(metadata["fakd_spec"])["res_scale"] == 0.25
    assert load_checkpoint(path, res_scale=0.5, taps=(2, 3)).spec == model.spec.model_copy(
        update={"res_scale": 0.5, "taps": (2, 3)}
    )


@pytest.mark.parametrize(("n_feats", "res_scale"), [(256, 0.1), (8, 1.0)])
def test_residual_scale_of_other_files_is_the_papers_for_the_width(
    tmp_path: Path, n_feats: int, res_scale: float
) -> None:
    path = tmp_path / "model.pth"
    save_pth(create_model("edsr", n_feats=n_feats, n_resblocks=1, scale=2), path)
    assert load_checkpoint(path).spec.model_dump()["res_scale"] == res_scale
    assert load_checkpoint(path, res_scale=0.7).spec.model_dump()["res_scale"] == 0.7


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "module.model."])
@pytest.mark.parametrize("nest", [(), ("state_dict",), ("params",), ("params_ema",), ("model", "state_dict")])
def test_prefixes_and_nesting(tmp_path: Path, tiny: SRNetwork, prefix: str, nest: tuple[str, ...]) -> None:
    content: Any = {prefix + key: tensor for key, tensor in weights_of(tiny).items()}
    for name in reversed(nest):
        content = {name: content, "epoch": 3}
    path = tmp_path / "model.pth"
    torch.save(content, path)
    assert_same(load_checkpoint(path), tiny)


def test_the_averaged_weights_are_preferred(tmp_path: Path, tiny: SRNetwork) -> None:
    path = tmp_path / "model.pth"
    raw = {key: tensor + 1 for key, tensor in weights_of(tiny).items()}
    torch.save({"params": raw, "params_ema": weights_of(tiny)}, path)
    assert_same(load_checkpoint(path), tiny)


@pytest.mark.parametrize(
    ("name", "key_format"),
    [
        ("rcan_x4_teacher", "FAKD RCAN"),
        ("rcan_x4_teacher_eccv18_keys", "RCAN authors'"),
        ("san_x4_student", "SAN authors'"),
        ("edsr_x2_teacher", "FAKD EDSR"),
    ],
)
def test_every_key_format_is_recognised_and_round_trips(
    shared: Any, tmp_path: Path, name: str, key_format: str
) -> None:
    source = shared(f"golden/{name}.pt")
    assert recognise(source, read_weights(source)[0])[1].name == key_format
    model, path = load_checkpoint(source), tmp_path / "native.pth"
    save_pth(model, path)
    assert recognise(path, read_weights(path)[0])[1].name.endswith("authors'")
    assert_same(load_checkpoint(path), model)
    stored = read_weights(source)[0]
    assert len(stored) == len(model.state_dict())
    assert sum(t.double().sum() for t in stored.values()).item() == pytest.approx(
        sum(t.double().sum() for t in weights_of(model).values()).item()
    )


def test_half_precision_files_become_float32(tmp_path: Path, tiny: SRNetwork) -> None:
    path = tmp_path / "half.pth"
    torch.save({key: tensor.half() for key, tensor in weights_of(tiny).items()}, path)
    assert {tensor.dtype for tensor in load_checkpoint(path).state_dict().values()} == {torch.float32}


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, tiny: SRNetwork, monkeypatch: Any) -> None:
    path = tmp_path / "model.safetensors"
    save_safetensors(tiny, path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(CheckpointError, match="No space left"):
        save_safetensors(tiny, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_channels_last_weights_are_saved_contiguous(tmp_path: Path, tiny: SRNetwork) -> None:
    path = tmp_path / "model.safetensors"
    save_safetensors(tiny.to(memory_format=torch.channels_last), path)
    assert_same(load_checkpoint(path), tiny)


def test_a_part_of_fakds_body_may_be_empty() -> None:
    names = _from_fakd(["body1.0.body.0.weight", "body1.1.body.0.weight", "body3.0.body.0.weight"])
    assert list(names.values()) == [f"body.{number}.body.0.weight" for number in range(3)]


def test_fakds_body_is_split_after_a_third_and_two_thirds_of_the_blocks() -> None:
    for blocks, parts in ((9, "111222333"), (32, "1" * 10 + "2" * 11 + "3" * 11)):
        keys = [f"body.{number}.body.0.weight" for number in range(blocks)]
        split = [_fakd_key(key, create_spec("edsr", n_resblocks=blocks)) for key in keys]
        assert "".join(key[4] for key in split) == parts
        assert list(_from_fakd(split).values()) == keys
