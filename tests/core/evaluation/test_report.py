"""The report of an evaluation: its copies are parsed back to the values they were made from."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from fakd_core.data.resize import BICUBIC
from fakd_core.evaluation.report import Column, Kind, Mark, Report, Row, SetInfo
from fakd_core.evaluation.report_export import (
    PROTOCOL,
    PUBLISHED_NOTE,
    Selection,
    image_deltas,
    to_csv,
    to_csv_per_image,
    to_latex,
    to_markdown,
)
from fakd_core.evaluation.report_file import from_document, to_document
from fakd_core.evaluation.results import (
    Cell,
    EvalSet,
    Failure,
    ImageResult,
    LeftOut,
    Result,
    from_json,
    to_json,
)

SET5, MINE = EvalSet("/data/Set5", 4), EvalSet("/data/my_set & co", 4)
BASELINE, FAKD, TEACHER = "runs/plain", "runs/100%_fakd", "teacher.pt"
PSNR = {BICUBIC: 28.4290123, BASELINE: 30.1002, FAKD: 30.5004, TEACHER: 31.0}
SSIM = {BICUBIC: 0.81111, BASELINE: 0.85, FAKD: 0.86, TEACHER: 0.88}
KINDS = tuple(Kind)
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


def result(
    ref: str,
    eval_set: EvalSet,
    psnr: float,
    ssim: float,
    images: tuple[ImageResult, ...] = (),
    left_out: tuple[LeftOut, ...] = (),
) -> Result:
    name, count = Path(eval_set.data).name, len(images) or 2
    return Result(ref, name, eval_set.scale, count, psnr, ssim, images, left_out)


@pytest.fixture
def report() -> Report:
    rows = [
        Row(BICUBIC, "Bicubic"),
        Row(BASELINE, "plain|one", 224525, 0.7986),
        Row(FAKD, "100%_fakd", 224525, 0.7986),
        Row(TEACHER, "teacher", 597685, 1.648),
    ]
    report = Report(rows, TEACHER)
    report.sets = {SET5: SetInfo("Set5", 2), MINE: SetInfo("my_set & co", 2)}
    for offset, eval_set in enumerate(report.sets):
        for ref, psnr in PSNR.items():
            images = tuple(
                ImageResult(name, psnr + offset + shift, SSIM[ref], 0.25)
                for name, shift in (("a", -1), ("b", 1))
            )
            report.results[Cell(ref, eval_set)] = result(ref, eval_set, psnr + offset, SSIM[ref], images)
    return report


def select(report: Report, published: bool = False) -> Selection:
    rows = [*report.rows.values(), *(report.published() if published else [])]
    return Selection(report, rows, report.columns(KINDS))


def without_markup(cell: str) -> str:
    """A cell without its markup."""
    for wrapper in (
        r"\\textbf\{(.*)\}",
        r"\\underline\{(.*)\}",
        r"\\textit\{(.*)\}",
        r"\*\*(.*)\*\*",
        r"<u>(.*)</u>",
    ):
        cell = re.sub(f"^{wrapper}$", r"\1", cell)
    return cell.strip("$")


def check(selection: Selection, rows: list[list[str]]) -> None:
    """Every cell of a copy equals the report's value, to the digits shown."""
    assert len(rows) == len(selection.rows)
    seen = 0
    for row, cells in zip(selection.rows, rows, strict=True):
        for column, cell in zip(selection.columns, cells, strict=True):
            value, text = selection.report.value(row, column), without_markup(cell)
            if value is None:
                assert not NUMBER.search(text)
                continue
            seen += 1
            digits = len(text.partition(".")[2])
            shown = value / 1e6 if column.kind is Kind.PARAMETERS else value
            assert float(text) == pytest.approx(shown, abs=0.5000001 * 10**-digits)
    assert seen > 30


@pytest.mark.parametrize("published", [False, True])
def test_markdown_reads_back(report: Report, published: bool) -> None:
    selection = select(report, published)
    text = to_markdown(selection)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    table = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    assert table[0][3:5] == ["Set5 ×4 PSNR", "Set5 ×4 SSIM"]
    assert table[0][8] == "my_set & co ×4 PSNR"
    assert [row[0] for row in table[2:6]] == ["Bicubic", "plain\\|one", "100%_fakd", "teacher"]
    check(selection, [row[1:] for row in table[2:]])
    assert table[4][3] == "**30.500**"
    assert table[3][3] == "<u>30.100</u>"
    assert f"<!-- {PROTOCOL} -->" in text
    assert "Δ dB: PSNR minus that of the teacher, teacher; Gap %: " in text
    assert "from the baseline, Bicubic, to the teacher, teacher -->" in text
    assert (PUBLISHED_NOTE in text) == published
    assert ("(published)" in text) == published


@pytest.mark.parametrize("published", [False, True])
def test_latex_reads_back(report: Report, published: bool) -> None:
    selection = select(report, published)
    text = to_latex(selection)
    body = text.split(r"\midrule", 1)[1].split(r"\bottomrule")[0].replace(r"\midrule", "")
    table = [
        re.split(r"(?<!\\)&", line.removesuffix(r"\\").strip()) for line in body.strip().splitlines() if line
    ]
    cells = [[cell.strip() for cell in row] for row in table]
    assert [row[0] for row in cells[1:3]] == ["plain|one", r"100\%\_fakd"]
    check(selection, [row[1:] for row in cells])
    assert cells[2][3] == r"\textbf{30.500}"
    assert cells[1][3] == r"\underline{30.100}"
    assert r"\multicolumn{5}{c}{my\_set \& co $\times$4}" in text
    assert r"\cmidrule(lr){4-8}\cmidrule(lr){9-13}" in text
    columns = 1 + len(selection.columns)
    assert f"{{l{'r' * (columns - 1)}}}" in text
    assert all(len(row) == columns for row in cells)
    assert f"% {PROTOCOL}" in text.splitlines()
    assert ("published" in text) == published


@pytest.mark.parametrize("published", [False, True])
def test_csv_holds_every_digit(report: Report, published: bool) -> None:
    selection = select(report, published)
    text = to_csv(selection)
    found = list(csv.DictReader(io.StringIO(text), strict=True))
    assert all(None not in row and None not in row.values() for row in found)
    assert len(found) == sum(
        report.result(row.ref, eval_set) is not None for row in selection.rows for eval_set in (SET5, MINE)
    )
    measured = [row for row in found if row["source"] == "measured"]
    assert [(row["model"], row["set"]) for row in measured[:2]] == [
        ("Bicubic", "Set5"),
        ("plain|one", "Set5"),
    ]
    for row in measured:
        found_in = SET5 if row["set"] == "Set5" else MINE
        scores = report.results[Cell(row["file"], found_in)]
        assert (float(row["psnr_y_db"]), float(row["ssim_y"])) == (scores.psnr_y, scores.ssim_y)
        assert float(row["seconds_per_image"]) == 0.25
        assert (row["images"], row["images_in_set"]) == ("2", "2")
    gap = (PSNR[FAKD] - PSNR[BICUBIC]) / (PSNR[TEACHER] - PSNR[BICUBIC])
    assert float(measured[2]["gap_closed_percent"]) == pytest.approx(100 * gap)
    assert float(measured[2]["delta_teacher_db"]) == pytest.approx(PSNR[FAKD] - PSNR[TEACHER])
    theirs = {row["model"]: row for row in found if row["source"] == "published"}
    assert len(theirs) == (6 if published else 0)
    if published:
        assert theirs["RCAN student with FAKD"]["psnr_y_db"] == "32.462"


def test_csv_by_image_has_a_line_for_each_and_none_published(report: Report) -> None:
    text = to_csv_per_image(select(report, published=True))
    found = list(csv.DictReader(io.StringIO(text), strict=True))
    assert len(found) == 16
    assert {row["left_out"] for row in found} == {""}
    row = found[4]
    assert (row["model"], row["image"], float(row["psnr_y_db"])) == ("100%_fakd", "a", PSNR[FAKD] - 1)
    assert float(row["delta_teacher_db"]) == pytest.approx(PSNR[FAKD] - PSNR[TEACHER])
    assert found[6]["delta_teacher_db"] == ""
    assert "published" not in text


def test_metrics_of_installed_packages_are_the_last_columns(report: Report) -> None:
    images = tuple(
        ImageResult(name, 30.0, 0.9, 0.25, {"mae_y": error}) for name, error in (("a", 2.5), ("b", 3.5))
    )
    report.results[Cell(FAKD, SET5)] = result(FAKD, SET5, 30.0, 0.9, images)
    means = list(csv.DictReader(io.StringIO(to_csv(select(report, published=True))), strict=True))
    assert list(means[0])[-1] == "mae_y"
    assert [row["mae_y"] for row in means if row["mae_y"]] == ["3.0"]
    by_image = list(csv.DictReader(io.StringIO(to_csv_per_image(select(report))), strict=True))
    assert [row["mae_y"] for row in by_image if row["mae_y"]] == ["2.5", "3.5"]
    assert "Set5 ×4 mae_y |" in to_markdown(select(report))
    assert r"& mae\_y" in to_latex(select(report))
    # A saved table has them, too.
    written = Result(FAKD, "Set5", 4, 2, 30.0, 0.9, images)
    assert from_json(json.loads(json.dumps(to_json([written])))) == [written]


def test_marks_exclude_the_teacher_and_need_a_competitor(report: Report) -> None:
    psnr = Column(Kind.PSNR, SET5)
    marks = {ref: report.mark(row, psnr) for ref, row in report.rows.items()}
    assert marks == {BICUBIC: None, BASELINE: Mark.SECOND, FAKD: Mark.BEST, TEACHER: None}
    # Values that look equal count as equal; the teacher doesn't count.
    report.results[Cell(TEACHER, SET5)] = report.results[Cell(FAKD, SET5)]
    assert report.mark(report.rows[TEACHER], psnr) is None
    report.results[Cell(BASELINE, SET5)] = result(BASELINE, SET5, 30.50042, 0.85)
    assert report.mark(report.rows[BASELINE], psnr) is Mark.BEST
    for ref in (BASELINE, BICUBIC):
        del report.results[Cell(ref, SET5)]
    assert report.mark(report.rows[FAKD], psnr) is None


def test_the_gap_starts_at_the_chosen_baseline(report: Report) -> None:
    gap = Column(Kind.GAP, SET5)
    report.baseline = BASELINE
    expected = 100 * (PSNR[FAKD] - PSNR[BASELINE]) / (PSNR[TEACHER] - PSNR[BASELINE])
    assert report.value(report.rows[FAKD], gap) == pytest.approx(expected)
    assert report.value(report.rows[BICUBIC], gap) == pytest.approx(
        100 * (PSNR[BICUBIC] - PSNR[BASELINE]) / (PSNR[TEACHER] - PSNR[BASELINE])
    )
    assert report.value(report.rows[BASELINE], gap) is None
    # Where the teacher isn't above the baseline there is no gap to close.
    report.results[Cell(TEACHER, SET5)] = result(TEACHER, SET5, 30.0, 0.8)
    assert report.value(report.rows[FAKD], gap) is None


def test_a_perfect_image_has_no_difference(report: Report) -> None:
    perfect = (ImageResult("a", float("inf"), 1.0, 0.1), ImageResult("b", 31.0, 0.9, 0.1))
    others = (ImageResult("a", 50.0, 1.0, 0.1), ImageResult("b", 30.0, 0.9, 0.1))
    report.results[Cell(FAKD, SET5)] = result(FAKD, SET5, 31.0, 0.95, perfect)
    report.results[Cell(BASELINE, SET5)] = result(BASELINE, SET5, 40.0, 0.95, others)
    assert list(image_deltas(report, FAKD, SET5)) == ["b"]
    text = to_markdown(select(report))
    row = next(line for line in text.splitlines() if "100%_fakd" in line)
    assert "| 31.000 (1 of " in row
    assert "100%_fakd equals HR on 1 of the 2 images of Set5 (a): PSNR is infinite there" in text
    lines = csv.DictReader(io.StringIO(to_csv(select(report))))
    line = next(line for line in lines if (line["file"], line["set"]) == (FAKD, "Set5"))
    assert (line["psnr_y_db"], line["infinite_psnr"]) == ("31.0", "1")


def test_two_sets_with_the_same_name_are_titled_by_folder(report: Report) -> None:
    report.sets = {EvalSet("/one/set", 4): SetInfo("set"), EvalSet("/two/set", 4): SetInfo("set")}
    assert [report.title(eval_set) for eval_set in report.sets] == ["one/set ×4", "two/set ×4"]


def test_saved_results_are_read_back_unchanged(report: Report) -> None:
    report.baseline = BASELINE
    now = datetime(2026, 11, 22, 18, 4)
    again = from_document(to_document(report, now))
    assert again.rows == report.rows
    assert again.results == report.results
    assert again.sets == report.sets
    assert (again.teacher, again.baseline, again.measured) == (TEACHER, BASELINE, now)


def test_output_of_the_command_line_opens_too(report: Report) -> None:
    document = to_document(report, datetime(2026, 11, 22))
    bare = {"results": [{**row} for row in document["results"]], "protocol": document["protocol"]}
    for row in bare["results"]:
        del row["data"]
    again = from_document(bare)
    assert [row.label for row in again.rows.values()] == ["Bicubic", "plain", "100%_fakd", "teacher"]
    assert again.result(FAKD, EvalSet("Set5", 4)) == report.results[Cell(FAKD, SET5)]
    assert (again.teacher, again.measured) == ("", None)


def without_one(report: Report, *refs: str) -> Report:
    """A report in which the image b of Set5 was broken for `refs`, in a set of three."""
    lost = LeftOut("/data/Set5/b.png", "expected an image,\nfound an empty file")
    report.sets[SET5] = SetInfo("Set5", 3)
    for ref in PSNR:
        whole = report.results[Cell(ref, SET5)].per_image
        images = whole[:1] if ref in refs else (*whole, ImageResult("c", PSNR[ref], SSIM[ref], 0.25))
        left_out = (lost, LeftOut("/data/Set5/c.png", "gone")) if ref in refs else ()
        report.results[Cell(ref, SET5)] = result(ref, SET5, images[0].psnr_y, SSIM[ref], images, left_out)
    return report


def test_means_over_fewer_images_say_so_in_every_format(report: Report) -> None:
    selection = select(without_one(report, *PSNR))
    markdown, latex = to_markdown(selection), to_latex(selection)
    assert "| Set5 ×4 (1 of 3 images) PSNR |" in markdown
    assert "my_set & co ×4 PSNR" in markdown
    left_out = "Set5 ×4: left out /data/Set5/b.png (expected an image, found an empty file)"
    assert f"<!-- {left_out} -->" in markdown.splitlines()
    assert f"% {left_out}" in latex.splitlines()
    assert r"{c}{Set5 $\times$4 (1 of 3 images)}" in latex
    rows = list(csv.DictReader(io.StringIO(to_csv(selection))))
    assert {(row["images"], row["images_in_set"]) for row in rows if row["set"] == "Set5"} == {("1", "3")}
    by_image = list(csv.DictReader(io.StringIO(to_csv_per_image(selection))))
    lost = [row for row in by_image if row["left_out"]]
    assert [(row["model"], row["image"]) for row in lost[:2]] == [
        ("Bicubic", "/data/Set5/b.png"),
        ("Bicubic", "/data/Set5/c.png"),
    ]
    assert {row["psnr_y_db"] for row in lost} == {""}


def test_means_over_different_images_are_not_compared(report: Report) -> None:
    selection = select(without_one(report, FAKD))
    markdown = to_markdown(selection)
    assert "| Set5 ×4 (1–3 of 3 images) PSNR |" in markdown
    row = next(line for line in markdown.splitlines() if line.startswith("| 100%_fakd"))
    assert "| 29.500 (1 of 3) | 0.8600 | – | – |" in row
    assert "<!-- Set5 ×4: left out /data/Set5/c.png (gone) for 100%_fakd -->" in markdown
    psnr = Column(Kind.PSNR, SET5)
    assert {report.mark(row, psnr) for row in report.rows.values()} == {None}
    assert report.value(report.rows[BASELINE], Column(Kind.DELTA, SET5)) is not None
    assert report.mark(report.rows[FAKD], Column(Kind.PSNR, MINE)) is Mark.BEST
    assert r"29.500 (1 of 3)" in to_latex(selection)


def test_names_are_escaped_in_markdown(report: Report) -> None:
    report.rows[BASELINE] = Row(BASELINE, "a\\|b *c*\n<i>")
    report.sets[MINE] = SetInfo("my|set", 2)
    table = [line for line in to_markdown(select(report)).splitlines() if line.startswith("|")]
    assert "| a\\\\\\|b \\*c\\* \\<i> |" in table[3]
    assert "| my\\|set ×4 PSNR |" in table[0]
    bars = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in table}
    assert bars == {2 + len(select(report).columns)}


def test_failures_and_images_left_out_are_read_back(report: Report) -> None:
    without_one(report, FAKD)
    broken = Row("broken.pt", "broken")
    report.rows["broken.pt"] = broken
    report.model_failures["broken.pt"] = Failure("broken.pt", "broken.pt: not a readable checkpoint")
    del report.results[Cell(BASELINE, MINE)]
    report.failures[Cell(BASELINE, MINE)] = Failure(BASELINE, "Not enough memory", "my_set & co", 4)
    again = from_document(json.loads(json.dumps(to_document(report, datetime(2026, 11, 22)))))
    assert (again.failures, again.model_failures) == (report.failures, report.model_failures)
    assert (again.results, again.sets, again.rows) == (report.results, report.sets, report.rows)
