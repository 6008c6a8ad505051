"""Laws that every registered network keeps, and the published sizes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_networks import SCALES, SMALL, lively
from torch import Tensor, nn

from fakd_core.errors import ConfigError, DataError, UnsupportedArchitectureError
from fakd_core.models.architecture import Architecture
from fakd_core.models.factory import create_model, create_spec, find_architecture, list_architectures
from fakd_core.models.layers import SRNetwork
from fakd_core.models.presets import parse_sizes, preset_spec
from fakd_core.plugins import Registry


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", ["edsr", "rcan", "san"])
def test_tapped_and_plain_forward_agree(name: str, scale: int) -> None:
    torch.manual_seed(scale)
    model = lively(create_model(name, scale=scale, **SMALL[name]))
    lr = torch.rand(2, 3, 9, 6) * 255
    with torch.no_grad():
        sr, maps = model.forward_features(lr)
        assert torch.equal(sr, model(lr))
    assert sr.shape == (2, 3, 9 * scale, 6 * scale)
    assert [tuple(feature_map.shape) for feature_map in maps] == [(2, 8, 9, 6)] * 4


@pytest.mark.parametrize("name", ["edsr", "rcan", "san"])
def test_maps_share_no_memory_and_input_is_untouched(name: str) -> None:
    torch.manual_seed(0)
    model = lively(create_model(name, **SMALL[name]))
    lr = torch.rand(1, 3, 8, 8) * 255
    before = lr.clone()
    with torch.no_grad():
        sr, maps = model.forward_features(lr)
    assert torch.equal(lr, before)
    assert len({tensor.data_ptr() for tensor in (lr, sr, *maps)}) == 6


@pytest.mark.parametrize("name", ["edsr", "rcan", "san"])
def test_taps_are_the_maps_after_the_named_groups(name: str) -> None:
    torch.manual_seed(1)
    lr = torch.rand(1, 3, 8, 8) * 255
    first = lively(create_model(name, taps=(1, 2), **SMALL[name]))
    second = create_model(name, taps=(2, 3), **SMALL[name]).eval()
    second.load_state_dict(first.state_dict())
    with torch.no_grad():
        maps, shifted = first.forward_features(lr)[1], second.forward_features(lr)[1]
    assert torch.equal(maps[2], shifted[1])
    assert not torch.equal(maps[1], shifted[1])
    assert torch.equal(maps[3], shifted[3])


@pytest.mark.parametrize("name", ["edsr", "rcan", "san"])
def test_memory_layout_and_bf16_autocast_change_only_roundings(name: str) -> None:
    torch.manual_seed(2)
    model = lively(create_model(name, **SMALL[name]))
    lr = torch.rand(1, 3, 12, 10) * 255
    with torch.no_grad():
        plain = model(lr)
        last = model.to(memory_format=torch.channels_last)(lr.to(memory_format=torch.channels_last))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = model(lr)
    assert torch.allclose(last, plain, rtol=1e-3, atol=1e-2)
    assert half.dtype == torch.float32
    assert torch.isfinite(half).all()


FORMS = [(training, fused) for training in (False, True) for fused in (False, True)]
NEVER_CALLED = {"san": ("conv_last", "non_local.soca")}
"""Modules that published weights have and no forward pass uses."""


def outputs(model: SRNetwork, lr: Tensor) -> list[Tensor]:
    with torch.no_grad():
        sr, maps = model.forward_features(lr)
    return [sr, *maps]


@pytest.mark.parametrize(("training", "fused"), FORMS)
@pytest.mark.parametrize("scale", [3, 4])
@pytest.mark.parametrize("name", list_architectures())
def test_hooks_of_every_module_fire_in_every_form(name: str, scale: int, training: bool, fused: bool) -> None:
    torch.manual_seed(3)
    model = lively(create_model(name, scale=scale, **SMALL[name]))
    lr = torch.rand(1, 3, 9, 10) * 255
    expected = outputs(model.fuse(False), lr)
    model.train(training).fuse(fused)
    for found, value in zip(outputs(model, lr), expected, strict=True):
        torch.testing.assert_close(found, value, rtol=1e-4, atol=1e-3)
    entered, left = set(), set()
    modules = {path: module for path, module in model.named_modules() if path}
    for path, module in modules.items():
        module.register_forward_pre_hook(lambda *_, path=path: entered.add(path))
        module.register_forward_hook(lambda *_, path=path: left.add(path))
    for found, value in zip(outputs(model, lr), expected, strict=True):
        torch.testing.assert_close(found, value, rtol=1e-4, atol=1e-3)
    unused = NEVER_CALLED.get(name, ())
    called = {
        path
        for path, module in modules.items()
        if not isinstance(module, nn.ModuleList) and not path.startswith(unused)
    }
    assert entered == left == called


@pytest.mark.parametrize("name", list_architectures())
def test_a_hook_on_one_module_fires_and_may_change_its_output(name: str) -> None:
    torch.manual_seed(4)
    model = lively(create_model(name, **SMALL[name]))
    lr = torch.rand(1, 3, 8, 8) * 255
    plain = model(lr)
    to_rgb = model.get_submodule("tail.1")
    with to_rgb.register_forward_hook(lambda module, inputs, output: 2 * output):
        changed = model(lr)
    tail = 2 * (plain - model.add_mean(torch.zeros_like(plain)))
    torch.testing.assert_close(changed, model.add_mean(tail), rtol=1e-4, atol=1e-3)
    assert torch.equal(model(lr), plain)


def test_hooks_on_all_modules_fire(monkeypatch: pytest.MonkeyPatch) -> None:
    model = create_model("rcan", **SMALL["rcan"]).eval()
    called: Counter[str] = Counter()
    handle = torch.nn.modules.module.register_module_forward_hook(
        lambda module, inputs, output: called.update([type(module).__name__])
    )
    with handle:
        model(torch.rand(1, 3, 8, 8))
    assert (called["ChannelAttention"], called["PixelShuffle"], called["Sigmoid"]) == (6, 2, 6)


@pytest.mark.parametrize("name", list_architectures())
def test_the_form_does_not_depend_on_the_gradient_mode(name: str) -> None:
    torch.manual_seed(5)
    model = create_model(name, **SMALL[name])
    lr = torch.rand(1, 3, 8, 8) * 255
    for training in (False, True):
        learning = model.train(training)(lr)
        with torch.no_grad():
            assert torch.equal(model(lr), learning)
        with torch.inference_mode():
            assert torch.equal(model(lr), learning)


@pytest.mark.parametrize("name", SMALL)
def test_mean_shift_is_exact_in_autocast_and_not_trained(name: str) -> None:
    model = create_model(name, **SMALL[name])
    lr = torch.full((1, 3, 4, 4), 201.3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        shifted = model.sub_mean(lr)
    mean = torch.tensor([0.4488, 0.4371, 0.4040]) * 255
    assert torch.allclose(shifted[0, :, 0, 0], 201.3 - mean, atol=1e-4)
    assert torch.allclose(model.add_mean(shifted), lr, atol=1e-4)
    assert not {"sub_mean.weight", "add_mean.bias"} & dict(model.named_parameters()).keys()
    assert {"sub_mean.weight", "add_mean.bias"} <= model.state_dict().keys()


@pytest.mark.parametrize(
    ("preset", "millions"),
    [
        ("rcan-paper-teacher", "15.59"),
        ("rcan-paper-student", "5.17"),
        ("san-paper-teacher", "15.86"),
        ("san-paper-student", "5.00"),
        ("edsr-paper-teacher", "43.09"),
        ("edsr-paper-student", "1.52"),
    ],
)
def test_parameter_counts_are_as_published(preset: str, millions: str) -> None:
    with torch.device("meta"):
        model = create_model(preset_spec(preset, scale=4))
    assert f"{sum(parameter.numel() for parameter in model.parameters()) / 1e6:.2f}" == millions


@pytest.mark.parametrize(
    ("text", "taps"),
    [
        ("rcan", (3, 7)),
        ("rcan:n_resgroups=1", (1, 1)),
        ("rcan:n_resgroups=2", (1, 2)),
        ("rcan:n_resgroups=5", (2, 4)),
        ("san", (7, 14)),
        ("san:n_resgroups=6", (2, 4)),
        ("san:n_resgroups=2", (1, 2)),
        ("edsr:n_resblocks=32", (10, 21)),
        ("edsr", (5, 10)),
        ("edsr:n_resblocks=1", (1, 1)),
        ("edsr:taps=3/9", (3, 9)),
    ],
)
def test_default_taps_are_the_papers_fractions(text: str, taps: tuple[int, int]) -> None:
    assert parse_sizes(text, scale=4).taps == taps


@given(name=st.sampled_from(["edsr", "rcan", "san"]), depth=st.integers(1, 100))
def test_default_taps_are_always_valid(name: str, depth: int) -> None:
    count = "n_resblocks" if name == "edsr" else "n_resgroups"
    spec = create_spec(name, **{count: depth})
    assert 1 <= spec.taps[0] <= spec.taps[1] <= depth
    assert spec.taps[0] < spec.taps[1] or depth == 1
    assert type(spec).model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("name", "sizes", "reason"),
    [
        ("rcan", {"taps": (7, 3)}, "taps"),
        ("rcan", {"taps": (3, 11)}, "taps"),
        ("edsr", {"taps": (4, 4)}, "taps"),
        ("rcan", {"scale": 5}, "scale"),
        ("rcan", {"n_feats": 0}, "n_feats"),
        ("rcan", {"n_feats": 8}, "reduction"),
        ("san", {"n_feats": 4}, "n_feats"),
        ("edsr", {"res_scale": 0}, "res_scale"),
        ("edsr", {"n_resgroups": 3}, "n_resgroups.*n_resblocks"),
    ],
)
def test_impossible_sizes_are_config_errors(name: str, sizes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        create_model(name, **sizes)


def test_names_of_architectures() -> None:
    assert list_architectures() == ["edsr", "rcan", "san"]
    with pytest.raises(UnsupportedArchitectureError, match=r"swinir.*edsr, rcan, san"):
        create_model("swinir")
    with pytest.raises(ConfigError, match="already has the sizes"):
        create_model(create_spec("edsr"), n_feats=8)


def test_a_duplicate_name_leaves_the_registry_unchanged() -> None:
    rcan = find_architecture("rcan")
    registry = Registry(Architecture, "architecture", entries=[rcan])
    impostor = replace(rcan, name="RCAN", network=SRNetwork)
    with pytest.raises(ConfigError, match="'RCAN': this name is already taken"):
        registry.register(impostor)
    assert registry.find("rcan") is registry.find("Rcan") is rcan
    assert registry.names == ("rcan",)


def test_san_refuses_images_that_are_too_small() -> None:
    model = create_model("san", **SMALL["san"])
    assert model(torch.rand(1, 3, 4, 5)).shape == (1, 3, 16, 20)
    with pytest.raises(DataError, match=r"at least 4 pixels, found 3x9"):
        model(torch.rand(1, 3, 9, 3))
