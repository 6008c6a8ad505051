"""The store of decoded images has one builder at a time, whatever happens to its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from stores import DECODING, NAMES, WAITING, content_hash, drained, equal_to_files, fill, left_in, stored

from fakd_core.data.datasets import SRDataset, open_dataset
from fakd_core.data.pixel_store import open_store, store_files
from fakd_core.events import CancelToken

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return fill(tmp_path / "photos", NAMES, 41, 54)


class Builder(NamedTuple):
    """Another process that opens the store of a folder, but decodes nothing before `go` exists."""

    process: subprocess.Popen[str]
    go: Path
    decoded: Path

    def output(self) -> str:
        output, _ = self.process.communicate(timeout=300)
        return output

    def wait_for_start(self) -> None:
        while not self.decoded.exists():
            assert self.process.poll() is None
            time.sleep(0.01)


PROGRAM = """
import os, sys, time
from pathlib import Path
from stores import DECODING, NAMES, WAITING, content_hash, drained, equal_to_files, fill, left_in, stored
from fakd_core.data.datasets import SRDataset, open_dataset
photos, go, decoded = map(Path, sys.argv[1:])
load = SRDataset.load
def counted(self, index):
    with decoded.open("a") as file:
        file.write(f"{index}")
    while not go.exists():
        time.sleep(0.01)
    return load(self, index)
SRDataset.load = counted
store, said = drained(open_dataset(photos, 4))
print(store.hash_of(range(len(store))), *said, sep=",")
"""


@pytest.fixture
def start(photos: Path, tmp_path: Path) -> Iterator[Callable[[], Builder]]:
    started: list[Builder] = []

    def begin() -> Builder:
        go, decoded = tmp_path / "go", tmp_path / "decoded"
        command = [sys.executable, "-c", PROGRAM, str(photos), str(go), str(decoded)]
        paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}
        )
        started.append(Builder(process, go, decoded))
        return started[-1]

    yield begin
    for builder in started:
        builder.process.kill()
        builder.process.communicate()


def test_two_processes_at_once_decode_once(
    photos: Path, start: Callable[[], Builder], monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = start()
    builder.wait_for_start()
    monkeypatch.setattr(SRDataset, "load", None)
    opening = open_store(open_dataset(photos, 4), CancelToken())
    assert next(opening).what == WAITING
    builder.go.touch()
    assert {progress.what for progress in opening} <= {WAITING}
    found, *said = builder.output().strip().split(",")
    assert said == DECODING
    assert content_hash(stored(open_dataset(photos, 4))) == found
    assert sorted(builder.decoded.read_text()) == ["0", "1", "2"]


def test_a_killed_builder_leaves_no_valid_store(
    photos: Path, cache: Path, start: Callable[[], Builder]
) -> None:
    builder = start()
    builder.wait_for_start()
    builder.process.send_signal(signal.SIGKILL)
    builder.process.wait()
    dataset = open_dataset(photos, 4)
    assert len(left_in(cache)) == 1, "what it was writing"
    assert store_files(dataset) == []
    store, said = drained(dataset)
    assert said == DECODING
    assert equal_to_files(store, dataset)
    assert left_in(cache) == [path.name for path in store_files(dataset)]
