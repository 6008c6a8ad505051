"""`fakd upscale`: images in, enlarged images out."""

from __future__ import annotations

from pathlib import Path

import typer

from fakd_core.cli.console import output, reported_progress
from fakd_core.errors import ConfigError


def upscale(
    context: typer.Context,
    inputs: list[Path] = typer.Argument(..., metavar="INPUT...", help="Images, or folders of images."),
    model: str = typer.Option(..., help="Bundled name, checkpoint or run folder."),
    out: Path = typer.Option(..., help="Folder for the results, as PNG."),
    tile: int | None = typer.Option(
        None, help="Tile side in LR pixels. [default: whole image where it fits]"
    ),
    device: str = typer.Option("auto", help="auto, cpu, cuda, mps."),
) -> None:
    """Enlarge every input; one that can't be read stops the command before anything is written for it."""
    from fakd_core.catalogue import load_model
    from fakd_core.device import choose_device
    from fakd_core.images import read_image, write_png
    from fakd_core.inference import upscale as enlarge

    network = load_model(model).to(choose_device(device))
    sources = [path.expanduser() for path in inputs]
    for source, target in _targets(sources, out.expanduser(), network.spec.scale).items():
        image = read_image(source)
        with reported_progress(source.name) as report:
            sr = enlarge(network, image, tile=tile, on_progress=report, cancel=context.obj)
        write_png(target, sr)
        output.print(f"{target} ({sr.shape[1]}x{sr.shape[0]})")


def _targets(inputs: list[Path], out: Path, scale: int) -> dict[Path, Path]:
    """The output file of every input file; raises `ConfigError` if two would be the same."""
    from fakd_core.datasets import find_images
    from fakd_core.errors import DataError

    files: list[Path] = []
    for path in inputs:
        found = find_images(path) if path.is_dir() else [path]
        if not found:
            raise DataError(f"{path}: no images in this folder; name a folder of images, or image files")
        files += found
    targets: dict[Path, Path] = {}
    taken: dict[Path, Path] = {}
    for source in dict.fromkeys(files):
        target = out / f"{source.stem}_x{scale}.png"
        if target in taken:
            raise ConfigError(
                f"{taken[target]} and {source} would both be written to {target}; give them apart"
            )
        taken[target] = source
        targets[source] = target
    return targets
