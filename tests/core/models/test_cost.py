"""The cost of networks equals the papers' figures and that of a real forward pass."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules import module as modules
from torch.utils.flop_counter import FlopCounterMode

from fakd_core.errors import CheckpointError, ConfigError
from fakd_core.models.cost import activation_bytes, profile
from fakd_core.models.factory import create_model
from fakd_core.models.presets import preset_spec
from fakd_core.models.rcan import RCAN
from fakd_core.models.spec import ModelSpec


def create_spec(architecture: str, **sizes: int) -> ModelSpec:
    """Make a spec without the time and memory of real weights."""
    with torch.device("meta"):
        return create_model(architecture, **sizes).spec


@pytest.mark.parametrize(
    ("architecture", "sizes", "parameters_m", "gmacs"),
    [
        ("rcan", {"n_resblocks": 20}, 15.59, 36.7),
        ("rcan", {"n_resblocks": 6}, 5.17, 12.9),
        ("san", {"n_resgroups": 20}, 15.86, None),
        ("san", {"n_resgroups": 6}, 5.00, None),
        ("edsr", {"n_resblocks": 32, "n_feats": 256}, 43.09, None),
        ("edsr", {"n_resblocks": 16}, 1.52, 4.57),
    ],
)
def test_papers_numbers_at_x4(
    architecture: str, sizes: dict[str, int], parameters_m: float, gmacs: float | None
) -> None:
    result = profile(create_spec(architecture, **sizes))
    assert round(result.parameters / 1e6, 2) == parameters_m
    if gmacs is not None:
        digits = len(str(gmacs).split(".")[1])
        assert round(result.gmacs, digits) == gmacs


@pytest.mark.parametrize(
    ("architecture", "sizes"),
    [
        ("rcan", {"n_resgroups": 3, "n_resblocks": 1}),
        ("san", {"n_resgroups": 3, "n_resblocks": 1}),
        ("edsr", {"n_resblocks": 3}),
    ],
)
def test_counts_what_a_real_forward_pass_does(architecture: str, sizes: dict[str, int]) -> None:
    model = create_model(architecture, scale=3, n_feats=16, **sizes).eval()
    # torch's counter does not know the CPU's fused attention kernel, and would leave SAN's attention out.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(torch.rand(1, 3, 12, 20))
    assert profile(model, (12, 20)).gmacs == counter.get_total_flops() / 2e9


def test_convolutions_cost_in_proportion_to_the_area() -> None:
    spec = create_spec("edsr", n_feats=8, n_resblocks=3)
    assert profile(spec, (20, 30)).gmacs == pytest.approx(6 * profile(spec, (10, 10)).gmacs, rel=1e-12)


def test_networks_on_other_threads_see_no_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks with hooks compute textbook layers, whose results differ in the last digit."""
    forward, hooks = RCAN.forward_features, []

    def note_hooks(network: RCAN, lr: torch.Tensor) -> object:
        hooks.extend(modules._global_forward_pre_hooks.values())
        hooks.extend(modules._global_forward_hooks.values())
        return forward(network, lr)

    monkeypatch.setattr(RCAN, "forward_features", note_hooks)
    assert profile(preset_spec("rcan-small-student", 4)).gmacs > 0
    assert hooks == []


def test_leaves_the_profiled_model_alone() -> None:
    model = create_model("edsr", n_feats=8, n_resblocks=3).train()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    profile(model)
    assert model.training
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())


@pytest.mark.parametrize("lr_size", [(0, 64), (36, -1)])
def test_impossible_sizes_are_refused(lr_size: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="at least 1x1"):
        profile(create_spec("edsr"), lr_size)


def test_a_size_beyond_counting_is_a_clear_error() -> None:
    with pytest.raises(ConfigError, match="more than can be counted"):
        profile(create_spec("edsr"), (99_999_999, 99_999_999))


def test_a_pass_that_fails_is_not_called_too_large() -> None:
    class Failing(RCAN):
        def forward_features(self, lr: torch.Tensor) -> object:  # type: ignore[override]
            raise RuntimeError("a mistake of its own\nand more")

    network = Failing(preset_spec("rcan-small-student", 4))  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match=r"its pass over 36x64 .* fails: a mistake of its own$"):
        profile(network)


def test_costs_are_counted_without_names_of_torch_that_are_not_public(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = create_model("rcan", n_feats=8, n_resgroups=2, n_resblocks=1, reduction=4)
    gmacs, memory = profile(network).gmacs, activation_bytes(network, 30, 40)
    again = create_model(network.spec)
    monkeypatch.setitem(sys.modules, "fakd_core.models.dispatch_modes", None)
    assert profile(again).gmacs == gmacs
    assert memory / 4 < activation_bytes(again, 30, 40) < 4 * memory


def test_a_quick_count_does_not_import_torchs_compiler() -> None:
    """It takes longer to be imported than most models to be described."""
    heavy = {"torch._dynamo", "scipy"} | ({"sympy"} if torch.__version__ >= "2.13" else set())
    code = (
        "import sys; from fakd_core.evaluation.diagnose import diagnose_model;"
        "assert diagnose_model('rcan-g5-r1-c32-x4-fakd').rows['gmacs'] == 0.799;"
        f"assert not {heavy} & set(sys.modules), 'heavy'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
