"""Results as JSON and back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fakd_core.errors import DataError
from fakd_core.evaluation.results import (
    Failure,
    ImageResult,
    LeftOut,
    Result,
    failures_from_json,
    from_json,
    to_json,
)

IMAGES = (ImageResult("a", 30.123456789, 0.9, 0.25), ImageResult("b", float("inf"), 1.0, 0.5))
RESULT = Result("net.pt", "Set5", 4, 2, float("inf"), 0.95, IMAGES)


def test_results_are_read_back_unchanged() -> None:
    document = json.loads(json.dumps(to_json([RESULT]), allow_nan=False))
    assert from_json(document) == [RESULT]


def test_unknown_keys_are_ignored() -> None:
    document = to_json([RESULT])
    document["teacher"] = "net.pt"
    document["results"][0]["data"] = "/somewhere"
    assert from_json(document) == [RESULT]


def test_images_left_out_and_failures_are_read_back() -> None:
    partly = replace(RESULT, left_out=(LeftOut("/set/c.png", "an empty file"),))
    failures = [Failure("a.pt", "not enough memory", "Set5", 4), Failure("b.pt", "no such file")]
    document = json.loads(json.dumps(to_json([partly, RESULT], failures)))
    assert document["results"][0]["left_out"] == [{"file": "/set/c.png", "reason": "an empty file"}]
    assert document["failures"][1] == {
        "model": "b.pt",
        "reason": "no such file",
        "dataset": None,
        "scale": None,
    }
    assert "left_out" not in document["results"][1]
    assert from_json(document) == [partly, RESULT]
    assert failures_from_json(document) == failures
    assert failures_from_json(to_json([RESULT])) == []


@pytest.mark.parametrize("failures", [3, [3], [{}], [{"model": "m", "reason": "r", "scale": "four"}]])
def test_damaged_failures_are_refused(failures: object) -> None:
    with pytest.raises(DataError, match="failure 1 of 1 is damaged"):
        failures_from_json({"results": [], "failures": failures})


@pytest.mark.parametrize("document", [None, [], {}, {"results": 3}])
def test_another_document_is_refused(document: object) -> None:
    with pytest.raises(DataError, match="fakd evaluate --json"):
        from_json(document)


def test_scores_of_the_images_may_not_be_missing() -> None:
    document = to_json([RESULT])
    del document["results"][0]["per_image"]
    with pytest.raises(DataError, match="result 1 of 1 is damaged: per_image: must be given"):
        from_json(document)


def test_a_damaged_result_is_named() -> None:
    document = to_json([RESULT, RESULT])
    del document["results"][1]["scale"]
    with pytest.raises(DataError, match="result 2 of 2 is damaged: scale: must be given"):
        from_json(document)
    document["results"][1]["scale"] = "four"
    with pytest.raises(DataError, match=r"result 2 of 2 is damaged.*four"):
        from_json(document)
