"""How many images of a set its means are of, and which ones they lack."""

from __future__ import annotations

from fakd_core.evaluation.report import Cell, Report, Score, SetAt
from fakd_core.evaluation.results import LeftOut, covered


def measured_images(report: Report, score: Score, at: SetAt) -> int:
    """How many images of a set the means are of."""
    return len(score.images) or report.groups[at].images - len(score.left_out)


def images(report: Report, at: SetAt) -> str:
    """'5 images', '1 image', '4 of 5 images' where the means are of fewer; empty while nobody knows."""
    whole = report.groups[at].images
    scores = [score for cell, score in report.scores.items() if cell.at == at]
    counts = [measured_images(report, score, at) for score in scores] or [whole]
    least, most = min(counts), max(counts)
    count = covered(most, whole) if least == most else f"{least}–{most} of {whole}"
    return f"{count} {'image' if whole == 1 else 'images'}" if whole else ""


def part(report: Report, ref: str, at: SetAt) -> str:
    """'3 of 5' where the models' means on a set are not of the same images; else empty."""
    score = report.scores.get(Cell(ref, at))
    if score is None or report.same_images(at):
        return ""
    return f"{measured_images(report, score, at)} of {report.groups[at].images}"


def left_out(report: Report, at: SetAt) -> dict[LeftOut, list[str]]:
    """The images of a set that were left out, each with the models (refs) that were measured without."""
    found: dict[LeftOut, list[str]] = {}
    for cell, score in report.scores.items():
        for lost in score.left_out if cell.at == at else ():
            found.setdefault(lost, []).append(cell.ref)
    return found
