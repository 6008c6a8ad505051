"""Upscaling in a process whose memory has a limit."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

UNDER_A_LIMIT = """
import resource
from contextlib import nullcontext
import numpy as np
import threading
import torch
from fakd_core import create_model
from fakd_core.errors import DataError
from fakd_core.inference import upscale as inference
from fakd_core.inference.upscale import tensor_from_image, upscale
from fakd_core.models.cost import activation_bytes
from fakd_core.runtime.device import is_out_of_memory

# Otherwise more is at hand than the limit says.
inference.retain_freed_memory = nullcontext
threading.stack_size(1 << 20)

def limit(more):
    held = int(open("/proc/self/status").read().split("VmSize:")[1].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (held + int(more), -1))

img = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
small = {"scale": 4, "n_feats": 8, "n_resblocks": 1}
groups = {"n_resgroups": 2, "reduction": 4}
for name in ("rcan", "edsr", "san"):
    network = create_model(name, **small, **({} if name == "edsr" else groups)).eval()
    halved = upscale(network, img, tile=100)
    needed = activation_bytes(network, 200, 200)
    for share in (0.85, 1.15):
        limit(share * needed)
        try:
            with torch.inference_mode():
                network(tensor_from_image(img))
            print(name, share, "enough")
        except RuntimeError as error:
            assert is_out_of_memory(error), error
            print(name, share, "too little")
    limit(0.6 * needed)
    notes = []
    sr = upscale(network, img, on_progress=lambda progress: notes.append(progress.note))
    assert np.array_equal(sr, halved)
    assert list(filter(None, notes)) == ["out of memory with 200 LR pixels at once, continuing with 100"]
    limit(0.1 * needed)
    try:
        upscale(network, img)
    except DataError as error:
        print(error)
    limit(1 << 40)

# A thread can't compile any more where it once lacked the memory for it.
for side in range(8, 90):
    limit(side << 12)
    try:
        network.head(torch.zeros(1, 3, side, side))
    except RuntimeError as error:
        if "primitive" in str(error):
            break
limit(1 << 40)
try:
    network.head(torch.zeros(1, 3, 120, 120))
except RuntimeError as error:
    print(error)
notes = []
upscale(network, img[:120, :120], on_progress=lambda progress: notes.append(progress.note))
assert notes == [""]
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS")
@pytest.mark.skipif(torch.__version__ < "2.13", reason="memory of kernels is that of torch 2.13")
def test_a_limit_on_real_memory() -> None:
    """In a process of its own: the estimate is what is needed, and less than that means halved tiles.

    Older versions of torch need more for their kernels, and crash where they can't compile one.

    Once there is more again, all of it is used, also where a kernel could not be compiled before.
    """
    done = subprocess.run(
        [sys.executable, "-c", UNDER_A_LIMIT],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "1",
            "MALLOC_MMAP_THRESHOLD_": "1000000",
        },
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        line
        for name in ("rcan", "edsr", "san")
        for line in (
            f"{name} 0.85 too little",
            f"{name} 1.15 enough",
            "not enough memory for tiles of 96 LR pixels, the smallest there are; "
            "close other programs or take a smaller network",
        )
    ] + ["could not create a primitive"]
