"""The device and the precision of training and inference: choice, memory, moving of networks."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TypeVar

import psutil
import torch

from fakd_core.errors import ConfigError, first_line
from fakd_core.runtime.distributed import SINGLE_PROCESS, World
from fakd_core.runtime.turns import turn

Result = TypeVar("Result")
Network = TypeVar("Network", bound=torch.nn.Module)


def choose_device(name: str, world: World = SINGLE_PROCESS) -> torch.device:
    """The device called `name` by torch; `auto` is a GPU if there is one, else the CPU.

    If several processes train together, each gets the GPU of its local rank. Raises `ConfigError` if the
    device is unknown, missing here, or one GPU for several processes.
    """
    if name == "auto":
        name = "mps" if torch.backends.mps.is_available() else "cpu"
        name = "cuda" if torch.cuda.is_available() else name
    try:
        device = torch.device(name)
        if device.type == "cuda" and not world.is_single:
            device = _own_gpu(device, world)
        if device.type == "meta":
            raise NotImplementedError("it holds no data")
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = first_line(error)
        raise ConfigError(f"device {name!r} can't be used here: {reason}; use auto or cpu") from None
    return device


def describe_device(device: torch.device) -> str:
    """The name of a device for people, such as that of the GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU (MPS)"
    if device.type != "cpu":
        return str(device)
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"


def find_devices() -> dict[str, str]:
    """The devices of this machine, described, by the names that `choose_device` takes; the CPU is last."""
    names = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    names += ["mps"] if torch.backends.mps.is_available() else []
    return {name: describe_device(torch.device(name)) for name in (*names, "cpu")}


def move_network(
    network: Network, device: torch.device, notify: Callable[[str], object], name: str = "a network"
) -> Network:
    """Move `network`, called `name`, to `device`; if it has too little memory left, the CPU keeps it.

    `notify` gets a sentence that says so.
    """
    try:
        with turn(device):
            return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
    except RuntimeError as error:
        if device.type == "cpu" or not is_out_of_memory(error):
            raise
    notify(f"{name} runs on the CPU: {describe_device(device)} has too little memory left for its weights")
    return network.to("cpu")


def copy_to(tensor: torch.Tensor, device: torch.device | str) -> torch.Tensor:
    """Copy `tensor`, which may be freed at once, to `device`.

    CUDA need not be waited for. Apple's GPUs would read the memory later, whatever it holds by then
    (https://github.com/pytorch/pytorch/issues/189690).
    """
    return tensor.to(device, non_blocking=torch.device(device).type == "cuda")


def synchronize(device: torch.device) -> None:
    """Wait until `device` has computed what was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def free_memory(device: torch.device) -> int:
    """Bytes that can be allocated on `device` now."""
    available = int(psutil.virtual_memory().available)
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + cached
    if device.type == "mps":
        # The system's memory is the GPU's; Metal recommends a part of it.
        left = torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()
        return max(0, min(available, left))
    return available


def used_memory(device: torch.device) -> int:
    """Bytes of a GPU's memory that tensors take now; 0 for a CPU, where the process has them."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return int(torch.mps.current_allocated_memory()) if device.type == "mps" else 0


DTYPES = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}
"""The values of the setting `precision`, beside auto."""


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The dtype of the networks' forward pass; `auto` is the fastest on `device`.

    On CUDA GPUs that is bfloat16 with hardware support (from compute capability 8.0), float16 with loss
    scaling where only float16 is fast (7.0 and 7.5), and float32 otherwise. On Apple's GPUs it is float32,
    and on CPUs, where a new run measures (`find_fastest_precision`).
    Raises `ConfigError` for fp16 without a CUDA GPU, and for bf16 on an Apple GPU before macOS 14.
    """
    if name == "auto":
        if device.type != "cuda":
            return torch.float32
        capability = torch.cuda.get_device_capability(device)
        if capability >= (8, 0):
            return torch.bfloat16
        return torch.float16 if capability >= (7, 0) else torch.float32
    dtype = next(dtype for dtype, known in DTYPES.items() if known == name)
    if dtype is torch.float16 and device.type != "cuda":
        raise ConfigError(
            f"precision fp16 needs a CUDA device, this is {device.type}; use auto, fp32 or bf16"
        )
    if dtype is torch.bfloat16 and device.type == "mps" and not _has_apple_bfloat16():
        raise ConfigError("precision bf16 needs macOS 14 or newer on an Apple GPU; use auto or fp32")
    return dtype


def _has_apple_bfloat16() -> bool:
    mps = torch.backends.mps
    return mps.is_available() and mps.is_macos_or_newer(14, 0)


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[object]:
    """Autocast to `dtype`; nothing for float32."""
    if dtype is torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype=dtype)


# The flags are the whole process's: blocks of several threads may overlap, and the last to end restores them.
_flags_lock = threading.Lock()
_tf32_blocks: list[bool] = []
_restoring = ExitStack()


@contextmanager
def fast_convolutions(dtype: torch.dtype) -> Iterator[None]:
    """Have cuDNN find the fastest convolutions for recurring shapes; does nothing on other devices.

    Convolutions that stay in float32 under autocast use TF32; with `dtype` float32, none do. Matrix products,
    and with them affinities and losses, always use full float32.
    """
    cudnn, tf32 = torch.backends.cudnn, dtype is not torch.float32
    with _flags_lock:
        if not _tf32_blocks:
            _restoring.enter_context(cudnn.flags(enabled=True, benchmark=True))
        _tf32_blocks.append(tf32)
        cudnn.allow_tf32 = tf32
    try:
        yield
    finally:
        with _flags_lock:
            _tf32_blocks.remove(tf32)
            if _tf32_blocks:
                cudnn.allow_tf32 = _tf32_blocks[-1]
            else:
                _restoring.close()


def _own_gpu(device: torch.device, world: World) -> torch.device:
    if device.index is not None:
        raise ConfigError(
            f"device {str(device)!r} is one GPU for {world.ranks} processes; use --device cuda, "
            "and each takes its own"
        )
    count = torch.cuda.device_count()
    if 0 < count <= world.local_rank:
        raise ConfigError(
            f"{world.local_rank + 1} or more processes on a machine with {count} GPUs; start one per GPU "
            f"(torchrun --nproc-per-node {count})"
        )
    torch.cuda.set_device(world.local_rank)
    return torch.device("cuda", world.local_rank)


# The messages of the allocators of PyTorch, of its backends and of C++; only CUDA's error has its own class.
_NO_KERNEL = "could not create a primitive"
# oneDNN can't create a convolution that torch has checked only if it can't allocate its code.
_OUT_OF_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    _NO_KERNEL,
    "bad_alloc",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Check whether `error` is a failed allocation, on any device."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _OUT_OF_MEMORY)


def with_sound_kernels(work: Callable[[], Result]) -> Result:
    """Call `work`, which runs a network; where the CPU's kernels can't be compiled, again on a new thread.

    oneDNN never compiles again on a thread that once lacked the memory for it, however much there is later.

    Raises:
        MemoryError: there isn't even memory for a thread.
    """
    try:
        return work()
    except RuntimeError as error:
        if _NO_KERNEL not in str(error):
            raise
    # Only here, without the error's traceback, are the tensors of the failed pass free.
    context = contextvars.copy_context()
    with ThreadPoolExecutor(1) as pool:
        try:
            again = pool.submit(context.run, work)
        except RuntimeError as error:
            raise MemoryError(str(error)) from None
        return again.result()
