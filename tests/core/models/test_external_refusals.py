"""Files that neither our loader nor spandrel may build, where spandrel is installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from busy_machine import computes_for_less_than
from external_networks import SMALL, external_network
from safetensors.torch import save_file

from fakd_core import create_model, load_model
from fakd_core.errors import CheckpointError

pytestmark = pytest.mark.usefixtures("spandrel")


@pytest.mark.parametrize("name", [*SMALL, "ours"])
def test_absurd_numbers_of_layers_are_refused_before_anything_is_built(name: str, tmp_path: Path) -> None:
    """Spandrel builds as many layers as the largest number says: a billion would take all memory."""
    own = {"n_feats": 8, "n_resgroups": 1, "n_resblocks": 1, "reduction": 4}
    network = create_model("rcan", **own) if name == "ours" else external_network(name)
    weights = dict(network.state_dict())
    numbered = next(key for key in weights if re.search(r"\.\d+\.", key))
    weights[re.sub(r"\.\d+\.", f".{10**9}.", numbered, count=1)] = torch.zeros(1)
    torch.save(weights, tmp_path / "absurd.pth")
    refused = pytest.raises(CheckpointError, match=r"absurd\.pth: (doesn't fit|damaged|looks like)")
    with computes_for_less_than(5), refused:
        load_model(tmp_path / "absurd.pth")


def test_sizes_that_dont_fit_ours_are_refused_where_spandrel_knows_the_network(tmp_path: Path) -> None:
    network = create_model("rcan", n_feats=8, n_resgroups=1, n_resblocks=1, reduction=4)
    torch.save(network.state_dict(), tmp_path / "rcan.pth")
    with pytest.raises(CheckpointError, match="misshapen"):
        load_model(tmp_path / "rcan.pth", n_feats=16)


def test_damaged_files_of_ours_are_not_given_to_spandrel(tmp_path: Path) -> None:
    path = tmp_path / "damaged.safetensors"
    weights = create_model("rcan", n_feats=8, n_resgroups=1, n_resblocks=1, reduction=4).state_dict()
    save_file(dict(weights), path, {"fakd_seen_images": '{"testing": 3}'})
    with pytest.raises(CheckpointError, match="its list of training images makes no sense"):
        load_model(path)
