"""`fakd evaluate`: a table of models by sets."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from os.path import expanduser
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from fakd_core.cli import completion
from fakd_core.cli.console import errors, output, print_remarks, progress_bar
from fakd_core.cli.loading import DEVICE, loader_onto
from fakd_core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from fakd_core.data.datasets import SRDataset
    from fakd_core.evaluation.events import EvaluationEvent
    from fakd_core.evaluation.report import Report
    from fakd_core.evaluation.results import Result
    from fakd_core.models.layers import SRNetwork


class TableFormat(StrEnum):
    """A language that tables are printed in."""

    MARKDOWN = "markdown"
    LATEX = "latex"


def evaluate(
    context: typer.Context,
    model: list[str] = typer.Option(
        ...,
        "--model",
        help="Bundled name, checkpoint, run folder, or bicubic; repeat.",
        autocompletion=completion.models_and_bicubic,
    ),
    data: list[str] = typer.Option(
        ..., "--data", help="Folder of HR images, benchmark or DIV2K layout; repeat."
    ),
    scale: int = typer.Option(4, help="2, 3, 4 or 8."),
    as_json: bool = typer.Option(False, "--json", help="Print the results as JSON."),
    table: TableFormat | None = typer.Option(None, help="Print a table to paste, best scores marked."),
    csv: Path | None = typer.Option(None, help="Write one line per image to this file."),
    save: Path | None = typer.Option(None, help="Write the outputs to this folder."),
    tile: int | None = typer.Option(None, help="Tile side in LR pixels. [default: whole image if it fits]"),
    device: str = DEVICE,
    timing: bool = typer.Option(False, "--timing", help="Upscale quick images twice, for a better time."),
    force: bool = typer.Option(False, "--force", help="Overwrite files that --csv and --save name."),
) -> None:
    """Score every model on every set by the papers' protocol.

    What can't be used is reported and left out: a line on stderr for each image or model, and exit status 1.
    """
    from fakd_core.data.resize import BICUBIC
    from fakd_core.evaluation import evaluate as evaluation
    from fakd_core.evaluation.report import Report, Row, row_labels
    from fakd_core.evaluation.results import to_csv, to_json
    from fakd_core.files import write_text
    from fakd_core.inference.tiling import check_tile
    from fakd_core.models.spec import check_scale

    if as_json and table:
        raise ConfigError("--json and --table both print the results; choose one of them")
    check_tile(tile)
    csv, save = _check_targets(csv, save, force=force)
    datasets = _open_sets(data, check_scale(scale))
    load = loader_onto(device)
    models = {name: None if name == BICUBIC else load(name) for name in model}
    remarks = _print_remarks(models)
    report = Report(Row(ref, label) for ref, label in row_labels(models).items())
    options = {"tile": tile, "save_dir": save, "replace": force, "timing": timing, "cancel": context.obj}
    events = evaluation.evaluate(models, datasets, **options)
    problems = _follow(events, report, debug=context.find_root().params["debug"])
    results, failures = list(report.results.values()), report.failures.values()
    if as_json:
        typer.echo(json.dumps({**to_json(results, failures), **remarks}, allow_nan=False))
    elif table:
        typer.echo(_formatted(report, table), nl=False)
    else:
        _print(results)
    # Last, so that a full disk loses no scores.
    if csv:
        write_text(csv, to_csv(results))
    if problems:
        raise typer.Exit(1)


def _print_remarks(models: Mapping[str, SRNetwork | None]) -> dict[str, dict[str, list[str]]]:
    """Print what was chosen or guessed when the models were read; returns it as a part of the JSON."""
    remarks = {name: list(model.origin.remarks) for name, model in models.items() if model is not None}
    for name, lines in remarks.items():
        print_remarks(name, lines)
    noted = {name: lines for name, lines in remarks.items() if lines}
    return {"remarks": noted} if noted else {}


def _open_sets(data: list[str], scale: int) -> list[SRDataset]:
    """Open the sets, and print which images in their folders can't be read."""
    from fakd_core.data.datasets import open_dataset
    from fakd_core.data.folders import resolve_data

    datasets = [open_dataset(resolve_data(folder), scale) for folder in data]
    for sentence in (sentence for dataset in datasets for sentence in dataset.left_out):
        errors.print(f"note: {sentence}", style="yellow", soft_wrap=True)
    return datasets


def _check_targets(csv: Path | None, save: Path | None, *, force: bool) -> tuple[Path | None, Path | None]:
    """The paths of the results, with ~ expanded; raises an error if they can't be written."""
    from fakd_core.files import check_writable, refuse_existing

    csv, save = (path and Path(expanduser(path)) for path in (csv, save))
    if csv:
        check_writable(csv)
        if not force:
            refuse_existing([csv])
    if save:
        if save.exists() and not save.is_dir():
            raise ConfigError(f"{save}: a file; --save names the folder that the outputs go to")
        check_writable(save / "outputs")
    return csv, save


def _follow(events: Iterator[EvaluationEvent], report: Report, *, debug: bool) -> list[Exception]:
    """Enter the events into `report`, show progress, problems and notes; raise the last if no result."""
    from fakd_core.evaluation.events import CellEvaluated, EvaluationFailed, ImageStarted

    # An image that is broken is so for every model: each problem once, by its message.
    problems: dict[str, Exception] = {}
    with progress_bar() as bar:
        task = bar.add_task("", total=None)
        for event in events:
            report.update(event)
            match event:
                case ImageStarted(cell, image, done=done, total=total):
                    title = f"{report.title(cell.eval_set)} {cell.ref}: {image}"
                    bar.update(task, completed=done, total=total, description=title)
                case CellEvaluated(result=result):
                    lines = [f"{lost.file}: {lost.reason}" for lost in result.left_out]
                    problems |= {line: DataError(line) for line in lines if line not in problems}
                case EvaluationFailed(failure, error):
                    problems[failure.reason] = error
    shown = list(problems)
    for line in shown if report.results else shown[:-1]:
        errors.print(f"error: {line}", style="red", soft_wrap=True)
        if debug:
            errors.print("".join(traceback.format_exception(problems[line])), soft_wrap=True)
    if not report.results:
        raise problems[shown[-1]]
    _print_notes(report.results.values())
    return list(problems.values())


def _formatted(report: Report, table: TableFormat) -> str:
    from fakd_core.evaluation.report import Kind
    from fakd_core.evaluation.report_export import Selection, to_latex, to_markdown

    # Differences to a teacher: the command line knows of none.
    kinds = [kind for kind in Kind if kind not in (Kind.DELTA, Kind.GAP)]
    evaluated = {cell.ref for cell in report.results}
    rows = [row for row in report.rows.values() if row.ref in evaluated]
    selection = Selection(report, rows, report.columns(kinds))
    return to_markdown(selection) if table is TableFormat.MARKDOWN else to_latex(selection)


def _print_notes(results: Iterable[Result]) -> None:
    from fakd_core.evaluation.results import infinity_sentence, seen_sentence

    for result in results:
        for sentence in (seen_sentence(result, result.model), infinity_sentence(result, result.model)):
            if sentence:
                errors.print(f"note: {sentence}", style="yellow", soft_wrap=True)


def _print(results: list[Result]) -> None:
    from fakd_core.evaluation.report import SEEN, Kind, format_value
    from fakd_core.evaluation.results import added_metrics, protocol, set_sentences

    table = Table()
    # Long paths are folded, never cut: two models must not look alike.
    for heading in ("model", "set"):
        table.add_column(heading, overflow="fold")
    table.add_column("scale", no_wrap=True)
    added = added_metrics(results)
    for heading in ("images", "PSNR (dB)", "SSIM", "s/image", *added):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in results:
        mark = SEEN if row.seen else ""
        finite = row.images - len(row.infinite_psnr)
        part = f" ({finite} of {row.images})" if row.infinite_psnr else ""
        scores = (
            f"{format_value(Kind.PSNR, row.psnr_y)}{mark}{part}",
            f"{row.ssim_y:.4f}{mark}",
            f"{row.seconds:.2f}",
        )
        others = (f"{row.metrics[name]:.4g}" if name in row.metrics else "" for name in added)
        table.add_row(row.model, row.dataset, f"x{row.scale}", row.coverage, *scores, *others)
    output.print(table, soft_wrap=False)
    for sentence in set_sentences(results):
        output.print(sentence)
    for name, meaning in protocol(results).items():
        output.print(f"{name}: {meaning}", style="dim")
