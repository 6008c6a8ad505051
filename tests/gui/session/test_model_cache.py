"""Models are loaded once, side by side, and kept within bounds."""

from __future__ import annotations

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fakd_core.runs import references
from fakd_gui.session.model_cache import ModelCache


@pytest.fixture
def files(small_teacher: Path, tmp_path: Path) -> list[str]:
    paths = [tmp_path / f"{name}.safetensors" for name in "abc"]
    for path in paths:
        shutil.copy(small_teacher, path)
    return [str(path) for path in paths]


def test_model_is_loaded_once_until_its_file_changes(files: list[str]) -> None:
    cache = ModelCache()
    first = cache.get(files[0])
    assert cache.get(files[0]) is first
    version = cache.version(files[0])
    os.utime(files[0], (1, 1))
    assert cache.get(files[0]) is not first
    assert cache.version(files[0]) != version


def test_others_are_had_while_one_is_loaded_and_it_is_loaded_once(
    files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick, load = files[0], files[1], references.load_model
    begun, go_on, loaded = threading.Event(), threading.Event(), list[str]()

    def load_slowly(ref: str) -> object:
        loaded.append(ref)
        if ref == slow:
            begun.set()
            assert go_on.wait(60)
        return load(ref)

    monkeypatch.setattr(references, "load_model", load_slowly)
    cache = ModelCache()
    held = cache.get(quick)
    with ThreadPoolExecutor(3) as pool:
        both = [pool.submit(cache.get, slow) for _ in range(2)]
        assert begun.wait(60)
        try:
            assert pool.submit(cache.get, quick).result(timeout=300) is held
        finally:
            go_on.set()
        assert both[0].result() is both[1].result()
    assert loaded == [quick, slow]


def test_a_failure_to_load_holds_up_nobody(files: list[str]) -> None:
    cache, path = ModelCache(), Path(files[0])
    content = path.read_bytes()
    path.write_bytes(b"no model")
    for _ in range(2):
        with pytest.raises(references.CheckpointError):
            cache.get(files[0])
    path.write_bytes(content)
    assert cache.get(files[0]).spec.scale == 4


def test_the_models_used_last_are_kept_within_the_bound(files: list[str]) -> None:
    a, b, c = files
    one = sum(weight.nbytes for weight in ModelCache().get(a).parameters())
    cache = ModelCache(max_bytes=2 * one + one // 2)
    models = {ref: cache.get(ref) for ref in (a, b)}
    cache.get(a)
    models[c] = cache.get(c)
    assert [cache.get(ref) is models[ref] for ref in (a, c)] == [True, True]
    assert cache.get(b) is not models[b]
    # A model larger than the bound is kept all the same: it is in use.
    cache = ModelCache(max_bytes=1)
    assert cache.get(a) is cache.get(a)
