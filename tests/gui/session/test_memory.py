"""Remembered state is read leniently."""

from __future__ import annotations

from pydantic import Field

from fakd_gui.session.user_files import Memory


class Bars(Memory):
    split: bool = False
    gain: int = Field(4, ge=1)


class Compare(Memory):
    panes: list[str] = Field(default_factory=list)
    bars: Bars = Bars()


def test_invalid_value_falls_back_to_its_default() -> None:
    written = {"panes": ["a"], "bars": {"split": True, "gain": "much"}, "from the future": 1}
    assert Compare.model_validate(written) == Compare(panes=["a"], bars=Bars(split=True))
    assert Compare.model_validate({"panes": 3, "bars": None}) == Compare()


def test_written_memory_reads_back() -> None:
    memory = Compare(panes=["a", "b"], bars=Bars(gain=8))
    assert Compare.model_validate_json(memory.model_dump_json()) == memory
