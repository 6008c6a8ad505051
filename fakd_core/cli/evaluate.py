"""`fakd evaluate`: a table of models by sets."""

from __future__ import annotations

import json
from os.path import expanduser
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from fakd_core.cli import completion
from fakd_core.cli.console import errors, output, reported_progress
from fakd_core.errors import ConfigError, DataError, FakdError

if TYPE_CHECKING:
    from fakd_core.data.datasets import SRDataset
    from fakd_core.evaluation.results import Failure, Result


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
    csv: Path | None = typer.Option(None, help="Write a line per image to this file."),
    save: Path | None = typer.Option(None, help="Write the outputs to this folder."),
    tile: int | None = typer.Option(
        None, help="Tile side in LR pixels. [default: whole image where it fits]"
    ),
    device: str = typer.Option("auto", help="auto, cpu, cuda, mps.", autocompletion=completion.devices),
) -> None:
    """Score every model on every set by the papers' protocol.

    What can't be used is reported and left out: a line on stderr for each image or model, and exit status 1.
    """
    from fakd_core.data.datasets import open_dataset
    from fakd_core.data.folders import resolve_data
    from fakd_core.data.resize import BICUBIC
    from fakd_core.evaluation import evaluate as evaluation
    from fakd_core.evaluation.results import protocol
    from fakd_core.files import check_writable, write_text
    from fakd_core.inference.tiling import check_tile
    from fakd_core.models.references import load_model
    from fakd_core.models.spec import check_scale
    from fakd_core.runtime.device import choose_device

    if tile is not None:
        check_tile(tile)
    csv, save = (path and Path(expanduser(path)) for path in (csv, save))
    if csv:
        check_writable(csv)
    datasets = [open_dataset(resolve_data(folder), check_scale(scale)) for folder in data]
    where = choose_device(device)
    if save:
        _check_names_differ(datasets)
        if save.exists() and not save.is_dir():
            raise ConfigError(f"{save}: a file; --save names the folder that the outputs go to")
        check_writable(save / "outputs")
    models = {name: None if name == BICUBIC else load_model(name).to(where) for name in model}
    found = _Findings()
    for dataset in datasets:
        found.dataset = dataset
        with reported_progress(dataset.name) as report:
            evaluation.evaluate(
                models,
                dataset,
                on_progress=report,
                on_result=found.keep,
                on_failure=found.fail,
                cancel=context.obj,
                tile=tile,
                save_dir=save,
            )
    found.tell()
    if as_json:
        typer.echo(json.dumps(evaluation.to_json(found.results, found.failures)))
    else:
        output.print(_table(found.results), soft_wrap=False)
        for name, meaning in protocol(found.results).items():
            output.print(f"{name}: {meaning}", style="dim")
    # Last, so that a full disk loses no scores.
    if csv:
        write_text(csv, evaluation.to_csv(found.results))
    if found.troubles:
        raise typer.Exit(1)


class _Findings:
    """What was measured, and what was not."""

    def __init__(self) -> None:
        self.dataset: SRDataset
        """The one in work."""
        self.results: list[Result] = []
        self.failures: list[Failure] = []
        self.troubles: dict[str, FakdError] = {}
        """Each once: an image that is broken is so for every model."""

    def keep(self, result: Result) -> None:
        self.results.append(result)
        for lost in result.left_out:
            line = f"{lost.file}: {lost.reason}"
            self.troubles[line] = DataError(line)

    def fail(self, model: str, error: FakdError) -> None:
        from fakd_core.evaluation.results import Failure

        self.failures.append(Failure(model, str(error), self.dataset.name, self.dataset.scale))
        self.troubles[str(error)] = error

    def tell(self) -> None:
        """A line for each trouble; the last one is raised where nothing was measured."""
        troubles = list(self.troubles.values())
        for trouble in troubles if self.results else troubles[:-1]:
            errors.print(f"error: {trouble}", style="red", soft_wrap=True)
        if not self.results:
            raise troubles[-1]


def _check_names_differ(datasets: list[SRDataset]) -> None:
    names = [dataset.name for dataset in datasets]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(
            f"--save writes a folder for each set, and two sets are named {', '.join(twice)}; "
            "evaluate them apart"
        )


def _table(results: list[Result]) -> Table:
    table = Table()
    # Long paths are folded, never cut: two models must not look alike.
    for heading in ("model", "set"):
        table.add_column(heading, overflow="fold")
    table.add_column("scale", no_wrap=True)
    for heading in ("images", "PSNR (dB)", "SSIM", "s/image"):
        table.add_column(heading, justify="right", no_wrap=True)
    added = list(dict.fromkeys(name for row in results for name in row.metrics))
    for name in added:
        table.add_column(name, justify="right", no_wrap=True)
    for row in results:
        seconds = sum(image.seconds for image in row.per_image) / row.images
        scores = (f"{row.psnr_y:.3f}", f"{row.ssim_y:.4f}", f"{seconds:.2f}")
        others = (f"{row.metrics[name]:.4g}" if name in row.metrics else "" for name in added)
        table.add_row(row.model, row.dataset, f"x{row.scale}", row.coverage, *scores, *others)
    return table
