"""`fakd upscale`: images in, enlarged images out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from os.path import expanduser, realpath
from pathlib import Path

import typer

from fakd_core.cli import completion
from fakd_core.cli.console import errors, print_above, progress_bar
from fakd_core.errors import ConfigError, DataError
from fakd_core.events import CancelToken, Image8, Progress

USUAL_SCALE = 4


def upscale(
    context: typer.Context,
    inputs: list[Path] = typer.Argument(
        ...,
        metavar="INPUT",
        help="Images, or folders of images.",
        readable=False,  # One that can't be read is no reason to leave out the others.
    ),
    model: str = typer.Option(
        ...,
        help="Bundled name, checkpoint, run folder, or bicubic.",
        autocompletion=completion.models_and_bicubic,
    ),
    out: Path = typer.Option(..., help="Folder for the results, as PNG; made if need be."),
    tile: int | None = typer.Option(
        None, help="Tile side in LR pixels. [default: whole image where it fits]"
    ),
    scale: int | None = typer.Option(
        None, help="2, 3, 4 or 8, for bicubic; a network has its own. [default: 4]"
    ),
    device: str = typer.Option("auto", help="auto, cpu, cuda, mps.", autocompletion=completion.devices),
) -> None:
    """Enlarge every input; one that can't be used is reported, and the others are done all the same."""
    from fakd_core.data.image_files import read_image
    from fakd_core.data.png_writer import write_png_strips
    from fakd_core.files import check_writable
    from fakd_core.inference.tiling import check_tile

    if tile is not None:
        check_tile(tile)
    enlarge = _enlarger(model, scale, tile, device, context.obj)
    out = Path(expanduser(out))
    targets = _targets([Path(expanduser(path)) for path in inputs], out, enlarge.scale)
    check_writable(out / "outputs")
    failed = 0
    with progress_bar() as bar:
        task = bar.add_task("", total=len(targets))
        for done, (source, target) in enumerate(targets.items()):

            def report(tiles: Progress, name: str = source.name, done: int = done) -> None:
                if tiles.note:
                    errors.print(f"{name}: {tiles.note}", soft_wrap=True)
                share = done + tiles.done / tiles.total
                bar.update(task, completed=share, description=f"{name}: {tiles.done} of {tiles.total} tiles")

            try:
                image = read_image(source)
                height, width = image.shape[0] * enlarge.scale, image.shape[1] * enlarge.scale
                write_png_strips(target, height, width, enlarge.strips(image, report))
            except DataError as error:
                if len(targets) == 1:
                    raise
                failed += 1
                errors.print(f"error: {error}", style="red", soft_wrap=True)
            else:
                print_above(bar, f"{target} ({width}x{height})")
    if failed:
        raise DataError(f"{failed} of {len(targets)} images were not enlarged; the reasons are above")


@dataclass(frozen=True)
class _Enlarger:
    """A network, or MATLAB's bicubic, at its scale."""

    scale: int
    strips: Callable[[Image8, Callable[[Progress], None]], Iterator[Image8]]


def _enlarger(model: str, scale: int | None, tile: int | None, device: str, cancel: CancelToken) -> _Enlarger:
    from fakd_core.data.resize import BICUBIC, bicubic_strips
    from fakd_core.inference.upscale import reject_non_finite, upscale_strips
    from fakd_core.models.spec import check_scale
    from fakd_core.runs.references import load_model
    from fakd_core.runtime.device import choose_device

    if model == BICUBIC:
        factor = check_scale(USUAL_SCALE if scale is None else scale)
        return _Enlarger(factor, lambda image, report: bicubic_strips(image, factor, cancel))
    network = load_model(model).to(choose_device(device))
    if scale not in (None, network.spec.scale):
        raise ConfigError(
            f"{model} is an x{network.spec.scale} network, but x{scale} was asked for; "
            "leave --scale out, or choose another model"
        )

    def finite(strips: Iterator[Image8]) -> Iterator[Image8]:
        with reject_non_finite(network, model):
            yield from strips

    return _Enlarger(
        network.spec.scale,
        lambda image, report: finite(upscale_strips(network, image, tile, report, cancel)),
    )


def _targets(inputs: list[Path], out: Path, scale: int) -> dict[Path, Path]:
    """The output file of every input file; raises `ConfigError` if two would be the same, or an input."""
    from fakd_core.data.folders import find_images

    files: list[Path] = []
    for path in inputs:
        found = find_images(path) if path.is_dir() else [path]
        if not found:
            raise DataError(f"{path}: no images in this folder; name a folder of images, or image files")
        files += found
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: a file; --out names the folder that the results go to")
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
    sources = {realpath(source): source for source in targets}
    for target in taken:
        if realpath(target) in sources:
            raise ConfigError(
                f"{sources[realpath(target)]}: an input, which the output of {taken[target].name} would "
                "replace; choose another folder for --out"
            )
    return targets
