"""External networks give spandrel's output, four taps, and take any size."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import torch
from external_networks import SMALL, external_file, external_network
from safetensors.torch import save_file
from torch import Tensor

from fakd_core import create_model, load_model
from fakd_core.errors import CheckpointError, ConfigError, UnsupportedArchitectureError
from fakd_core.models.cost import activation_bytes, profile
from fakd_core.models.external.network import SpandrelNetwork, SpandrelSpec

pytestmark = pytest.mark.usefixtures("spandrel")

TAPPED = [name for name, small in SMALL.items() if small.taps]
ODD = (21, 30)
"""No multiple of any window, and below the least side that some networks take."""


def noise(height: int, width: int, batch: int = 1) -> Tensor:
    return 255 * torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory, spandrel: ModuleType) -> Callable[[str], SpandrelNetwork]:
    """A network of `SMALL` by name, read from a file once."""
    folder = tmp_path_factory.mktemp("external")

    @cache
    def loaded(name: str) -> SpandrelNetwork:
        model = load_model(external_file(folder, name))
        assert isinstance(model, SpandrelNetwork)
        return model

    return loaded


@pytest.mark.parametrize("name", SMALL)
def test_output_is_spandrels_on_any_size(
    name: str, spandrel: ModuleType, load: Callable[[str], SpandrelNetwork]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = spandrel.ModelLoader().load_from_state_dict(external_network(name).state_dict())
    model = load(name)
    assert (model.spec.architecture, model.spec.scale) == (theirs.architecture.name, theirs.scale)
    assert not model.training
    with torch.no_grad():
        lr = noise(*ODD)
        sr = model(lr)
        assert sr.shape == (1, 3, ODD[0] * theirs.scale, ODD[1] * theirs.scale)
        torch.testing.assert_close(sr.clamp(0, 255) / 255, theirs(lr / 255), rtol=0, atol=1e-6)
        # Of a size that all of them take: not clipped, whatever they make of it.
        lr = noise(48, 32)
        torch.testing.assert_close(model(lr), 255 * theirs.model(lr / 255), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", TAPPED)
def test_four_taps_match_the_pixels_of_the_image(name: str, load: Callable[[str], SpandrelNetwork]) -> None:
    model, small = load(name), SMALL[name]
    assert (model.spec.taps, model.spec.skip) == (small.taps, small.skip)
    # One pixel is changed: where the maps change most is where that pixel is.
    lr = noise(45, 51)
    changed = lr.clone()
    changed[0, :, 20, 33] = 255 - changed[0, :, 20, 33]
    with torch.no_grad():
        sr, maps = model.forward_features(lr)
        _, others = model.forward_features(changed)
    torch.testing.assert_close(sr, model(lr))
    assert [tuple(tap.shape) for tap in maps] == [(1, c, 45, 51) for c in model.spec.tap_channels]
    reach = 3 if model.spec.downscale > 1 else 2
    for tap, other in zip(maps, others, strict=True):
        place = int((tap - other).abs().sum(1)[0].argmax())
        assert abs(place // 51 - 20) <= reach
        assert abs(place % 51 - 33) <= reach
    assert len({float(tap.abs().sum()) for tap in maps}) == len(maps), "four different maps"


def test_maps_are_those_of_the_modules(load: Callable[[str], SpandrelNetwork]) -> None:
    model = load("SwinIR")
    network = external_network("SwinIR")
    seen = {}
    for tap in SMALL["SwinIR"].taps:
        network.get_submodule(tap).register_forward_hook(
            lambda _m, _i, out, tap=tap: seen.update({tap: out.clone()})
        )
    lr = noise(16, 24, batch=2)
    with torch.no_grad():
        network(lr / 255)
        _, maps = model.forward_features(lr)
    torch.testing.assert_close(maps[0], seen["conv_first"])
    tokens = seen["layers.2"]
    torch.testing.assert_close(maps[2][1, :, 5, 7], tokens[1, 5 * 24 + 7])


@pytest.mark.parametrize(("name", "after"), [("SwinIR", "conv_before_upsample"), ("RCAN", "tail")])
def test_the_last_map_is_the_one_after_the_long_skip(
    name: str, after: str, load: Callable[[str], SpandrelNetwork]
) -> None:
    model, network, seen = load(name), external_network(name), []
    network.get_submodule(after).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].clone()))
    lr = noise(16, 24)
    with torch.no_grad():
        network(lr / 255)
        _, maps = model.forward_features(lr)
    torch.testing.assert_close(maps[3], seen[0])
    assert model.spec.describe_taps()[3].endswith("(after the long skip)")
    assert model.spec.model_dump(mode="json")["skip"] == SMALL[name].skip, (
        "as caches of its maps depend on it"
    )


def test_where_no_long_skip_is_found_the_description_says_so(load: Callable[[str], SpandrelNetwork]) -> None:
    assert load("SPAN").spec.describe_taps()[3] == "3: conv_cat (no long skip was found after it)"
    assert load("RealCUGAN").spec.describe_taps() == []


def test_taps_are_chosen_by_name(tmp_path: Path) -> None:
    path = external_file(tmp_path, "SPAN")
    model = load_model(f"{path}@conv_1,block_1, block_6,conv_2")
    assert model.spec.tap_names == ("conv_1", "block_1", "block_6", "conv_2")
    with torch.no_grad():
        assert len(model.forward_features(noise(9, 8))[1]) == 4


@pytest.mark.parametrize(
    ("taps", "reason"),
    [
        (
            "conv_first,layers.0,layers.9,conv_after_body",
            r"tap 'layers\.9': .*no such module; near it: layers\.\d",
        ),
        ("conv_first,layers.0,upsample,conv_after_body", r"tap 'upsample': its output is no map.*64x384x768"),
        ("conv_first,layers.0,layers", "tap.*expected 4 module paths.*found 3"),
        ("conv_first,layers.0,layers,conv_after_body", "tap 'layers': it isn't called once"),
        ("conv_first,,layers.1,conv_after_body", "tap ''"),
    ],
)
def test_impossible_taps_are_named_with_similar_ones(taps: str, reason: str, tmp_path: Path) -> None:
    path = external_file(tmp_path, "SwinIR")
    with pytest.raises(ConfigError, match=reason):
        load_model(f"{path}@{taps}")


def test_the_input_of_a_pixel_shuffle_is_no_feature_map(tmp_path: Path) -> None:
    # As published: as many features as the last convolution has sub-pixels, 3·4·4.
    model = load_model(external_file(tmp_path, "SPAN", feature_channels=48))
    assert model.spec.tap_names == SMALL["SPAN"].taps


def test_a_map_is_what_the_module_returned_before_in_place_changes(tmp_path: Path) -> None:
    path = external_file(tmp_path, "SwinIR")
    # An activation works in place on what this one returns.
    model = load_model(f"{path}@conv_first,layers.0,conv_after_body,conv_before_upsample.0")
    assert isinstance(model, SpandrelNetwork)
    convolution = model.network.get_submodule("conv_before_upsample.0")
    returned = []
    convolution.register_forward_hook(lambda _m, _i, output: returned.append(output.clone()))
    lr = noise(16, 24)
    with torch.no_grad():
        _, maps = model.forward_features(lr)
    torch.testing.assert_close(maps[3], returned[0])
    assert maps[3].shape[1] == 64 != maps[2].shape[1], "taps may differ in their channels"


def test_networks_without_half_precision_run_in_full_precision(
    load: Callable[[str], SpandrelNetwork],
) -> None:
    lr, swinir, span = noise(*ODD), load("SwinIR"), load("SPAN")
    with torch.no_grad():
        exact = swinir(lr), span(lr)
        with torch.autocast("cpu", torch.float16):
            torch.testing.assert_close(swinir(lr), exact[0], rtol=0, atol=0)
            half = span(lr)
    assert half.dtype is torch.float32
    assert 0 < (half - exact[1]).abs().max() < 0.01 * exact[1].abs().max()


def test_a_network_that_reads_values_is_counted_on_a_small_image(
    load: Callable[[str], SpandrelNetwork],
) -> None:
    model = load("SeemoRe")
    assert activation_bytes(model, 480, 480) == 100 * activation_bytes(model, 48, 48)
    floats_per_pixel = activation_bytes(model, 48, 48) / 48**2 / 4
    assert 30 < floats_per_pixel < 1000
    assert profile(model, (24, 32)).gmacs == pytest.approx(profile(model, (24, 64)).gmacs / 2, rel=0.2)


def test_our_own_networks_take_other_taps_too(small_teacher: Path) -> None:
    assert load_model(f"{small_teacher}@1,3").spec.taps == (1, 3)
    with pytest.raises(ConfigError, match="taps"):
        load_model(f"{small_teacher}@head,body")


def test_a_network_that_both_know_is_ours(spandrel: ModuleType, tmp_path: Path) -> None:
    from spandrel.architectures.RCAN import RCAN

    torch.manual_seed(2)
    weights = RCAN(scale=4, n_resgroups=3, n_resblocks=2, n_feats=16, reduction=4).state_dict()
    torch.save(weights, tmp_path / "rcan.pth")
    model = load_model(tmp_path / "rcan.pth")
    assert not isinstance(model, SpandrelNetwork)
    assert model.spec.architecture == "rcan"
    lr = noise(*ODD)
    with torch.no_grad():
        theirs = spandrel.ModelLoader().load_from_state_dict(weights)(lr / 255)
        torch.testing.assert_close(model(lr).clamp(0, 255) / 255, theirs, rtol=0, atol=1e-6)


def test_threads_that_share_a_network_do_not_mix_their_maps(load: Callable[[str], SpandrelNetwork]) -> None:
    model = load("Compact")
    images = [noise(16, 20), 255 - noise(16, 20)]
    with torch.no_grad():
        alone = [model.forward_features(lr)[1] for lr in images]
    others: list[tuple[Tensor, ...]] = []
    both_inside, first_is_done = threading.Event(), threading.Event()

    def another() -> None:
        with torch.no_grad():
            others.append(model.forward_features(images[1])[1])

    second = threading.Thread(target=another)

    def interleave(*_: object) -> None:
        """The second pass begins in the middle of the first, and ends after it."""
        if threading.current_thread() is second:
            both_inside.set()
            first_is_done.wait(60)
        else:
            second.start()
            both_inside.wait(60)

    handle = model.network.get_submodule("body.7").register_forward_pre_hook(interleave)
    with torch.no_grad():
        mine = model.forward_features(images[0])[1]
    first_is_done.set()
    second.join()
    handle.remove()
    torch.testing.assert_close(mine, alone[0])
    torch.testing.assert_close(others[0], alone[1])


def test_a_spec_makes_the_network_again_and_counts_what_it_costs(
    load: Callable[[str], SpandrelNetwork],
) -> None:
    model = load("HAT")
    again = create_model(model.spec)
    lr = noise(*ODD)
    with torch.no_grad():
        torch.testing.assert_close(again(lr), model(lr))
    cost = profile(model)
    assert cost.parameters == sum(parameter.numel() for parameter in external_network("HAT").parameters())
    assert cost.gmacs > 0.1
    assert "file" not in model.spec.model_dump(mode="json"), "a spec is the same wherever the file lies"


def test_a_network_that_reads_values_gets_the_images_of_a_batch_one_by_one(
    load: Callable[[str], SpandrelNetwork],
) -> None:
    model, lr = load("SeemoRe"), noise(*ODD, batch=3)
    with torch.no_grad():
        sr, maps = model.forward_features(lr)
        alone = [model.forward_features(image) for image in lr.split(1)]
    torch.testing.assert_close(sr, torch.cat([one for one, _ in alone]))
    for tap, ones in zip(maps, zip(*(taps for _, taps in alone), strict=True), strict=True):
        torch.testing.assert_close(tap, torch.cat(ones))


def test_the_trainers_memory_layout_changes_nothing(tmp_path: Path) -> None:
    model = load_model(external_file(tmp_path, "DAT"))
    lr = noise(*ODD, batch=2)
    with torch.no_grad():
        before = model(lr)
        model.to(torch.device("cpu"), memory_format=torch.channels_last)  # type: ignore[call-overload]
        after = model(lr.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(before, after)


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("Compact", {"upscale": 1}, "Compact for restoration, x1; expected a network for super-resolution"),
        ("ESRGAN", {"in_nc": 1, "out_nc": 1}, "ESRGAN takes 1 channels and gives 1; expected RGB, 3 and 3"),
        ("ESRGAN", {"scale": 16}, "ESRGAN enlarges x16; expected x2, x3, x4, x8"),
    ],
)
def test_networks_for_other_purposes_are_refused(
    name: str, changes: dict[str, int], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=reason):
        load_model(external_file(tmp_path, name, **changes))


def test_damaged_and_unknown_files_are_one_line(tmp_path: Path) -> None:
    path = external_file(tmp_path, "SwinIR")
    weights = external_network("SwinIR").state_dict()
    torch.save({key: tensor for key, tensor in weights.items() if "layers.1.conv" not in key}, path)
    with pytest.raises(
        CheckpointError, match=r"looks like SwinIR, but spandrel can't build it: .*layers\.1\.conv"
    ):
        load_model(path)
    weights["conv_first.bias"][0] = torch.nan
    torch.save(weights, path)
    with pytest.raises(CheckpointError, match=r"infinite or NaN values in conv_first\.bias"):
        load_model(path)
    save_file({"something.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(
        UnsupportedArchitectureError, match=r"edsr, rcan, san.*something\.weight; spandrel .*either"
    ):
        load_model(tmp_path / "other.safetensors")


def test_the_spec_is_hashable_and_has_the_taps(load: Callable[[str], SpandrelNetwork]) -> None:
    spec = load("ESRGAN").spec
    assert isinstance(spec, SpandrelSpec)
    assert len({spec, spec.model_copy()}) == 1
    assert spec.model_dump(mode="json")["taps"] == list(spec.taps)
