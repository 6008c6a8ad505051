"""`fakd upscale`: enlarge images with a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from os.path import expanduser, realpath
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fakd_core.cli import completion
from fakd_core.cli.console import errors, print_above, progress_bar
from fakd_core.errors import ConfigError, DataError
from fakd_core.events import CancelToken, Image8, Progress

if TYPE_CHECKING:
    from fakd_core.inference.upscale import UpscaleEvent

DEFAULT_SCALE = 4
Upscaler = Callable[[Image8], "Iterator[UpscaleEvent]"]


def upscale(
    context: typer.Context,
    inputs: list[Path] = typer.Argument(
        ...,
        metavar="INPUT",
        help="Images, or folders of images.",
        readable=False,  # An unreadable input must not keep the others from being enlarged.
    ),
    model: str = typer.Option(
        ...,
        help="Bundled name, checkpoint, run folder, or bicubic.",
        autocompletion=completion.models_and_bicubic,
    ),
    out: Path = typer.Option(..., help="Folder for the results, as PNG; created if missing."),
    tile: int | None = typer.Option(None, help="Tile side in LR pixels. [default: whole image if it fits]"),
    scale: int | None = typer.Option(
        None, help="2, 3, 4 or 8, for bicubic; a network has its own scale. [default: 4]"
    ),
    device: str = typer.Option("auto", help="auto, cpu, cuda, mps.", autocompletion=completion.devices),
) -> None:
    """Enlarge every input. One that can't be used is reported and doesn't stop the others."""
    from fakd_core.data.image_files import image_size
    from fakd_core.files import check_writable
    from fakd_core.inference.tiling import check_tile

    if tile is not None:
        check_tile(tile)
    upscale_image, factor = _upscaler(model, scale, tile=tile, device=device, cancel=context.obj)
    out = Path(expanduser(out))
    targets = _targets([Path(expanduser(path)) for path in inputs], out, factor)
    check_writable(out / "outputs")
    failed = 0
    with progress_bar() as bar:
        task = bar.add_task("", total=len(targets))
        for finished, (source, target) in enumerate(targets.items()):
            try:
                for done in _upscale_file(source, target, upscale_image, factor):
                    if done.note:
                        errors.print(f"{source.name}: {done.note}", soft_wrap=True)
                    title = f"{source.name}: {done.done} of {done.total} tiles"
                    bar.update(task, completed=finished + done.done / done.total, description=title)
                # Not the size of `target`, which may have more pixels than an input may have.
                width, height = (factor * side for side in image_size(source))
                print_above(bar, f"{target} ({width}x{height})")
            except DataError as error:
                if len(targets) == 1:
                    raise
                failed += 1
                errors.print(f"error: {error}", style="red", soft_wrap=True)
    if failed:
        raise DataError(f"{failed} of {len(targets)} images were not enlarged; the reasons are above")


def _upscale_file(source: Path, target: Path, upscale_image: Upscaler, scale: int) -> Iterator[Progress]:
    """Write the result of `source` to `target`."""
    from fakd_core.data.image_files import read_image
    from fakd_core.data.png_writer import open_png
    from fakd_core.inference.upscale import Strip

    image = read_image(source)
    height, width = (side * scale for side in image.shape[:2])
    with open_png(target, height, width) as write:
        for event in upscale_image(image):
            if isinstance(event, Strip):
                write(event.pixels)
            elif isinstance(event, Progress):
                yield event
            # Free the strip before the next one is computed.
            del event


def _upscaler(
    model: str, scale: int | None, *, tile: int | None, device: str, cancel: CancelToken
) -> tuple[Upscaler, int]:
    """A function that upscales an image with `model`, and its scale."""
    from fakd_core.data.resize import BICUBIC, bicubic_strips
    from fakd_core.inference.upscale import Strip, reject_non_finite, upscale_events
    from fakd_core.models.spec import check_scale
    from fakd_core.runs.references import load_model
    from fakd_core.runtime.device import choose_device

    if model == BICUBIC:
        factor = check_scale(DEFAULT_SCALE if scale is None else scale)
        return lambda image: map(Strip, bicubic_strips(image, factor, cancel)), factor
    network = load_model(model).to(choose_device(device))
    if scale not in (None, network.spec.scale):
        raise ConfigError(
            f"{model} is an x{network.spec.scale} network, but x{scale} was asked for; "
            "leave --scale out, or choose another model"
        )

    def upscale(image: Image8) -> Iterator[UpscaleEvent]:
        with reject_non_finite(network, model):
            yield from upscale_events(network, image, tile=tile, cancel=cancel)

    return upscale, network.spec.scale


def _targets(inputs: list[Path], out: Path, scale: int) -> dict[Path, Path]:
    """The output file of every input file.

    Raises:
        ConfigError: Two outputs would be the same file, or one would replace an input.
    """
    from fakd_core.data.folders import find_images

    files: list[Path] = []
    for path in inputs:
        found = find_images(path) if path.is_dir() else [path]
        if not found:
            raise DataError(f"{path}: no images in this folder; name a folder of images, or image files")
        files += found
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: a file; --out names the folder that the results go to")
    sources: dict[Path, Path] = {}
    inputs_by_path = {realpath(source): source for source in files}
    for source in dict.fromkeys(files):
        target = out / f"{source.stem}_x{scale}.png"
        if target in sources:
            raise ConfigError(
                f"{sources[target]} and {source} would both be written to {target}; upscale them separately"
            )
        if replaced := inputs_by_path.get(realpath(target)):
            raise ConfigError(
                f"{replaced}: an input, which the output of {source.name} would replace; "
                "choose another folder for --out"
            )
        sources[target] = source
    return {source: target for target, source in sources.items()}
