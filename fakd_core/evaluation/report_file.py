"""A report as JSON: `fakd evaluate --json`'s document, with what else a table needs beside it.

The document's `results` and `failures` are the command line's, each with `data`, its folder. Beside them
stand `teacher` and `baseline` (models' names), `measured` (ISO date and time) and `models`: for each its
`label`, `parameters` and `gmacs`. All of that may be missing: what `fakd evaluate --json` prints opens as it
is.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from fakd_core.errors import DataError
from fakd_core.evaluation.coverage import measured_images
from fakd_core.evaluation.report import BICUBIC, Cell, Group, Report, Row, Score, SetAt
from fakd_core.evaluation.results import Failure, Result, failures_from_json, from_json, to_json
from fakd_core.models.references import model_labels


def to_document(report: Report, now: datetime) -> dict[str, Any]:
    """`report`'s scores, and why others are missing, for `json.dumps`."""
    failures = [Failure(ref, reason) for ref, reason in report.row_failures.items()]
    failures += [
        Failure(cell.ref, reason, report.groups[cell.at].name, cell.at.scale)
        for cell, reason in report.failures.items()
    ]
    cells = list(report.scores)
    document = to_json((_result(report, cell) for cell in cells), failures)
    for cell, row in zip(cells, document["results"], strict=True):
        row["data"] = cell.at.data
    of_cells = document.get("failures", [])[len(report.row_failures) :]
    for cell, row in zip(report.failures, of_cells, strict=True):
        row["data"] = cell.at.data
    document["teacher"], document["baseline"] = report.teacher, report.baseline
    document["measured"] = (report.measured or now).isoformat(timespec="seconds")
    document["models"] = {
        row.ref: {"label": row.label, "parameters": row.parameters, "gmacs": row.gmacs}
        for row in report.rows.values()
    }
    return document


def read_report(path: Path) -> Report:
    """The report in `path`.

    Raises `DataError` if the file can't be read or holds something else.
    """
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
    """The report that `document` holds; see above for what may be missing. Raises `DataError`."""
    results, failures = from_json(document), failures_from_json(document)
    assert isinstance(document, dict)
    models = document.get("models")
    known = models if isinstance(models, dict) else {}
    refs = [ref for ref in known if isinstance(ref, str)]
    refs += [*(result.model for result in results), *(failure.model for failure in failures)]
    labels = {**model_labels(list(dict.fromkeys(refs))), BICUBIC: "Bicubic"}
    rows = [_row(ref, labels[ref], known.get(ref)) for ref in dict.fromkeys(refs)]
    baseline = document.get("baseline")
    report = Report(rows, str(document.get("teacher", "")), str(baseline) if baseline else BICUBIC)
    for result, found in zip(results, document["results"], strict=True):
        at = SetAt(str(found.get("data") or result.dataset), result.scale)
        report.groups[at] = Group(result.dataset, result.images + len(result.left_out))
        report.scores[Cell(result.model, at)] = Score.of(
            result.per_image, result.psnr_y, result.ssim_y, result.left_out
        )
    for failure, found in zip(failures, document.get("failures", []), strict=True):
        if failure.dataset is None or failure.scale is None:
            report.row_failures[failure.model] = failure.reason
            continue
        at = SetAt(str(found.get("data") or failure.dataset), failure.scale)
        report.groups.setdefault(at, Group(failure.dataset))
        report.failures[Cell(failure.model, at)] = failure.reason
    try:
        report.measured = datetime.fromisoformat(str(document.get("measured")))
    except ValueError:
        report.measured = None
    return report


def _result(report: Report, cell: Cell) -> Result:
    group, score = report.groups[cell.at], report.scores[cell]
    images = measured_images(report, score, cell.at)
    return Result(
        cell.ref, group.name, cell.at.scale, images, score.psnr, score.ssim, score.images, score.left_out
    )


def _row(ref: str, label: str, facts: object) -> Row:
    if not isinstance(facts, dict):
        return Row(ref, label)
    return Row(ref, str(facts.get("label") or label), _number(facts, "parameters"), _number(facts, "gmacs"))


def _number(facts: dict[str, Any], name: str) -> float | None:
    value = facts.get(name)
    return float(value) if isinstance(value, int | float) else None
