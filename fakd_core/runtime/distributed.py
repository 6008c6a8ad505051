"""The processes of a distributed training, as torchrun starts them; without torchrun there is one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import distributed

from fakd_core.errors import FakdError, RunError, first_line
from fakd_core.events import Cancelled

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

T = TypeVar("T")

MAX_SILENCE = timedelta(minutes=30)
"""Time to wait for a process that doesn't respond; a closed connection is noticed at once."""


class PeerFailedError(FakdError):
    """Another process failed; that one reports the error."""


class LostPeerError(RunError):
    """Another process is gone."""


@dataclass(frozen=True)
class World:
    """This process among those that train together: `rank` of `ranks`, and `local_rank` on its machine.

    All processes must call the methods below in the same order, and none inside a method of another. In a
    single process they cost nothing. They raise `LostPeerError` if another process is gone.
    """

    rank: int = 0
    ranks: int = 1
    local_rank: int = 0
    _store: Store | None = field(default=None, repr=False, compare=False)

    @property
    def is_single(self) -> bool:
        return self.ranks == 1

    @property
    def is_main(self) -> bool:
        """True in the process that writes and prints."""
        return self.rank == 0

    def sum(self, values: Sequence[float]) -> list[float]:
        """The sums of `values` over all processes."""
        if self.is_single:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64)
        with self.detect_lost_peers():
            distributed.all_reduce(total)
        sums: list[float] = total.tolist()
        return sums

    def gather(self, value: T) -> list[T]:
        """The `value` of every process, by rank."""
        if self.is_single:
            return [value]
        values: list[T] = [value] * self.ranks
        with self.detect_lost_peers():
            distributed.all_gather_object(values, value)
        return values

    def any(self, flag: bool) -> bool:
        """Check whether `flag` is set in any process."""
        return self.sum([float(flag)])[0] > 0

    def broadcast_from_main(self, make: Callable[[], T]) -> T:
        """The result of `make`, which the main process alone calls; if it raises there, all raise."""
        if self.is_single:
            return make()
        made: list[T | None] = [None]
        with self.all_or_none():
            if self.is_main:
                made[0] = make()
        with self.detect_lost_peers():
            distributed.broadcast_object_list(made, device=torch.device("cpu"))
        result: T = made[0]  # type: ignore[assignment]
        return result

    @contextmanager
    def all_or_none(self) -> Iterator[None]:
        """Leave the block only when all processes do; if one fails, all fail.

        Raises:
            PeerFailedError: Another process failed, this one did not.
            Cancelled: A process was cancelled and none failed.
        """
        if self.is_single:
            yield
            return
        error = None
        try:
            yield
        except Exception as raised:  # noqa: BLE001 - raised again once the others know
            error = raised
        cancelled = isinstance(error, Cancelled)
        failures, cancellations = self.sum([error is not None and not cancelled, cancelled])
        if error is not None and not (cancelled and failures):
            raise error
        if failures:
            raise PeerFailedError("another process of this training failed")
        if cancellations:
            raise Cancelled

    @contextmanager
    def detect_lost_peers(self) -> Iterator[None]:
        """Turn the backends' errors about a process that is gone into `LostPeerError`."""
        try:
            yield
        except RuntimeError as error:
            if self.is_single or not _is_lost_connection(error):
                raise
            raise LostPeerError("another process of this training died or can't be reached") from error

    def claim_error_report(self) -> bool:
        """Return True in the first process that calls this: it reports an error that several hit."""
        if self._store is None:
            return True
        try:
            return bool(self._store.add("fakd/speaks", 1) == 1)
        except RuntimeError:  # The process that holds the store is gone.
            return True


SINGLE_PROCESS = World()


@contextmanager
def join_world() -> Iterator[World]:
    """Connect the processes that torchrun started, by its environment variables; a single one without it.

    They communicate over gloo for tensors on the CPU and over NCCL for tensors on GPUs. Raises `RunError` if
    they can't connect.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield World()
        return
    # Imported here: some builds of torch lack it, and can still train on one device.
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    nccl = torch.cuda.is_available() and distributed.is_nccl_available()
    try:
        store, rank, ranks = next(rendezvous("env://", timeout=MAX_SILENCE))
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if nccl else "gloo",
            store=PrefixStore("fakd", store),
            rank=rank,
            world_size=ranks,
            timeout=MAX_SILENCE,
        )
    except (RuntimeError, ValueError) as error:
        raise RunError(
            f"the processes of this training can't connect: {first_line(error)}; start them with torchrun"
        ) from error
    try:
        yield World(rank, ranks, int(os.environ.get("LOCAL_RANK", "0")), store)
    finally:
        distributed.destroy_process_group()


def _is_lost_connection(error: RuntimeError) -> bool:
    # Gloo raises bare RuntimeErrors, recognisable by the source file in the message.
    return isinstance(error, distributed.DistError) or "gloo/" in str(error)
