"""Inputs that the fuzzer found are handled, and a short walk around the valid inputs finds no more."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fuzz_targets import TARGETS, run, seeds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FOUND = Path(__file__).parent / "found"


@pytest.mark.parametrize("target", TARGETS)
def test_valid_inputs_are_taken(target: str, tmp_path: Path) -> None:
    TARGETS[target](seeds(target)[0], tmp_path)


@pytest.mark.parametrize(
    "case", sorted(FOUND.glob("*/*")), ids=lambda case: f"{case.parent.name}-{case.name}"
)
def test_what_was_found(case: Path, tmp_path: Path) -> None:
    run(case.parent.name, case.read_bytes(), tmp_path)


@pytest.mark.parametrize("target", TARGETS)
def test_damage_is_only_ever_the_users_error(target: str) -> None:
    @given(st.data())
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    def damage(data: st.DataObject) -> None:
        whole = data.draw(st.sampled_from(seeds(target)))
        begin = data.draw(st.integers(0, len(whole)))
        end = data.draw(st.integers(begin, min(begin + 8, len(whole))))
        damaged = whole[:begin] + data.draw(st.binary(max_size=8)) + whole[end:]
        if data.draw(st.booleans()):
            damaged = damaged[: data.draw(st.integers(0, len(damaged)))]
        with TemporaryDirectory() as folder:
            run(target, damaged, Path(folder))

    damage()
