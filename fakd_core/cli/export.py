"""`fakd export`: a model as files that other tools open."""

from __future__ import annotations

from os.path import expanduser
from pathlib import Path

import typer

from fakd_core.cli import completion
from fakd_core.cli.console import errors, output
from fakd_core.events import CancelToken


def export(
    context: typer.Context,
    model: str = typer.Argument(
        ...,
        metavar="M",
        help="Bundled name, checkpoint or run folder (its best student).",
        autocompletion=completion.bundled,
    ),
    to: Path = typer.Option(..., metavar="FILE", help="What to write: .safetensors, .pth or .onnx."),
    keys: str = typer.Option(
        "authors", help="Names of the weights in a .pth: as in the authors' files, or fakd for FAKD's code."
    ),
    half: bool = typer.Option(False, "--half", help="ONNX in half precision (float16)."),
    value_range: int = typer.Option(255, "--range", help="ONNX: what white is, 255 or 1."),
    force: bool = typer.Option(False, "--force", help="Replace a file that is there."),
) -> None:
    """Write the student where other tools open it; an ONNX file is compared with torch first."""
    from fakd_core.export.export import export as write
    from fakd_core.files import check_writable

    path = Path(expanduser(to))
    check_writable(path)
    token: CancelToken = context.obj

    def tell(stage: str) -> None:
        token.raise_if_cancelled()
        errors.print(f"{stage} ...")

    parity = write(model, path, keys=keys, half=half, value_range=value_range, replace=force, on_stage=tell)
    text = f"{path} ({path.stat().st_size / 1e6:.1f} MB)"
    if parity is not None:
        sizes = ", ".join(f"{batch}x{height}x{width}" for batch, _, height, width in parity.shapes)
        text += (
            f"; opset {parity.opset}, values within {parity.difference:.2g} of 255 of torch's "
            f"on images of {sizes}"
        )
    output.print(text)
