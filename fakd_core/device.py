"""Where and in which precision to train."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from fakd_core.errors import ConfigError


def choose_device(name: str) -> torch.device:
    """`auto` is the first GPU if there is one, else the CPU; other names are torch's own.

    Raises:
        ConfigError: the device is unknown or not on this machine.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"device {name!r} can't be used here: {reason}; use auto, cpu or cuda") from None
    return device


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The dtype of the networks' forward pass; `auto` is float32 except on a GPU that has bfloat16.

    bfloat16 autocast was measured slower than float32 on CPUs.
    """
    if name == "auto":
        bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if bf16 else torch.float32
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[name]
    if dtype is torch.float16 and device.type != "cuda":
        raise ConfigError(
            f"precision fp16 needs a CUDA device, this is {device.type}; use auto, fp32 or bf16"
        )
    return dtype


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[object]:
    """Autocast to `dtype`; nothing for float32."""
    if dtype is torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype=dtype)
