"""Results as JSON and back."""

from __future__ import annotations

import json

import pytest

from fakd_core.errors import DataError
from fakd_core.results import ImageResult, Result, from_json, to_json

IMAGES = (ImageResult("a", 30.123456789, 0.9, 0.25), ImageResult("b", float("inf"), 1.0, 0.5))
RESULT = Result("net.pt", "Set5", 4, 2, float("inf"), 0.95, IMAGES)


def test_what_was_written_is_read_back_whole() -> None:
    document = json.loads(json.dumps(to_json([RESULT]), allow_nan=False))
    assert from_json(document) == [RESULT]


def test_keys_of_others_are_left_alone() -> None:
    document = to_json([RESULT])
    document["teacher"] = "net.pt"
    document["results"][0]["data"] = "/somewhere"
    assert from_json(document) == [RESULT]


@pytest.mark.parametrize("document", [None, [], {}, {"results": 3}])
def test_something_else_is_refused(document: object) -> None:
    with pytest.raises(DataError, match="fakd evaluate --json"):
        from_json(document)


def test_a_damaged_result_is_named() -> None:
    document = to_json([RESULT, RESULT])
    del document["results"][1]["scale"]
    with pytest.raises(DataError, match="result 2 of 2 lacks 'scale'"):
        from_json(document)
    document["results"][1]["scale"] = "four"
    with pytest.raises(DataError, match=r"result 2 of 2 is damaged.*four"):
        from_json(document)
