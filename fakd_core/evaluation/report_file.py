"""A report as JSON: the document of `fakd evaluate --json`, with what else a table needs.

`results` and `failures` are the command line's, each with `data`, its folder. Beside them stand `teacher`
and `baseline` (models' names), `measured` (ISO date and time) and `models` (of each the `label`, `parameters`
and `gmacs`). All of these may be missing: the output of `fakd evaluate --json` opens as it is.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from fakd_core.data.resize import BICUBIC
from fakd_core.errors import DataError
from fakd_core.evaluation.report import Report, Row, SetInfo, row_labels
from fakd_core.evaluation.results import Cell, EvalSet, failures_from_json, from_json, to_json


def to_document(report: Report, now: datetime) -> dict[str, Any]:
    """The scores of `report`, and why others are missing, for `json.dumps`."""
    document = to_json(report.results.values(), [*report.model_failures.values(), *report.failures.values()])
    failures = document.get("failures", [])[len(report.model_failures) :]
    cells = [*report.results, *report.failures]
    for cell, row in zip(cells, [*document["results"], *failures], strict=True):
        row["data"] = cell.eval_set.data
    document["teacher"], document["baseline"] = report.teacher, report.baseline
    document["measured"] = (report.measured or now).isoformat(timespec="seconds")
    document["models"] = {
        row.ref: {"label": row.label, "parameters": row.parameters, "gmacs": row.gmacs}
        for row in report.rows.values()
    }
    return document


def read_report(path: Path) -> Report:
    """Read the report in `path`; raises `DataError` if it can't be read or is something else."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror})") from None
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error}); choose a file of results") from None
    try:
        return from_document(document)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def from_document(document: object) -> Report:
    """The report in `document`; raises `DataError` if something is wrong with it."""
    results, failures = from_json(document), failures_from_json(document)
    assert isinstance(document, dict)
    models = document.get("models")
    known = models if isinstance(models, dict) else {}
    refs = [ref for ref in known if isinstance(ref, str)]
    refs += [*(result.model for result in results), *(failure.model for failure in failures)]
    labels = row_labels(dict.fromkeys(refs))
    baseline = document.get("baseline")
    report = Report(
        [_row(ref, label, known.get(ref)) for ref, label in labels.items()],
        str(document.get("teacher", "")),
        str(baseline) if baseline else BICUBIC,
    )
    for result, found in zip(results, document["results"], strict=True):
        eval_set = EvalSet(str(found.get("data") or result.dataset), result.scale)
        report.sets[eval_set] = SetInfo(result.dataset, result.images_in_set)
        report.results[Cell(result.model, eval_set)] = result
    for failure, found in zip(failures, document.get("failures", []), strict=True):
        if failure.dataset is None or failure.scale is None:
            report.model_failures[failure.model] = failure
            continue
        eval_set = EvalSet(str(found.get("data") or failure.dataset), failure.scale)
        report.sets.setdefault(eval_set, SetInfo(failure.dataset))
        report.failures[Cell(failure.model, eval_set)] = failure
    with suppress(ValueError):
        report.measured = datetime.fromisoformat(str(document.get("measured")))
    return report


def _row(ref: str, label: str, facts: object) -> Row:
    if not isinstance(facts, dict):
        return Row(ref, label)
    return Row(ref, str(facts.get("label") or label), _number(facts, "parameters"), _number(facts, "gmacs"))


def _number(facts: dict[str, Any], name: str) -> float | None:
    value = facts.get(name)
    return float(value) if isinstance(value, int | float) else None
