"""The same seed makes the same network, whatever other threads do."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from fakd_core.models.factory import create_model
from fakd_core.models.initialization import Seeded

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
