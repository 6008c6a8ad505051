"""Items made ahead in threads."""

from __future__ import annotations

import threading

import pytest

from fakd_core.data.pixel_store import Prefetcher


class Maker:
    """Squares numbers, and notes which it squared in which threads."""

    def __init__(self) -> None:
        self.made: list[int] = []
        self.threads: set[str] = set()
        self.changed = threading.Condition()

    def __call__(self, number: int) -> int:
        with self.changed:
            self.made.append(number)
            self.threads.add(threading.current_thread().name)
            self.changed.notify_all()
        if number == 3:
            raise ValueError("three")
        return number**2

    def wait_for(self, number: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: number in self.made, timeout=60)


def test_the_next_item_is_made_ahead_and_only_once() -> None:
    make = Maker()
    with Prefetcher(make) as prefetched:
        assert prefetched(0) == 0
        make.wait_for(1)
        assert [prefetched(1), prefetched(2)] == [1, 4]
    assert sorted(make.made)[:3] == [0, 1, 2]
    assert len(make.made) == len(set(make.made))
    assert threading.current_thread().name not in make.threads


@pytest.mark.parametrize("depth", [1, 3])
def test_any_order_gives_the_same(depth: int) -> None:
    numbers = [7, 8, 0, 5, 6, 5, 5, 9]
    with Prefetcher(Maker(), depth) as prefetched:
        assert [prefetched(number) for number in numbers] == [number**2 for number in numbers]


def test_nothing_is_made_past_the_end_and_no_more_than_depth_ahead() -> None:
    make = Maker()
    with Prefetcher(make, depth=2, end=7) as prefetched:
        prefetched(0)
        for number in (1, 2):
            make.wait_for(number)
        assert set(make.made) == {0, 1, 2}
        assert [prefetched(number) for number in (4, 5, 6)] == [16, 25, 36]
    assert max(make.made) == 6


def test_an_error_is_raised_by_the_call_for_its_number() -> None:
    make = Maker()
    with Prefetcher(make) as prefetched:
        assert prefetched(2) == 4
        make.wait_for(3)
        with pytest.raises(ValueError, match="three"):
            prefetched(3)
        assert prefetched(4) == 16


def test_its_thread_ends_when_it_is_closed_or_garbage_collected() -> None:
    before = set(threading.enumerate())
    closed, forgotten = Prefetcher(Maker()), Prefetcher(Maker())
    closed(0), forgotten(0)
    threads = set(threading.enumerate()) - before
    assert len(threads) == 2
    closed.close()
    assert sum(thread.is_alive() for thread in threads) == 1
    del forgotten
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
