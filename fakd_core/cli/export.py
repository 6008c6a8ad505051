"""`fakd export`: a model as files that other tools open."""

from __future__ import annotations

from os.path import expanduser
from pathlib import Path

import typer

from fakd_core.cli import completion
from fakd_core.cli.console import errors, output
from fakd_core.events import Progress


def export(
    context: typer.Context,
    model: str = typer.Argument(
        ...,
        metavar="M",
        help="Bundled name, checkpoint or run folder (its best student).",
        autocompletion=completion.bundled,
    ),
    to: Path = typer.Option(..., metavar="FILE", help="File to write: .safetensors, .pth or .onnx."),
    keys: str = typer.Option(
        "authors",
        help="Names of the weights in a .pth: authors, as in the authors' files, or fakd, as in FAKD's code.",
    ),
    half: bool = typer.Option(False, "--half", help="ONNX in half precision (float16)."),
    value_range: int = typer.Option(255, "--range", help="ONNX: value of white, 255 or 1."),
    opset: int | None = typer.Option(None, help="ONNX: opset, 11 to 23. [default: the lowest that works]"),
    force: bool = typer.Option(False, "--force", help="Overwrite an existing file."),
) -> None:
    """Write a model as a file that other tools open; an ONNX file is first compared with torch."""
    from fakd_core.export.checkpoints import Exported
    from fakd_core.export.child_process import export_file
    from fakd_core.files import check_writable

    path = Path(expanduser(to))
    check_writable(path)
    options = {"keys": keys, "half": half, "value_range": value_range, "opset": opset, "replace": force}
    for event in export_file(model, path, options, cancel=context.obj):
        match event:
            case Progress(what=stage):
                errors.print(f"{stage} ...")
            case Exported(parity=parity, note=note):
                text = f"{path} ({path.stat().st_size / 1e6:.1f} MB)"
                if parity:
                    sizes = ", ".join(
                        f"{batch}x{height}x{width}" for batch, _, height, width in parity.shapes
                    )
                    difference = f"values within {parity.difference:.2g} of 255 of torch's"
                    text += f"; opset {parity.opset}, {difference} on images of {sizes}"
                output.print(text)
                if note:
                    errors.print(f"note: {note}", style="yellow", soft_wrap=True)
