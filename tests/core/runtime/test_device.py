"""Choosing device and precision; GPUs are simulated."""

from __future__ import annotations

import psutil
import pytest
import torch

from fakd_core.errors import ConfigError
from fakd_core.runtime.device import (
    choose_device,
    choose_precision,
    copy_to,
    fast_convolutions,
    free_memory,
    used_memory,
)
from fakd_core.runtime.distributed import World

CUDA = torch.device("cuda", 0)


def with_gpus(monkeypatch: pytest.MonkeyPatch, count: int, capability: tuple[int, int] = (8, 0)) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch, "empty", lambda *size, device: None)


def test_an_error_without_a_text_is_reported_by_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*size: int, device: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(torch, "empty", fail)
    with pytest.raises(ConfigError, match="device 'cpu' can't be used here: RuntimeError; use auto or cpu"):
        choose_device("cpu")


@pytest.mark.parametrize(
    ("capability", "dtype"),
    [
        ((6, 1), torch.float32),
        ((7, 0), torch.float16),
        ((7, 5), torch.float16),
        ((8, 0), torch.bfloat16),
        ((9, 0), torch.bfloat16),
        ((10, 0), torch.bfloat16),
    ],
)
def test_auto_selects_the_fast_precision_of_each_gpu_generation(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], dtype: torch.dtype
) -> None:
    with_gpus(monkeypatch, 1, capability)
    assert choose_precision("auto", CUDA) is dtype
    assert choose_precision("fp32", CUDA) is torch.float32


@pytest.mark.parametrize("name", ["cpu", "mps"])
def test_auto_is_full_precision_off_cuda(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda *_: True)
    assert choose_precision("auto", torch.device(name)) is torch.float32
    assert choose_precision("bf16", torch.device(name)) is torch.bfloat16
    with pytest.raises(ConfigError, match="fp16 needs a CUDA"):
        choose_precision("fp16", torch.device(name))
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda *_: False)
    if name == "mps":
        with pytest.raises(ConfigError, match="bf16 needs macOS 14"):
            choose_precision("bf16", torch.device(name))


def test_an_apple_gpu_has_the_memory_that_metal_recommends_if_the_system_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mps = torch.device("mps")
    monkeypatch.setattr(torch.mps, "current_allocated_memory", lambda: 300)
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 1000)
    assert (free_memory(mps), used_memory(mps)) == (700, 300)
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 1 << 60)
    assert 0 < free_memory(mps) <= psutil.virtual_memory().total
    assert used_memory(torch.device("cpu")) == 0


@pytest.mark.parametrize(("kind", "waits"), [("cuda", False), ("mps", True), ("cpu", True)])
def test_only_cuda_is_copied_to_without_waiting(
    monkeypatch: pytest.MonkeyPatch, kind: str, waits: bool
) -> None:
    """An Apple GPU would read memory that may be freed by then."""
    asked: list[bool] = []
    monkeypatch.setattr(torch.Tensor, "to", lambda *_, non_blocking: asked.append(non_blocking))
    copy_to(torch.ones(1), torch.device(kind))
    assert asked == [not waits]


def test_each_process_gets_the_gpu_of_its_local_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, 4)
    sixth = World(rank=6, ranks=8, local_rank=2)
    assert choose_device("auto", sixth) == choose_device("cuda", sixth) == torch.device("cuda", 2)
    assert choose_device("cuda:3") == torch.device("cuda", 3)
    assert choose_device("cpu", sixth) == torch.device("cpu")


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, 2)
    with pytest.raises(ConfigError, match="one GPU for 4 processes"):
        choose_device("cuda:1", World(rank=0, ranks=4, local_rank=0))
    with pytest.raises(ConfigError, match="nproc-per-node 2"):
        choose_device("cuda", World(rank=2, ranks=4, local_rank=2))


def test_tf32_is_only_used_with_half_precision_and_restored() -> None:
    cudnn = torch.backends.cudnn
    before = (cudnn.enabled, cudnn.benchmark, cudnn.allow_tf32)
    for dtype, tf32 in ((torch.float32, False), (torch.bfloat16, True), (torch.float16, True)):
        with fast_convolutions(dtype):
            assert (cudnn.enabled, cudnn.benchmark, cudnn.allow_tf32) == (True, True, tf32)
            assert not torch.backends.cuda.matmul.allow_tf32
    assert (cudnn.enabled, cudnn.benchmark, cudnn.allow_tf32) == before


def test_overlapping_blocks_of_several_threads_restore_the_flags() -> None:
    cudnn = torch.backends.cudnn
    before = (cudnn.benchmark, cudnn.allow_tf32)
    probe, training = fast_convolutions(torch.float32), fast_convolutions(torch.bfloat16)
    probe.__enter__()
    training.__enter__()
    probe.__exit__(None, None, None)
    assert (cudnn.benchmark, cudnn.allow_tf32) == (True, True)
    training.__exit__(None, None, None)
    assert (cudnn.benchmark, cudnn.allow_tf32) == before
