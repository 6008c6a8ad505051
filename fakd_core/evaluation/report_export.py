"""A report as text to paste: Markdown, LaTeX, CSV."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite

from fakd_core.evaluation.published import SOURCE
from fakd_core.evaluation.report import SEEN, Column, Kind, Mark, Report, Row, format_value
from fakd_core.evaluation.results import (
    Cell,
    EvalSet,
    Result,
    csv_text,
    infinity_sentence,
    seen_sentence,
    set_sentences,
)

HEADINGS = {
    Kind.PARAMETERS: "Params (M)",
    Kind.GMACS: "GMACs",
    Kind.PSNR: "PSNR",
    Kind.SSIM: "SSIM",
    Kind.DELTA: "Δ dB",
    Kind.GAP: "Gap %",
    Kind.SECONDS: "s/image",
}
PROTOCOL = (
    "PSNR (dB) and SSIM on BT.601 luma, output rounded to 8 bits, scale px cut from every side; LR images: "
    "the set's own, else MATLAB's bicubic; GMACs for 64×36 px LR (256×144 px output at ×4)"
)
"""In one line; `fakd_core.evaluation.metrics.PROTOCOL` has the details."""

PUBLISHED_NOTE = f"published: {SOURCE}"
_NOTHING = "–"
_LATEX = str.maketrans(
    {character: rf"\{character}" for character in "{}_&%#$"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {
        "†": r"\textsuperscript{\textdagger}",
        "∞": r"$\infty$",
        "Δ": r"$\Delta$",
        "×": r"$\times$",
        "−": "$-$",
        "–": "--",
    }
)


@dataclass(frozen=True)
class Selection:
    """The rows and columns of a report that are shown, in order."""

    report: Report
    rows: Sequence[Row]
    columns: Sequence[Column]

    def text(self, row: Row, column: Column) -> str:
        if self.report.failure(row, column.eval_set):
            return "failed"
        return format_value(column.kind, self.report.value(row, column)) or _NOTHING

    def marked(
        self, row: Row, column: Column, *, best: str, second: str, escape: Callable[[str], str] = str
    ) -> str:
        """The text of a cell, in the format `best` or `second` if it is that, and its remark."""
        text = escape(self.text(row, column))
        match self.report.mark(row, column):
            case Mark.BEST:
                text = best.format(text)
            case Mark.SECOND:
                text = second.format(text)
        return f"{text}{escape(self.report.remark(row, column))}"

    def title(self, eval_set: EvalSet) -> str:
        """'Set5 ×4', or 'Set5 ×4 (4 of 5 images)' if the means are over fewer."""
        report = self.report
        count = f" ({report.image_count(eval_set)})" if report.left_out(eval_set) else ""
        return f"{report.title(eval_set)}{count}"

    def notes(self) -> list[str]:
        """One line each: the protocol, scores on seen images, and every image that was left out."""
        report = self.report
        published = PUBLISHED_NOTE if any(row.published for row in self.rows) else ""
        notes = [PROTOCOL, self._references(), published]
        for eval_set in dict.fromkeys(column.eval_set for column in self.columns if column.eval_set):
            scored = sum(cell.eval_set == eval_set for cell in report.results)
            for lost, refs in report.left_out(eval_set).items():
                models = ", ".join(report.rows[ref].label for ref in refs)
                suffix = "" if len(refs) == scored else f" for {models}"
                notes.append(f"{report.title(eval_set)}: left out {lost.file} ({lost.reason}){suffix}")
            on_set = [report.results.get(Cell(row.ref, eval_set)) for row in self.rows]
            results = [one for one in on_set if one]
            said = (seen_sentence(one, report.rows[one.model].label) for one in results)
            notes += [f"{SEEN} {sentence}" for sentence in said if sentence]
            notes += [infinity_sentence(one, report.rows[one.model].label) for one in results]
            notes += set_sentences(results)
        return [" ".join(line.split()) for line in notes if line]

    def _references(self) -> str:
        """The models that differences and gaps are relative to; empty without such columns."""
        report, kinds = self.report, {column.kind for column in self.columns}
        teacher, baseline = report.rows.get(report.teacher), report.rows.get(report.baseline)
        parts = []
        if teacher and Kind.DELTA in kinds:
            parts.append(f"Δ dB: PSNR minus that of the teacher, {teacher.label}")
        if teacher and baseline and Kind.GAP in kinds:
            ends = f"from the baseline, {baseline.label}, to the teacher, {teacher.label}"
            parts.append(f"Gap %: the part of the gap that is closed, {ends}")
        return "; ".join(parts)


def heading(column: Column) -> str:
    """The heading of a column, below its set's name."""
    return column.metric or HEADINGS[column.kind]


def row_name(row: Row) -> str:
    """A row's name, marked if its figures are published ones."""
    return f"{row.label} (published)" if row.published else row.label


def to_markdown(selection: Selection) -> str:
    """A Markdown table; the protocol and the images left out follow as comments."""
    columns = selection.columns
    headings = [
        f"{selection.title(column.eval_set)} {heading(column)}" if column.eval_set else heading(column)
        for column in columns
    ]
    table = [["Model", *map(_as_markdown, headings)], ["---", *["---:"] * len(headings)]]
    for row in selection.rows:
        cells = [selection.marked(row, column, best="**{}**", second="<u>{}</u>") for column in columns]
        table.append([_as_markdown(row_name(row)), *cells])
    body = [f"| {' | '.join(cells)} |" for cells in table]
    notes = [f"<!-- {line.replace('-->', '-- >')} -->" for line in selection.notes()]
    return "\n".join([*body, "", *notes, ""])


def to_latex(selection: Selection) -> str:
    """A tabular for booktabs, best bold, second best underlined; published rows below a rule, in italics."""
    columns = selection.columns
    spans = [(key, len(list(group))) for key, group in groupby(columns, lambda column: column.eval_set)]
    titles, rules, first = [""], [], 2
    for eval_set, width in spans:
        if eval_set is None:
            titles += [""] * width
        else:
            titles.append(rf"\multicolumn{{{width}}}{{c}}{{{_escape(selection.title(eval_set))}}}")
            rules.append(rf"\cmidrule(lr){{{first}-{first + width - 1}}}")
        first += width
    out = [f"% {line}" for line in selection.notes()]
    out += [
        "% needs \\usepackage{booktabs}",
        rf"\begin{{tabular}}{{l{'r' * len(columns)}}}",
        r"\toprule",
        _latex_line(titles),
        "".join(rules),
        _latex_line(["Model", *[_escape(heading(column)) for column in columns]]),
        r"\midrule",
    ]
    ours, theirs = (
        [_latex_row(selection, row) for row in selection.rows if row.published is published]
        for published in (False, True)
    )
    out += [*ours, *([r"\midrule"] if ours and theirs else []), *theirs]
    return "\n".join([*[line for line in out if line], r"\bottomrule", r"\end{tabular}", ""])


def to_csv(selection: Selection) -> str:
    """One line per model and set, in full precision; `source` is measured or published.

    The means are over `images` of the `images_in_set`; if the model learned from `seen_images` of them,
    `psnr_y_db_unseen` and `ssim_y_unseen` are over the others. The `infinite_psnr` of so many images counts
    in no mean. Metrics of installed packages come last.
    """
    report, added = selection.report, selection.report.metrics()
    names = [
        *("model", "set", "scale", "images", "psnr_y_db", "ssim_y", "delta_teacher_db", "gap_closed_percent"),
        *("seconds_per_image", "parameters", "gmacs", "source", "file", "images_in_set"),
        *("seen_images", "psnr_y_db_unseen", "ssim_y_unseen", "infinite_psnr"),
    ]
    table: list[Sequence[object]] = [[*names, *added]]
    for row, eval_set, result in _results(selection):
        derived = [report.value(row, Column(kind, eval_set)) for kind in (Kind.DELTA, Kind.GAP)]
        counts = (None, None) if row.published else (result.images, report.sets[eval_set].images)
        head = [row.label, report.set_name(eval_set), eval_set.scale, counts[0]]
        scores = [result.psnr_y, result.ssim_y, *derived, result.seconds]
        source = ["published", ""] if row.published else ["measured", row.ref]
        metrics = [result.metrics.get(name) for name in added]
        unseen = [result.unseen.psnr_y, result.unseen.ssim_y] if result.unseen else ["", ""]
        seen = [sum(result.seen.values()), *unseen] if result.per_image else [""] * 3
        seen.append(len(result.infinite_psnr) if result.per_image else "")
        table.append([*head, *scores, row.parameters, row.gmacs, *source, counts[1], *seen, *metrics])
    return csv_text(table)


def to_csv_per_image(selection: Selection) -> str:
    """One line per model, set and image, in full precision; measured values only.

    An image that was left out has its file and, in `left_out`, the reason instead of scores. `seen` is how
    the model learned from the image. Metrics of installed packages are the last columns.
    """
    report, added = selection.report, selection.report.metrics()
    names = ["model", "set", "scale", "image", "psnr_y_db", "ssim_y", "delta_teacher_db", "seconds"]
    table: list[Sequence[object]] = [[*names, "left_out", "seen", *added]]
    for row, eval_set, result in _results(selection):
        deltas = image_deltas(report, row.ref, eval_set)
        head = [row.label, report.set_name(eval_set), eval_set.scale]
        for image in result.per_image:
            scores = [image.psnr_y, image.ssim_y, deltas.get(image.name), image.seconds]
            table.append(
                [*head, image.name, *scores, "", image.seen, *(image.metrics.get(name) for name in added)]
            )
        empty = [""] * len(added)
        table += [[*head, lost.file, *[""] * 4, lost.reason, "", *empty] for lost in result.left_out]
    return csv_text(table)


def image_deltas(report: Report, ref: str, eval_set: EvalSet) -> dict[str, float]:
    """PSNR minus the teacher's in dB, by image; empty for the teacher and without one."""
    mine, teacher = report.result(ref, eval_set), report.result(report.teacher, eval_set)
    if mine is None or teacher is None or ref == report.teacher:
        return {}
    theirs = {image.name: image.psnr_y for image in teacher.per_image}
    both = [image for image in mine.per_image if image.name in theirs]
    deltas = {image.name: image.psnr_y - theirs[image.name] for image in both}
    return {name: delta for name, delta in deltas.items() if isfinite(delta)}


def _results(selection: Selection) -> list[tuple[Row, EvalSet, Result]]:
    return [
        (row, eval_set, result)
        for eval_set in selection.report.sets
        for row in selection.rows
        if (result := selection.report.result(row.ref, eval_set)) is not None
    ]


def _as_markdown(text: str) -> str:
    """Escape bars, emphasis, code, links and tags for a table cell."""
    return re.sub(r"([\\|*`<\[])", r"\\\1", " ".join(text.split()))


def _latex_row(selection: Selection, row: Row) -> str:
    formats = {"best": r"\textbf{{{}}}", "second": r"\underline{{{}}}"}
    numbers = [selection.marked(row, column, escape=_number, **formats) for column in selection.columns]
    cells = [_escape(row_name(row)), *numbers]
    return _latex_line([rf"\textit{{{cell}}}" for cell in cells] if row.published else cells)


def _number(text: str) -> str:
    """A number in LaTeX, with a minus rather than a hyphen."""
    return f"${text}$" if text[:1] in ("+", "-") else _escape(text)


def _latex_line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _escape(text: str) -> str:
    return text.translate(_LATEX)
