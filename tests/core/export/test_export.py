"""Exported models are read by other tools and give the same output there."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.torch_version import TorchVersion

from fakd_core import create_model, load_model
from fakd_core.errors import CheckpointError, ConfigError, ExportError
from fakd_core.events import Cancelled, CancelToken, Progress
from fakd_core.export import child_process, onnx
from fakd_core.export.checkpoints import Exported, export_model
from fakd_core.export.child_process import export_in_process
from fakd_core.export.onnx import Parity
from fakd_core.models.checkpoint import save_safetensors
from fakd_core.models.layers import SRNetwork
from fakd_core.models.presets import parse_sizes

SIZES = {
    "rcan": "rcan:n_feats=8,n_resgroups=3,n_resblocks=2,reduction=4",
    "edsr": "edsr:n_feats=8,n_resblocks=5,taps=2/4",
    "san": "san:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4",
}


def export(ref: str, path: Path, **options: Any) -> Parity | None:
    *_, end = export_model(ref, path, **options)
    assert isinstance(end, Exported)
    assert end.path == path
    return end.parity


@pytest.fixture
def model(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, SRNetwork]:
    """A network of the requested architecture, RCAN by default, and its file."""
    torch.manual_seed(5)
    network = create_model(parse_sizes(SIZES[getattr(request, "param", "rcan")], 4)).eval()
    path = tmp_path / "model.safetensors"
    save_safetensors(network, path)
    return str(path), network


def output_of(network: SRNetwork, image: Tensor) -> Tensor:
    with torch.inference_mode():
        return network(image)


@pytest.fixture
def image() -> Tensor:
    return torch.randint(0, 256, (2, 3, 21, 34), generator=torch.Generator().manual_seed(1)).float()


@pytest.mark.parametrize("model", SIZES, indirect=True)
@pytest.mark.parametrize("keys", ["authors", "fakd"])
def test_a_pth_is_read_back_with_either_naming(
    model: tuple[str, SRNetwork], keys: str, image: Tensor, tmp_path: Path
) -> None:
    path = tmp_path / "out.pth"
    export(model[0], path, keys=keys)
    stored = torch.load(path, weights_only=True)
    assert all(isinstance(tensor, Tensor) for tensor in stored.values())
    assert torch.equal(output_of(load_model(path), image), output_of(model[1], image))


def test_the_namings_are_the_authors_and_fakd_s(model: tuple[str, SRNetwork], tmp_path: Path) -> None:
    names = {}
    for keys in ("authors", "fakd"):
        export(model[0], tmp_path / f"{keys}.pth", keys=keys)
        names[keys] = set(torch.load(tmp_path / f"{keys}.pth", weights_only=True))
    assert {"body.2.body.1.body.0.weight", "body.3.bias"} <= names["authors"]
    assert {"body_group2.body.1.body.0.weight", "body_tail.bias"} <= names["fakd"]
    assert len(names["authors"]) == len(names["fakd"])


def test_an_existing_file_is_overwritten_only_on_request(
    model: tuple[str, SRNetwork], tmp_path: Path
) -> None:
    path = tmp_path / "best.safetensors"
    path.write_bytes(b"somebody's")
    with pytest.raises(ConfigError, match=r"already exists.*--force"):
        export(model[0], path)
    assert path.read_bytes() == b"somebody's"
    (tmp_path / "link.pth").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="already exists"):
        export(model[0], tmp_path / "link.pth")
    export(model[0], path, replace=True)
    assert load_model(path).spec == model[1].spec


def test_a_full_disk_is_one_line_and_leaves_nothing(
    model: tuple[str, SRNetwork], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 199808 vs 199696")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(CheckpointError, match="is the disk full"):
        export(model[0], tmp_path / "out.pth")
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_spandrel_opens_a_pth(
    model: tuple[str, SRNetwork], spandrel: ModuleType, image: Tensor, tmp_path: Path
) -> None:
    export(model[0], tmp_path / "out.pth")
    weights = torch.load(tmp_path / "out.pth", weights_only=True)
    descriptor = spandrel.ModelLoader().load_from_state_dict(weights)
    assert (descriptor.architecture.name, descriptor.scale) == ("RCAN", 4)
    with torch.inference_mode():
        found = 255 * descriptor(image[:1] / 255)
    # spandrel clips its output.
    expected = output_of(model[1], image[:1]).clamp(0, 255)
    assert (found.clamp(0, 255) - expected).abs().max() < 0.01


def test_safetensors_have_their_origin_in_the_metadata(tmp_path: Path, model: tuple[str, SRNetwork]) -> None:
    export(model[0], tmp_path / "out.safetensors")
    with safe_open(tmp_path / "out.safetensors", "pt") as file:
        notes: Mapping[str, str] = file.metadata()
    assert notes["scale"] == "4"
    assert "torch" in notes["made_with"]
    assert "terms" in notes["licence"]
    assert load_model(tmp_path / "out.safetensors").spec == model[1].spec


@pytest.mark.parametrize("model", SIZES, indirect=True)
def test_onnx_computes_the_same_at_any_size(model: tuple[str, SRNetwork], tmp_path: Path) -> None:
    pytest.importorskip("torch", minversion="2.13")
    onnxruntime = pytest.importorskip("onnxruntime")
    parity = export(model[0], tmp_path / "out.onnx")
    assert parity is not None
    assert parity.difference < 0.01
    session = onnxruntime.InferenceSession(str(tmp_path / "out.onnx"))
    for shape in ((1, 3, 9, 50), (3, 3, 31, 6)):
        given = torch.rand(shape) * 255
        found = session.run(None, {"image": given.numpy()})[0]
        np.testing.assert_allclose(found, output_of(model[1], given), atol=0.01)
    facts = session.get_modelmeta().custom_metadata_map
    assert (facts["value_range"], facts["scale"], facts["opset"]) == ("0..255", "4", str(parity.opset))
    assert parity.opset <= 15, "what older runtimes read"


def test_an_opset_can_be_chosen(model: tuple[str, SRNetwork], tmp_path: Path) -> None:
    pytest.importorskip("torch", minversion="2.13")
    onnx = pytest.importorskip("onnx")
    for opset in (17, 20):
        parity = export(model[0], tmp_path / f"{opset}.onnx", opset=opset)
        assert parity is not None
        imported = onnx.load(tmp_path / f"{opset}.onnx").opset_import
        assert [(one.domain, one.version) for one in imported] == [("", opset)]
    with pytest.raises(ConfigError, match="opset: expected 11 to 23, found 7"):
        export(model[0], tmp_path / "7.onnx", opset=7)


@pytest.mark.parametrize("model", ["edsr"], indirect=True)
def test_a_pth_that_would_be_read_otherwise_is_noted(model: tuple[str, SRNetwork], tmp_path: Path) -> None:
    *_, end = export_model(model[0], tmp_path / "out.pth")
    assert isinstance(end, Exported)
    assert "would be read with taps=1/3; name it as out.pth@taps=2/4, or export .safetensors" in end.note
    network = create_model("edsr", scale=4, n_feats=8, n_resblocks=3, res_scale=0.25)
    save_safetensors(network, tmp_path / "scaled.safetensors")
    *_, end = export_model(str(tmp_path / "scaled.safetensors"), tmp_path / "scaled.pth")
    assert isinstance(end, Exported)
    assert "scaled.pth@res_scale=0.25" in end.note
    usual = create_model("rcan", scale=4, n_feats=8, n_resgroups=2, n_resblocks=1, reduction=4)
    save_safetensors(usual, tmp_path / "usual.safetensors")
    assert list(export_model(str(tmp_path / "usual.safetensors"), tmp_path / "usual.pth")) == [
        Exported(tmp_path / "usual.pth")
    ]


def test_onnx_in_half_precision_for_values_up_to_one(
    model: tuple[str, SRNetwork], image: Tensor, tmp_path: Path
) -> None:
    pytest.importorskip("torch", minversion="2.13")
    onnxruntime = pytest.importorskip("onnxruntime")
    export(model[0], tmp_path / "out.onnx", half=True, value_range=1)
    session = onnxruntime.InferenceSession(str(tmp_path / "out.onnx"))
    found = session.run(None, {"image": (image / 255).half().numpy()})[0]
    assert found.dtype == np.float16
    np.testing.assert_allclose(255.0 * found.astype(np.float32), output_of(model[1], image), atol=2)
    facts = session.get_modelmeta().custom_metadata_map
    assert (facts["value_range"], facts["precision"]) == ("0..1", "float16")


def test_an_onnx_file_that_computes_something_else_is_not_kept(
    model: tuple[str, SRNetwork], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", minversion="2.13")
    pytest.importorskip("onnxruntime")

    def other(*arguments: Any) -> nn.Module:
        network = wrap(*arguments)
        for weights in network.parameters():
            weights.zero_()
        return network

    wrap = onnx._wrap
    monkeypatch.setattr(onnx, "_wrap", other)
    with pytest.raises(ExportError, match=r"something else.*nothing was written"):
        export(model[0], tmp_path / "out.onnx")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors"]


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("out.bin", {}, "ends in .safetensors, .pth, .onnx, found .bin"),
        ("out", {}, "found no suffix"),
        ("out.pth", {"half": True}, "ONNX's"),
        ("out.safetensors", {"keys": "fakd"}, "for .pth only"),
        ("out.pth", {"keys": "mine"}, "authors or fakd, found 'mine'"),
        ("out.onnx", {"value_range": 2}, "255 or 1, found 2"),
        ("model.safetensors", {}, "is the model itself"),
    ],
)
def test_options_that_don_t_fit_together_are_refused(
    model: tuple[str, SRNetwork], name: str, options: dict[str, object], expected: str, tmp_path: Path
) -> None:
    before = Path(model[0]).read_bytes()
    with pytest.raises(ConfigError, match=expected):
        export(model[0], tmp_path / name, **options)
    assert Path(model[0]).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_the_file_of_a_run_s_student_has_its_training_settings(
    photos: Path, small_teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fakd_core.runs.config import TrainConfig
    from fakd_core.training.trainer import train

    settings = {"steps": 2, "batch": 1, "patch": 12, "val_images": 1, "distill": "10*SA"}
    config = TrainConfig.build(
        teacher=str(small_teacher), student=SIZES["rcan"], train_data=photos, run=tmp_path / "run", **settings
    )
    list(train(config))
    # Also of one that is named by its place in the home folder.
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    export("~/run", tmp_path / "out.safetensors")
    with safe_open(tmp_path / "out.safetensors", "pt") as file:
        training = json.loads(file.metadata()["training"])
    assert training["student"] == [SIZES["rcan"]]
    assert (training["steps"], training["distill"], training["teacher"]) == (2, "10*SA", [small_teacher.name])
    assert str(tmp_path) not in json.dumps(training)


def test_an_older_torch_is_named(
    model: tuple[str, SRNetwork], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.12.1"))
    with pytest.raises(ConfigError, match=r"ONNX needs torch 2\.13 or newer, found 2\.12\.1: pip install"):
        export(model[0], tmp_path / "out.onnx")


def test_a_stopped_export_leaves_nothing(model: tuple[str, SRNetwork], tmp_path: Path) -> None:
    pytest.importorskip("torch", minversion="2.13")
    pytest.importorskip("onnxruntime")
    token = CancelToken()
    stages: list[str] = []

    def follow() -> None:
        for event in export_model(model[0], tmp_path / "out.onnx", cancel=token):
            assert isinstance(event, Progress)
            stages.append(event.what)
            if event.what.startswith("comparing"):
                token.cancel()

    with pytest.raises(Cancelled):
        follow()
    assert stages == ["tracing the network", "comparing with torch"]
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_child_process_yields_and_raises_the_same(model: tuple[str, SRNetwork], tmp_path: Path) -> None:
    path = tmp_path / "out.pth"
    assert list(export_in_process(model[0], path, {"keys": "fakd"}, cancel=CancelToken())) == [Exported(path)]
    with pytest.raises(ConfigError, match="already exists") as raised:
        list(export_in_process(model[0], path, {}, cancel=CancelToken()))
    assert "in export_model" in raised.value.__notes__[0], "the child's traceback"


def send_a_stage_and_ignore_sigterm(sender: Connection, ref: str, path: Path, options: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    path.with_name(f".{path.stem}.0123abcd{path.suffix}").touch()
    sender.send(Progress(0, 2, "tracing the network"))
    time.sleep(600)


def end_at_once(sender: Connection, *_: object) -> None:
    os._exit(7)


@pytest.fixture
def run_in_child(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., None]], None]:
    """Let the child process of an export do something else, and have it killed soon."""
    monkeypatch.setattr(child_process, "MAX_STOP_SECONDS", 0.3)
    return lambda work: monkeypatch.setattr(child_process, "_export", work)


def test_a_stopped_child_process_is_killed_if_necessary_and_leaves_nothing(
    tmp_path: Path, run_in_child: Callable[[Callable[..., None]], None]
) -> None:
    run_in_child(send_a_stage_and_ignore_sigterm)
    token = CancelToken()
    events = export_in_process("model", tmp_path / "out.onnx", {}, cancel=token)
    assert next(events) == Progress(0, 2, "tracing the network")
    assert len(multiprocessing.active_children()) == 1
    token.cancel()
    with pytest.raises(Cancelled):
        next(events)
    assert multiprocessing.active_children() == []
    assert not list(tmp_path.iterdir())


def write_and_never_end(sender: Connection, ref: str, path: Path, options: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sender.send(Exported(path))
    time.sleep(600)


def test_a_child_process_that_does_not_end_after_its_export_is_killed(
    tmp_path: Path, run_in_child: Callable[[Callable[..., None]], None]
) -> None:
    run_in_child(write_and_never_end)
    path = tmp_path / "out.onnx"
    assert list(export_in_process("model", path, {}, cancel=CancelToken())) == [Exported(path)]
    assert multiprocessing.active_children() == []


def test_a_child_process_that_dies_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "_export", end_at_once)
    with pytest.raises(ExportError, match=r"ended unexpectedly \(exit code 7\)"):
        list(export_in_process("model", tmp_path / "out.onnx", {}, cancel=CancelToken()))
