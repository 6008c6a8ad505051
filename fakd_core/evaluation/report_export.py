"""The table as text to paste: Markdown, LaTeX, CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite

from fakd_core.evaluation import coverage
from fakd_core.evaluation.published import SOURCE
from fakd_core.evaluation.report import Column, Kind, Mark, Report, Row, Score, SetAt, shown

HEADINGS = {
    Kind.PARAMETERS: "Params (M)",
    Kind.GMACS: "GMACs",
    Kind.PSNR: "PSNR",
    Kind.SSIM: "SSIM",
    Kind.DELTA: "Δ dB",
    Kind.GAP: "Gap %",
    Kind.SECONDS: "s/image",
}
"""Of the columns but those of installed packages."""
_NOTHING = "–"
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "_": r"\_",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "$": r"\$",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "∞": r"$\infty$",
    "Δ": r"$\Delta$",
    "×": r"$\times$",
    "−": "$-$",
    "–": "--",
}


@dataclass(frozen=True)
class Selection:
    """What of a report is shown, in the order in which it is."""

    report: Report
    rows: Sequence[Row]
    columns: Sequence[Column]

    @property
    def published(self) -> bool:
        return any(row.published for row in self.rows)

    def text(self, row: Row, column: Column) -> str:
        if self.report.failure(row, column.at):
            return "failed"
        return shown(column.kind, self.report.value(row, column)) or _NOTHING

    def part(self, row: Row, column: Column) -> str:
        """' (3 of 5)' after a PSNR whose images are others than another model's."""
        at = column.at if column.kind is Kind.PSNR else None
        of = coverage.part(self.report, row.ref, at) if at else ""
        return f" ({of})" if of else ""

    def title(self, at: SetAt) -> str:
        """'Set5 ×4', or 'Set5 ×4 (4 of 5 images)' where the means are of fewer."""
        partly = f" ({coverage.images(self.report, at)})" if coverage.left_out(self.report, at) else ""
        return f"{self.report.title(at)}{partly}"

    def notes(self) -> list[str]:
        """One line each: how it was measured, and what was left out."""
        report = self.report
        left_out = [
            f"{report.title(at)}: left out {lost.file} ({lost.reason})"
            + ("" if len(refs) == measured else f" for {', '.join(report.rows[ref].label for ref in refs)}")
            for at in dict.fromkeys(column.at for column in self.columns if column.at)
            for measured in [sum(cell.at == at for cell in report.scores)]
            for lost, refs in coverage.left_out(report, at).items()
        ]
        return [" ".join(line.split()) for line in (*lines(self.published), *left_out)]


def heading(column: Column) -> str:
    """What stands above a column, below its set's name."""
    return column.metric or HEADINGS[column.kind]


def name_of(row: Row) -> str:
    """A row's name where nothing else says that its figures are published ones."""
    return f"{row.label} (published)" if row.published else row.label


def to_markdown(selection: Selection) -> str:
    """A Markdown table; comments below it say how it was measured, and what was left out."""
    headings = [
        f"{selection.title(column.at)} {heading(column)}" if column.at else heading(column)
        for column in selection.columns
    ]
    table = [["Model", *map(_as_markdown, headings)], ["---", *["---:"] * len(headings)]]
    for row in selection.rows:
        cells = []
        for column in selection.columns:
            text = selection.text(row, column)
            match selection.report.mark(row, column):
                case Mark.BEST:
                    text = f"**{text}**"
                case Mark.SECOND:
                    text = f"<u>{text}</u>"
            cells.append(f"{text}{selection.part(row, column)}")
        table.append([_as_markdown(name_of(row)), *cells])
    body = [f"| {' | '.join(cells)} |" for cells in table]
    notes = [f"<!-- {line.replace('-->', '-- >')} -->" for line in selection.notes()]
    return "\n".join([*body, "", *notes, ""])


def to_latex(selection: Selection) -> str:
    """A tabular for booktabs, best bold, second best underlined; published rows below a rule, in italics."""
    columns = selection.columns
    spans = [(at, len(list(group))) for at, group in groupby(columns, lambda column: column.at)]
    titles, rules, first = [""], [], 2
    for at, width in spans:
        if at is None:
            titles += [""] * width
        else:
            titles.append(rf"\multicolumn{{{width}}}{{c}}{{{_escape(selection.title(at))}}}")
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
    ours = [row for row in selection.rows if not row.published]
    theirs = [row for row in selection.rows if row.published]
    out += [_latex_row(selection, row) for row in ours]
    if ours and theirs:
        out.append(r"\midrule")
    out += [_latex_row(selection, row) for row in theirs]
    return "\n".join([*[line for line in out if line], r"\bottomrule", r"\end{tabular}", ""])


def to_csv(selection: Selection) -> str:
    """A line per model and set, in full precision; `source` tells measured from published.

    The means are of `images` of the `images_in_set`. Metrics of installed packages are the last columns.
    """
    added = selection.report.metrics()
    names = [
        "model",
        "set",
        "scale",
        "images",
        "psnr_y_db",
        "ssim_y",
        "delta_teacher_db",
        "gap_closed_percent",
    ]
    names += ["seconds_per_image", "parameters", "gmacs", "source", "file", "images_in_set"]
    table: list[list[object]] = []
    for row, at, score in _scores(selection):
        derived = [selection.report.value(row, Column(kind, at)) for kind in (Kind.DELTA, Kind.GAP)]
        group, name = selection.report.groups[at], selection.report.set_name(at)
        whole = None if row.published else group.images
        images = None if row.published else coverage.measured_images(selection.report, score, at)
        head = [row.label, name, at.scale, images, score.psnr, score.ssim, *derived, score.seconds]
        source = "published" if row.published else "measured"
        ref = "" if row.published else row.ref
        others = [score.metrics.get(name) for name in added]
        table.append([*head, row.parameters, row.gmacs, source, ref, whole, *others])
    return _csv([*names, *added], table)


def to_csv_per_image(selection: Selection) -> str:
    """A line per model, set and image, in full precision; of measured figures only.

    An image that was left out has its file and, in `left_out`, the reason instead of figures. Metrics of
    installed packages are the last columns.
    """
    added = selection.report.metrics()
    names = ["model", "set", "scale", "image", "psnr_y_db", "ssim_y", "delta_teacher_db", "seconds"]
    names.append("left_out")
    table: list[list[object]] = []
    for row, at, score in _scores(selection):
        deltas = image_deltas(selection.report, row.ref, at)
        head = [row.label, selection.report.set_name(at), at.scale]
        for image in score.images:
            figures = [image.psnr_y, image.ssim_y, deltas.get(image.name), image.seconds]
            table.append([*head, image.name, *figures, "", *(image.metrics.get(name) for name in added)])
        nothing = [""] * len(added)
        table += [[*head, lost.file, *[""] * 4, lost.reason, *nothing] for lost in score.left_out]
    return _csv([*names, *added], table)


def image_deltas(report: Report, ref: str, at: SetAt) -> dict[str, float]:
    """PSNR minus the teacher's, in dB, by image; empty for the teacher and without one."""
    mine, teacher = report.score(ref, at), report.score(report.teacher, at)
    if mine is None or teacher is None or ref == report.teacher:
        return {}
    theirs = {image.name: image.psnr_y for image in teacher.images}
    both = [image for image in mine.images if image.name in theirs]
    deltas = {image.name: image.psnr_y - theirs[image.name] for image in both}
    return {name: delta for name, delta in deltas.items() if isfinite(delta)}


def _scores(selection: Selection) -> list[tuple[Row, SetAt, Score]]:
    return [
        (row, at, score)
        for at in selection.report.groups
        for row in selection.rows
        if (score := selection.report.score(row.ref, at)) is not None
    ]


def _csv(names: Sequence[str], table: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(table)
    return text.getvalue()


def _as_markdown(text: str) -> str:
    """`text` as it is, in a cell: no bar, emphasis, code, link or tag."""
    return re.sub(r"([\\|*`<\[])", r"\\\1", " ".join(text.split()))


def _latex_row(selection: Selection, row: Row) -> str:
    cells = [_escape(name_of(row))]
    for column in selection.columns:
        text = _number(selection.text(row, column))
        match selection.report.mark(row, column):
            case Mark.BEST:
                text = rf"\textbf{{{text}}}"
            case Mark.SECOND:
                text = rf"\underline{{{text}}}"
        cells.append(f"{text}{selection.part(row, column)}")
    return _latex_line([rf"\textit{{{cell}}}" for cell in cells] if row.published else cells)


def _number(text: str) -> str:
    """A figure with its sign as LaTeX sets it."""
    return f"${text}$" if text[:1] in ("+", "-") else _escape(text)


def _latex_line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _escape(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)


PROTOCOL = (
    "PSNR (dB) and SSIM on BT.601 luma, output rounded to 8 bits, scale px cut from every side; LR images: "
    "the set's own, else MATLAB's bicubic; GMACs for 64×36 px LR (256×144 px output at ×4)"
)
"""One line. `fakd_core.evaluation.metrics.PROTOCOL` says it at length."""

MORE = (
    "Best in bold, second best underlined, the teacher apart; Δ is PSNR minus the teacher's; gap closed is "
    "(PSNR − baseline)/(teacher − baseline). Time is that of upscaling alone on this machine, per image. "
    "A set that a student was trained on flatters it: the Quick preset trains on five of the seven samples."
)
PUBLISHED_NOTE = f"published: {SOURCE}"


def lines(published: bool) -> list[str]:
    """What stands under a copy: the protocol, and the source of published figures if there are any."""
    return [PROTOCOL, PUBLISHED_NOTE] if published else [PROTOCOL]
