"""The same seed makes the same network, whatever other threads do."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from fakd_core.models.factory import create_model
from fakd_core.models.initialization import Seeded, change_scale
from fakd_core.models.spec import ModelSpec

SIZES = {
    "rcan": {"n_resgroups": 2, "n_resblocks": 1, "n_feats": 8, "reduction": 4},
    "san": {"n_resgroups": 2, "n_resblocks": 1, "n_feats": 16},
    "edsr": {"n_resblocks": 2, "n_feats": 8},
}


@pytest.fixture
def _busy_generator() -> Iterator[None]:
    """A thread that keeps advancing torch's default generator."""
    done = threading.Event()

    def draw() -> None:
        while not done.is_set():
            torch.rand(1)

    thread = threading.Thread(target=draw)
    thread.start()
    yield
    done.set()
    thread.join()


def weights(architecture: str) -> dict[str, Tensor]:
    return create_model(architecture, scale=4, **SIZES[architecture]).state_dict()


@pytest.mark.usefixtures("_busy_generator")
@pytest.mark.parametrize("architecture", SIZES)
def test_another_thread_changes_nothing(architecture: str) -> None:
    with Seeded(5):
        first = weights(architecture)
    for _ in range(20):
        with Seeded(5):
            again = weights(architecture)
        assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize("architecture", SIZES)
def test_the_numbers_are_those_of_torch_manual_seed(architecture: str) -> None:
    torch.manual_seed(5)
    theirs = weights(architecture)
    with Seeded(5):
        mine = weights(architecture)
    assert all(torch.equal(theirs[name], mine[name]) for name in theirs)


@pytest.mark.parametrize(
    "initialise",
    [nn.init.kaiming_normal_, nn.init.xavier_uniform_, nn.init.orthogonal_, nn.init.trunc_normal_],
)
def test_a_plugin_network_may_use_other_initialisations(initialise: object) -> None:
    def draw() -> Tensor:
        assert callable(initialise)
        layer = nn.Linear(8, 8)
        initialise(layer.weight)
        return torch.cat([layer.weight.detach(), torch.randn(8, 8), torch.randperm(8)[None].float()])

    torch.manual_seed(9)
    theirs = draw()
    torch.manual_seed(1)
    with Seeded(9):
        assert torch.equal(draw(), theirs)


@pytest.mark.parametrize("architecture", SIZES)
@pytest.mark.parametrize(("before", "after"), [(2, 4), (4, 2), (3, 4), (2, 3)])
def test_another_scale_keeps_all_weights_but_the_upsampler(
    architecture: str, before: int, after: int
) -> None:
    network = create_model(architecture, scale=before, **SIZES[architecture])
    changed, copied = change_scale(network, after, seed=5)
    fresh = weights_of(changed.spec, seed=5)
    source, found = network.state_dict(), changed.state_dict()
    new = [name for name in found if name not in source or not torch.equal(source[name], found[name])]
    assert new
    assert copied == len(found) - len(new)
    assert all(name.startswith("tail.0.") for name in new)
    assert all(torch.equal(found[name], fresh[name]) for name in new)
    assert {name for name in found if name.startswith("tail.0.")} == set(new)
    assert (changed.spec.scale, network.spec.scale) == (after, before)


def weights_of(spec: ModelSpec, seed: int) -> dict[str, Tensor]:
    with Seeded(seed):
        return create_model(spec).state_dict()
