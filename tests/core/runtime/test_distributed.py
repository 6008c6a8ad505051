"""Distributed training, tested in a single process; tests/cli/test_torchrun.py starts several."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakd_core import load_model
from fakd_core.data.datasets import open_dataset
from fakd_core.errors import DataError, RunError
from fakd_core.events import Cancelled, CancelToken, run_to_end
from fakd_core.runtime.distributed import SINGLE_PROCESS, World, join_world
from fakd_core.training.validation import Validator


def test_without_torchrun_there_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with join_world() as world:
        assert world == SINGLE_PROCESS
        assert world.is_main
        assert world.claim_error_report()
        assert world.sum([1.5, 2]) == [1.5, 2]
        assert not world.any(False)


def test_a_single_process_raises_its_own_errors() -> None:
    def fail() -> None:
        raise DataError("broken")

    with pytest.raises(DataError, match="broken"):
        SINGLE_PROCESS.broadcast_from_main(fail)
    with pytest.raises(Cancelled), SINGLE_PROCESS.all_or_none():
        raise Cancelled
    with pytest.raises(RuntimeError, match="other"), SINGLE_PROCESS.detect_lost_peers():
        raise RuntimeError("other")


def test_processes_that_can_not_connect_are_reported_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RunError, match="start them with torchrun") as caught, join_world():
        pass
    assert "\n" not in str(caught.value)


class StoppedPeer(World):
    """The first of three processes, another of which was stopped; nothing is sent."""

    def sum(self, values: list[float]) -> list[float]:  # type: ignore[override]
        return [value + 1 for value in values]


def test_a_stop_in_another_process_ends_a_validation(photos: Path, small_teacher: Path) -> None:
    dataset = open_dataset(photos, 4)
    pairs = {place: dataset.load(place) for place in Validator.shard(6, StoppedPeer(0, 3))}
    assert list(pairs) == [0, 3]
    validator = Validator(pairs=pairs, images=6, scale=4, world=StoppedPeer(0, 3))
    with pytest.raises(Cancelled):
        run_to_end(validator.evaluate(load_model(small_teacher), CancelToken()))


def test_each_image_is_in_one_shard_and_the_first_in_all() -> None:
    shares = [set(Validator.shard(7, World(rank, 3))) for rank in range(3)]
    assert set.union(*shares) == set(range(7))
    assert all(0 in share for share in shares)
    assert sum(len(share - {0}) for share in shares) == 6
