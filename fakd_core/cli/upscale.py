"""`fakd upscale`: enlarge images with a model."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from os.path import expanduser, lexists, realpath
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fakd_core.cli import completion
from fakd_core.cli.console import errors, one_line, print_above, print_remarks, progress_bar
from fakd_core.cli.exit_status import exit_status
from fakd_core.cli.loading import DEVICE, loader_onto
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
    out: str = typer.Option(
        ...,
        metavar="DIR|FILE",
        help="Folder for the results, as PNG, created if missing; for one image also a file.",
    ),
    tile: int | None = typer.Option(None, help="Tile side in LR pixels. [default: whole image if it fits]"),
    scale: int | None = typer.Option(
        None, help="2, 3, 4 or 8, for bicubic; a network has its own scale. [default: 4]"
    ),
    device: str = DEVICE,
    skip_existing: bool = typer.Option(False, "--skip-existing", help="Keep results that exist already."),
    force: bool = typer.Option(False, "--force", help="Overwrite results that exist already."),
) -> None:
    """Enlarge every input. One that can't be used is reported and doesn't stop the others."""
    from fakd_core.files import is_disk_full
    from fakd_core.inference.tiling import check_tile

    check_tile(tile)
    if skip_existing and force:
        raise ConfigError("--skip-existing keeps results and --force overwrites them; choose one of them")
    upscale_image, factor = _upscaler(model, scale, tile=tile, device=device, cancel=context.obj)
    targets = _targets([Path(expanduser(path)) for path in inputs], expanduser(out), factor)
    targets = _without_existing(targets, skip=skip_existing, force=force)
    failed = 0
    with progress_bar() as bar:
        task = bar.add_task("", total=len(targets))
        for finished, (source, target) in enumerate(targets.items()):

            def show(done: Progress, source: Path = source, finished: int = finished) -> None:
                if done.note:
                    errors.print(f"{source.name}: {done.note}", soft_wrap=True)
                title = f"{source.name}: {done.done} of {done.total} tiles"
                bar.update(task, completed=finished + done.done / done.total, description=title)

            try:
                size = _upscale_file(source, target, upscale_image, factor, show)
                print_above(bar, f"{target} ({size})")
            except (DataError, OSError) as error:
                if len(targets) == 1 or is_disk_full(error):
                    raise
                failed += 1
                errors.print(f"error: {one_line(exit_status(error)[1])}", style="red", soft_wrap=True)
    if failed:
        raise DataError(f"{failed} of {len(targets)} images were not enlarged; the reasons are above")


def _upscale_file(
    source: Path, target: Path, upscale_image: Upscaler, scale: int, show: Callable[[Progress], None]
) -> str:
    """Write the result of `source` to `target`; returns its size, WxH."""
    from fakd_core.data.image_files import read_picture
    from fakd_core.inference.pictures import channels_of, open_image, upscale_picture
    from fakd_core.inference.upscale import Strip

    picture = read_picture(source)
    height, width = (side * scale for side in picture.rgb.shape[:2])
    with open_image(target, height, width, channels_of(picture)) as write:
        for event in upscale_picture(picture, scale, upscale_image):
            if isinstance(event, Strip):
                write(event.pixels)
            elif isinstance(event, Progress):
                show(event)
            # Free the strip before the next one is computed.
            del event
    return f"{width}x{height}"


def _upscaler(
    model: str, scale: int | None, *, tile: int | None, device: str, cancel: CancelToken
) -> tuple[Upscaler, int]:
    """A function that upscales an image with `model`, and its scale."""
    from fakd_core.data.resize import BICUBIC, bicubic_strips
    from fakd_core.inference.upscale import Strip, reject_non_finite, upscale_events
    from fakd_core.models.spec import check_scale

    if model == BICUBIC:
        factor = check_scale(DEFAULT_SCALE if scale is None else scale)
        return lambda image: map(Strip, bicubic_strips(image, factor, cancel)), factor
    network = loader_onto(device)(model)
    print_remarks(model, network.origin.remarks)
    if scale not in (None, network.spec.scale):
        raise ConfigError(
            f"{model} is an x{network.spec.scale} network, but x{scale} was asked for; "
            "leave --scale out, or choose another model"
        )

    def upscale(image: Image8) -> Iterator[UpscaleEvent]:
        with reject_non_finite(network, model):
            yield from upscale_events(network, image, tile=tile, cancel=cancel)

    return upscale, network.spec.scale


def _targets(inputs: list[Path], place: str, scale: int) -> dict[Path, Path]:
    """The output file of every input file, in the folder `place` or at that path.

    Raises:
        ConfigError: Two outputs would be the same file, or one would replace an input.
        OSError: `place` can't be written.
    """
    from fakd_core.data.folders import describe_left_out, find_images
    from fakd_core.files import check_writable

    files: list[Path] = []
    for path in inputs:
        found = find_images(path) if path.is_dir() else [path]
        left_out = describe_left_out(path) if path.is_dir() else ""
        if not found:
            advice = f"{path}: no images in this folder; name a folder of images, or image files"
            raise DataError(left_out or advice)
        if left_out:
            errors.print(f"note: {left_out}", style="yellow", soft_wrap=True)
        files += found
    files = list(dict.fromkeys(files))
    out = Path(place)
    is_file = not place.endswith(("/", os.sep)) and _names_file(out, len(files))
    check_writable(out if is_file else out / "outputs")
    sources: dict[Path, Path] = {}
    inputs_by_path = {realpath(source): source for source in files}
    for source in files:
        target = out if is_file else out / f"{source.stem}_x{scale}.png"
        if target in sources:
            raise ConfigError(
                f"{sources[target]} and {source} would both be written to {target}; upscale them separately"
            )
        if replaced := inputs_by_path.get(realpath(target)):
            raise ConfigError(
                f"{replaced}: an input, which the output of {source.name} would replace; "
                "choose another place for --out"
            )
        sources[target] = source
    return {source: target for target, source in sources.items()}


def _names_file(out: Path, images: int) -> bool:
    """True if `out` names the file of one result rather than a folder; raises `ConfigError` if it can't."""
    from fakd_core.data.image_files import check_image_name
    from fakd_core.data.image_formats import IMAGE_SUFFIXES, OTHER_IMAGE_SUFFIXES

    if out.is_dir() or out.suffix.lower() not in IMAGE_SUFFIXES | OTHER_IMAGE_SUFFIXES:
        if out.exists() and not out.is_dir():
            raise ConfigError(f"{out}: a file; --out names a folder, or an image")
        return False
    if images > 1:
        raise ConfigError(f"{out}: one file, but {images} images are enlarged; name a folder with --out")
    try:
        check_image_name(out)
    except DataError as error:
        raise ConfigError(str(error)) from None
    return True


def _without_existing(targets: dict[Path, Path], *, skip: bool, force: bool) -> dict[Path, Path]:
    """The `targets` that are to be written; raises `ConfigError` if some exist and neither is chosen."""
    from fakd_core.files import refuse_existing

    if skip:
        left = {source: target for source, target in targets.items() if not lexists(target)}
        if skipped := len(targets) - len(left):
            errors.print(
                f"note: kept {skipped} of {len(targets)} results, which exist already", style="yellow"
            )
        return left
    if not force:
        refuse_existing(
            targets.values(), advice="use --skip-existing to keep results, or --force to overwrite"
        )
    return targets
