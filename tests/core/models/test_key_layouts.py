"""Checkpoints as other tools write them: prefixes, averaged weights, other names, and what lies beside."""

from __future__ import annotations

import argparse
import collections
import datetime
import json
import pathlib
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from fakd_core import create_model, load_model
from fakd_core.cli import main
from fakd_core.errors import CheckpointError, ConfigError
from fakd_core.models.checkpoint import load_checkpoint, save_pth
from fakd_core.models.layers import SRNetwork

Weights = Mapping[str, Tensor]


def make(architecture: str = "rcan", **sizes: Any) -> SRNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        usual: dict[str, Any] = {"scale": 4, "n_feats": 8, "n_resblocks": 2}
        if architecture == "rcan":
            usual |= {"n_resgroups": 2, "reduction": 4}
        return create_model(architecture, **{**usual, **sizes}).eval()


RCAN = make()
WEIGHTS: Weights = dict(RCAN.state_dict())
ZEROS = {key: tensor * 0 for key, tensor in WEIGHTS.items()}


def under(prefix: str, weights: Weights = WEIGHTS) -> dict[str, Tensor]:
    return {prefix + key: tensor for key, tensor in weights.items()}


def output(network: SRNetwork, side: int = 12) -> Tensor:
    image = 255 * torch.rand(1, 3, side, side + 5, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        return network(image)


def stored(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


LAYOUTS: Mapping[str, object] = {
    "BasicSR, average": {"params": ZEROS, "params_ema": WEIGHTS},
    "timm": {"epoch": 3, "arch": "rcan", "state_dict": ZEROS, "state_dict_ema": under("module.")},
    "Lightning": {
        "state_dict": under("model."),
        "epoch": 1,
        "optimizer_states": [{"state": {}}],
        "loops": {},
    },
    "Lightning, own prefix": {"state_dict": {**under("net_g."), "loss.vgg.weight": torch.ones(2, 2)}},
    "mmagic": {"meta": {}, "state_dict": {**under("generator."), "step_counter": torch.tensor(5)}},
    "mmagic, average": {"state_dict": {**under("generator.", ZEROS), **under("generator_ema.")}},
    "torch's AveragedModel": {"n_averaged": torch.tensor(7), **under("module.")},
    "ema-pytorch": {**under("online_model.", ZEROS), **under("ema_model."), "step": torch.tensor([2])},
    "average beside the rest": {"model": ZEROS, "ema": {"module": WEIGHTS, "updates": 9}, "optimizer": {}},
    "average in capitals": {"netG": ZEROS, "netG_EMA": WEIGHTS},
    "average of the prefix": {"state_dict": {**under("model.", ZEROS), **under("model_ema.")}},
    "compiled and parallel": under("_orig_mod.module."),
    "one prefix around another": {"state_dict": under("module.generator.")},
    "a counter within": {**WEIGHTS, "num_updates": torch.tensor(3)},
    "a network and a discriminator": {
        "G": dict(WEIGHTS),
        "D": {"conv0.weight": torch.ones(3, 3), "linear1.bias": torch.ones(1)},
    },
    "moments of an optimizer": {"model": WEIGHTS, "optimizer": {"exp_avg": ZEROS, "exp_avg_sq": ZEROS}},
    "a place in a sequence": {"state_dict": under("nets.0.")},
    "NumPy's arrays": {key: tensor.numpy() for key, tensor in WEIGHTS.items()},
    "numbers, paths and options beside": {
        "state_dict": WEIGHTS,
        "best": np.float64(31.2),
        "steps": np.int64(4),
        "history": np.arange(3),
        "args": argparse.Namespace(out=pathlib.Path("a"), lr=np.float32(1)),
        "paths": [pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("b")],
        "times": collections.defaultdict(list, {1: [datetime.datetime(2024, 1, 2)]}),
        "last": collections.deque([1, 2]),
        "metric": float,
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_right_weights_are_read(layout: str, tmp_path: Path) -> None:
    network = load_checkpoint(stored(tmp_path / "a.pth", LAYOUTS[layout]))
    assert all(torch.equal(tensor, WEIGHTS[key]) for key, tensor in network.state_dict().items())


def test_the_choice_among_several_is_said_and_can_be_made(tmp_path: Path) -> None:
    path = stored(tmp_path / "a.pth", LAYOUTS["timm"])
    (note,) = load_model(path).origin.notes
    assert re.search(r"of 2 networks .* the averaged one, state_dict_ema, is loaded; .* state_dict \(", note)
    plain = load_model(f"{path}@weights=state_dict")
    assert not any(tensor.any() for tensor in plain.state_dict().values())
    assert "state_dict, is loaded; it also has state_dict_ema" in plain.origin.notes[0]
    with pytest.raises(ConfigError, match="found 'params'; it has state_dict, state_dict_ema"):
        load_model(path, weights="params")


@pytest.mark.parametrize(
    "average", [{"shadow_params": [*WEIGHTS.values()]}, {"a.b": ZEROS["tail.1.bias"]}, {}]
)
def test_an_average_that_is_no_network_by_name_is_said(average: object, tmp_path: Path) -> None:
    content = {"model": WEIGHTS, "ema": average, "use_ema": True}
    notes = load_model(stored(tmp_path / "a.pth", content)).origin.notes
    assert len(notes) == bool(average)
    assert all("look like averaged weights" in note for note in notes)


def test_without_an_average_the_user_chooses(tmp_path: Path) -> None:
    path = stored(tmp_path / "a.pth", {**under("student.", ZEROS), **under("teacher.")})
    with pytest.raises(CheckpointError, match=r"holds 2 networks, student, teacher; choose .*@weights="):
        load_model(path)
    assert torch.equal(output(load_model(f"{path}@weights=teacher")), output(RCAN))


def test_what_lies_beside_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = {"state_dict": {**under("g."), "step_counter": torch.tensor(5)}, "optimizer": {"lr": 0.1}}
    assert (
        main(["info", str(stored(tmp_path / "a.pth", {**content, "best": np.float64(3), "epoch": 2}))]) == 0
    )
    shown = capsys.readouterr().out
    for beside in ("best", "epoch 2", "state_dict.step_counter 5", "optimizer.lr 0.1"):
        assert beside in shown


@pytest.mark.parametrize("name", ["numpy.load", "numpy._core.multiarray.fromfile", "argparse.ArgumentParser"])
def test_other_names_of_the_same_packages_are_refused(name: str, tmp_path: Path) -> None:
    module, _, attribute = name.rpartition(".")

    class Calls:
        def __reduce__(self) -> Any:
            return getattr(__import__(module, fromlist=[attribute]), attribute, np.fromfile), ("x",)

    with pytest.raises(CheckpointError, match="refused: it holds more than weights"):
        load_checkpoint(stored(tmp_path / "a.pth", {"state_dict": WEIGHTS, "x": Calls()}))


def test_objects_and_false_shapes_in_arrays_are_no_weights(tmp_path: Path) -> None:
    path = stored(tmp_path / "a.pth", {**WEIGHTS, "odd": np.array([None, {}], dtype=object)})
    assert load_checkpoint(path).origin.beside == ("odd",)


def in_unit_range(network: SRNetwork) -> dict[str, Tensor]:
    """The weights of the same network for 0..1; its gates, which aren't proportional, get 255 times more."""
    weights = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    for key in weights:
        if key.endswith(".bias") and "conv_du" not in key:
            weights[key] /= 255
        if "conv_du.0.weight" in key:
            weights[key] *= 255
    return weights


@pytest.mark.parametrize("architecture", ["rcan", "edsr"])
def test_the_value_range_is_read_from_the_mean_shift(architecture: str, tmp_path: Path) -> None:
    network = make(architecture)
    unit = load_checkpoint(stored(tmp_path / "unit.pth", in_unit_range(network)))
    assert unit.spec.value_range == 1
    assert "value_range" not in unit.origin.guessed
    torch.testing.assert_close(output(unit), output(network), rtol=1e-4, atol=1e-3)
    save_pth(unit, tmp_path / "again.pth")
    assert torch.equal(output(load_checkpoint(tmp_path / "again.pth")), output(unit))


@pytest.mark.parametrize("architecture", ["rcan", "edsr"])
def test_a_network_without_mean_shift_takes_0_to_1_unless_told(architecture: str, tmp_path: Path) -> None:
    bare = {key: tensor for key, tensor in make(architecture).state_dict().items() if "mean" not in key}
    path = stored(tmp_path / "a.pth", {"params_ema": bare})
    network = load_model(path)
    assert (network.spec.value_range, network.spec.mean_shift) == (1, False)
    assert "write @value_range=255 after the file" in network.origin.guessed["value_range"]
    told = load_model(f"{path}@value_range=255")
    assert "value_range" not in told.origin.guessed
    image = torch.rand(1, 3, 8, 9)
    with torch.inference_mode():
        torch.testing.assert_close(network(255 * image), 255 * told(image), rtol=1e-4, atol=1e-3)
    with pytest.raises(ConfigError, match="value_range: must be 255 or 1"):
        load_model(f"{path}@value_range=100")


@pytest.mark.parametrize("scale", [2, 4])
def test_rcan_with_pixel_unshuffle(scale: int, tmp_path: Path) -> None:
    """The form of traiNNer-redux and spandrel; odd sizes are padded, maps cover the image's pixels."""
    network = make(scale=scale, unshuffle=2, mean_shift=False, value_range=1)
    path = tmp_path / "a.pth"
    save_pth(network, path)
    assert "head.1.weight" in torch.load(path)
    loaded = load_model(path)
    assert loaded.spec == network.spec
    image = 255 * torch.rand(1, 3, 11, 14)
    with torch.inference_mode():
        sr, maps = loaded.forward_features(image)
        padded = F.pad(image, (0, 0, 0, 1), mode="reflect")
        folded = network.head[1](F.pixel_unshuffle(padded / 255, 2))
        torch.testing.assert_close(maps[0][..., ::2, ::2].shape, folded.shape)
        assert torch.equal(sr, loaded(image))
        assert torch.equal(sr, loaded(padded)[..., : 11 * scale, :])
    assert sr.shape == (1, 3, 11 * scale, 14 * scale)
    assert {tuple(each.shape) for each in maps} == {(1, 8, 11, 14)}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"head.0.weight": WEIGHTS["head.0.weight"][:, :1]}, "rcan takes 1 channel, expected 3"),
        ({"tail.1.weight": WEIGHTS["tail.1.weight"][:1]}, "rcan gives 1 channel, expected 3"),
        ({"head.0.weight": torch.ones(8, 4, 3, 3)}, "rcan takes 4 channels, expected 3"),
        (dict.fromkeys((key for key in WEIGHTS if key.startswith("tail.0.")), None), r"enlarge \(x1\)"),
    ],
)
def test_other_purposes_are_one_line(
    changes: Mapping[str, Tensor | None], reason: str, tmp_path: Path
) -> None:
    for bare in (False, True):
        weights = {key: value for key, value in {**WEIGHTS, **changes}.items() if value is not None}
        weights = {key: value for key, value in weights.items() if not (bare and "mean" in key)}
        with pytest.raises(CheckpointError, match=reason):
            load_checkpoint(stored(tmp_path / "a.pth", weights))


def basicsr(network: SRNetwork, upsampler: Callable[[int], str]) -> dict[str, Tensor]:
    """The weights under BasicSR's or mmagic's names, without the mean that their code adds."""
    weights = {}
    blocks = len(network.body) - 1  # type: ignore[arg-type]
    for key, tensor in network.state_dict().items():
        if "mean" in key:
            continue
        key = re.sub(r"^head\.0", "conv_first", key)
        key = re.sub(rf"^body\.{blocks}\.(?!body)", "conv_after_body.", key)
        key = re.sub(r"^tail\.1", "conv_last", key)
        key = re.sub(r"^tail\.0\.(\d+)", lambda match: upsampler(int(match[1])), key)
        key = re.sub(r"^(body\.\d+)\.body\.2\.(weight|bias)$", r"\1.LAST.\2", key)
        if network.spec.architecture == "rcan":
            key = key.replace(".LAST.", ".conv.")
            key = re.sub(r"^(body\.\d+)\.body\.(\d)\.body\.", r"\1.residual_group.\2.rcab.", key)
            key = key.replace("3.conv_du.0", "3.attention.1").replace("3.conv_du.2", "3.attention.3")
        else:
            key = key.replace(".LAST.", ".conv2.").replace(".body.0.", ".conv1.")
        weights[key] = tensor
    return weights


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("architecture", ["rcan", "edsr"])
def test_names_of_basicsr_and_mmagic(architecture: str, scale: int, tmp_path: Path) -> None:
    for upsampler in ("upsample.{0}".format, lambda place: f"upsample.{place // 2}.upsample_conv"):
        in_unit = architecture == "edsr" and "conv" in upsampler(0)  # mmagic has no RCAN
        network = make(architecture, scale=scale, value_range=1 if in_unit else 255)
        loaded = load_checkpoint(stored(tmp_path / "a.pth", {"params": basicsr(network, upsampler)}))
        assert loaded.origin.key_format == f"{'mmagic' if in_unit else 'BasicSR'}'s {architecture.upper()}"
        assert (loaded.spec.value_range, loaded.spec.mean_shift) == (network.spec.value_range, True)
        assert torch.equal(output(loaded), output(network))


def repacked(source: Path, path: Path, *, more: bytes = b"") -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        new.writestr(f"{source.stem}/more", more)
    return path


def test_a_compressed_archive_is_read_unless_it_unpacks_to_far_more(tmp_path: Path) -> None:
    source = stored(tmp_path / "a.pth", dict(WEIGHTS))
    loaded = load_checkpoint(repacked(source, tmp_path / "b.pth"))
    assert torch.equal(output(loaded), output(RCAN))
    with pytest.raises(CheckpointError, match=r"unpacks to \d+ times that; expected at most 4 times"):
        load_checkpoint(repacked(source, tmp_path / "c.pth", more=bytes(1_000_000)))


def amplifying_edsr(res_scale: float) -> SRNetwork:
    """An EDSR that enlarges as the nearest pixel does, if its residuals are scaled as they should be."""
    network = make("edsr", scale=2, n_resblocks=4, res_scale=res_scale)
    weights = {key: torch.zeros_like(tensor) for key, tensor in network.state_dict().items()}
    gain = (1 + res_scale) ** 4
    for channel in range(3):
        weights["head.0.weight"][channel, channel, 1, 1] = 1
        weights["head.0.bias"][channel] = 200
        for block in range(4):
            for layer in (0, 2):
                weights[f"body.{block}.body.{layer}.weight"][channel, channel, 1, 1] = 1
        # The long skip adds the head once more.
        weights["body.4.weight"][channel, channel, 1, 1] = 1
        for place in range(4):
            weights["tail.0.0.weight"][4 * channel + place, channel, 1, 1] = 1 / (gain + 1)
            weights["tail.0.0.bias"][4 * channel + place] = -200
        weights["tail.1.weight"][channel, channel, 1, 1] = 1
    weights |= {key: tensor for key, tensor in network.state_dict().items() if "mean" in key}
    network.load_state_dict(weights)
    return network


@pytest.mark.parametrize("res_scale", [0.1, 1.0])
def test_a_residual_scale_that_a_picture_shows_is_taken(res_scale: float, tmp_path: Path) -> None:
    save_pth(amplifying_edsr(res_scale), tmp_path / "a.pth")
    network = load_model(tmp_path / "a.pth")
    assert network.spec.model_dump()["res_scale"] == res_scale
    assert "nearer to bicubic" in network.origin.guessed["res_scale"]
    told = load_model(f"{tmp_path / 'a.pth'}@res_scale=0.3")
    assert told.spec.model_dump()["res_scale"] == 0.3
    assert not told.origin.guessed


def test_guesses_are_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.pth"
    save_pth(make("edsr", res_scale=0.1), path)
    assert main(["info", str(path)]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"res_scale +(0\.1|1\.0) \(guess\)", shown)
    assert "write @res_scale=VALUE after the file" in " ".join(shown.split())
    assert main(["info", f"{path}@res_scale=0.1"]) == 0
    shown = capsys.readouterr().out
    assert "(guess)" not in shown


def test_every_command_says_what_was_chosen_and_guessed(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = dict(make("edsr").state_dict())
    path = stored(tmp_path / "a.pth", {"state_dict": weights, "state_dict_ema": weights.copy()})
    assert main(["evaluate", "--model", str(path), "--data", str(photos), "--json"]) == 0
    outputs = capsys.readouterr()
    first, second = json.loads(outputs.out)["remarks"][str(path)]
    assert "state_dict_ema, is loaded" in first
    assert second.startswith("res_scale is a guess: ")
    assert "state_dict_ema, is loaded" in " ".join(outputs.err.split())
    image = str(next(photos.iterdir()))
    assert main(["upscale", image, "--model", f"{path}@res_scale=1", "--out", str(tmp_path / "o")]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "state_dict_ema, is loaded" in said
    assert "guess" not in said.replace(str(tmp_path), "")
