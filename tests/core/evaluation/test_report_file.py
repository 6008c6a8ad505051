"""Files that are opened as a report: output of the command line, others, none."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakd_core.data.resize import BICUBIC
from fakd_core.errors import DataError
from fakd_core.evaluation.report_file import from_document, read_report
from fakd_core.evaluation.results import (
    Cell,
    EvalSet,
    Failure,
    Result,
    to_json,
)


@pytest.mark.parametrize("content", ["not JSON", '{"results": 3}', '{"results": [{"model": "m"}]}'])
def test_another_kind_of_file_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    file = tmp_path / "table.json"
    file.write_text(content)
    with pytest.raises(DataError, match=r"table\.json") as raised:
        read_report(file)
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.json: can't be read"):
        read_report(tmp_path / "gone.json")


def test_failures_of_the_command_line_open_too() -> None:
    failures = [Failure("net.pt", "NaN pixels", "Set5", 4)]
    again = from_document(to_json([Result(BICUBIC, "Set5", 4, 0, 28.0, 0.8, ())], failures))
    assert again.failures == {Cell("net.pt", EvalSet("Set5", 4)): failures[0]}
    assert list(again.rows) == [BICUBIC, "net.pt"]
