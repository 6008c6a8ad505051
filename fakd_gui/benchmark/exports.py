"""The table as text to paste: Markdown, LaTeX, CSV. No Qt."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite

from fakd_gui.benchmark.protocol import lines
from fakd_gui.benchmark.report import Column, Kind, Mark, Report, Row, Score, SetAt, shown

HEADINGS = {
    Kind.PARAMETERS: "Params (M)",
    Kind.GMACS: "GMACs",
    Kind.PSNR: "PSNR",
    Kind.SSIM: "SSIM",
    Kind.DELTA: "Δ dB",
    Kind.GAP: "Gap %",
    Kind.SECONDS: "s/image",
}
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


def name_of(row: Row) -> str:
    """A row's name where nothing else says that its figures are published ones."""
    return f"{row.label} (published)" if row.published else row.label


def to_markdown(selection: Selection) -> str:
    """A Markdown table; a comment below it says how it was measured."""
    headings = [
        f"{selection.report.title(column.at)} {HEADINGS[column.kind]}" if column.at else HEADINGS[column.kind]
        for column in selection.columns
    ]
    table = [["Model", *headings], ["---", *["---:"] * len(headings)]]
    for row in selection.rows:
        cells = []
        for column in selection.columns:
            text = selection.text(row, column)
            match selection.report.mark(row, column):
                case Mark.BEST:
                    text = f"**{text}**"
                case Mark.SECOND:
                    text = f"<u>{text}</u>"
            cells.append(text)
        table.append([name_of(row).replace("|", "\\|"), *cells])
    body = [f"| {' | '.join(cells)} |" for cells in table]
    notes = [f"<!-- {line} -->" for line in lines(selection.published)]
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
            titles.append(rf"\multicolumn{{{width}}}{{c}}{{{_escape(selection.report.title(at))}}}")
            rules.append(rf"\cmidrule(lr){{{first}-{first + width - 1}}}")
        first += width
    out = [f"% {line}" for line in lines(selection.published)]
    out += [
        "% needs \\usepackage{booktabs}",
        rf"\begin{{tabular}}{{l{'r' * len(columns)}}}",
        r"\toprule",
        _latex_line(titles),
        "".join(rules),
        _latex_line(["Model", *[_escape(HEADINGS[column.kind]) for column in columns]]),
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
    """A line per model and set, in full precision; `source` tells measured from published."""
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
    names += ["seconds_per_image", "parameters", "gmacs", "source", "file"]
    table: list[list[object]] = []
    for row, at, score in _scores(selection):
        derived = [selection.report.value(row, Column(kind, at)) for kind in (Kind.DELTA, Kind.GAP)]
        group, name = selection.report.groups[at], selection.report.set_name(at)
        images = None if row.published else group.images
        head = [row.label, name, at.scale, images, score.psnr, score.ssim, *derived, score.seconds]
        source = "published" if row.published else "measured"
        table.append([*head, row.parameters, row.gmacs, source, "" if row.published else row.ref])
    return _csv(names, table, lines(selection.published))


def to_csv_per_image(selection: Selection) -> str:
    """A line per model, set and image, in full precision; of measured figures only."""
    names = ["model", "set", "scale", "image", "psnr_y_db", "ssim_y", "delta_teacher_db", "seconds"]
    table: list[list[object]] = []
    for row, at, score in _scores(selection):
        deltas = image_deltas(selection.report, row.ref, at)
        for image in score.images:
            head = [row.label, selection.report.set_name(at), at.scale, image.name]
            figures = [image.psnr_y, image.ssim_y, deltas.get(image.name), image.seconds]
            table.append([*head, *figures])
    return _csv(names, table, lines(False))


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


def _csv(names: Sequence[str], table: Sequence[Sequence[object]], notes: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(table)
    # Last, and without commas: readers that know no comments meet one odd line at the end.
    text.writelines(f"# {note.replace(',', ';')}\n" for note in notes)
    return text.getvalue()


def _latex_row(selection: Selection, row: Row) -> str:
    cells = [_escape(name_of(row))]
    for column in selection.columns:
        text = _number(selection.text(row, column))
        match selection.report.mark(row, column):
            case Mark.BEST:
                text = rf"\textbf{{{text}}}"
            case Mark.SECOND:
                text = rf"\underline{{{text}}}"
        cells.append(text)
    return _latex_line([rf"\textit{{{cell}}}" for cell in cells] if row.published else cells)


def _number(text: str) -> str:
    """A figure with its sign as LaTeX sets it."""
    return f"${text}$" if text[:1] in ("+", "-") else _escape(text)


def _latex_line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _escape(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)
