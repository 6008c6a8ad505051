"""SAN on large images builds no matrix over all pairs of pixels, and frees unused maps."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fakd_core.models.cost import activation_bytes
from fakd_core.models.factory import create_model
from fakd_core.models.presets import preset_spec

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS")


def run(script: str) -> str:
    """The output of `script` in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@linux
@pytest.mark.parametrize("backend", ["MATH", "FLASH_ATTENTION"])
def test_attention_never_holds_the_whole_matrix(backend: str) -> None:
    """25,600 pixels against 6,400 would be 655 MB, and twice that in the softmax, with each kernel."""
    script = f"""
import resource
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from fakd_core.models.san import RegionNonLocal

block = RegionNonLocal(8, 2).eval()
features = torch.randn(1, 8, 320, 320)
held = int(open("/proc/self/status").read().split("VmSize:")[1].split()[0]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (held + 500_000_000, -1))
with torch.inference_mode(), sdpa_kernel(SDPBackend.{backend}):
    print(tuple(block(features).shape))
"""
    assert run(script) == "(1, 8, 320, 320)\n"


def test_maps_of_the_groups_are_freed() -> None:
    """At the paper's size, the maps of 20 groups would be 0.9 GB for 510x339 LR."""
    assert activation_bytes(create_model(preset_spec("san-paper-teacher", 4)), 339, 510) < 1.5e9


@linux
@pytest.mark.slow
def test_a_whole_image_of_div2k_takes_less_than_3_gb() -> None:
    script = """
import resource
import numpy as np
from fakd_core import create_model
from fakd_core.inference.upscale import upscale
from fakd_core.models.presets import preset_spec

network = create_model(preset_spec("san-paper-teacher", 4)).eval()
assert upscale(network, np.zeros((339, 510, 3), np.uint8)).shape == (1356, 2040, 3)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
    assert int(run(script)) < 3e9
