"""Networks as ONNX files, each compared with torch before it counts as written."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from fakd_core.errors import ConfigError, ExportError
from fakd_core.files import atomic_path
from fakd_core.models.factory import create_model
from fakd_core.models.layers import RGB_RANGE, SRNetwork

if TYPE_CHECKING:
    from onnx import ModelProto

VALUE_RANGES = (255, 1)
OPSET = 20
INPUT, OUTPUT = "image", "enlarged"
MIN_SIDE = 4
COMPARED = ((1, 3, 24, 31), (2, 3, 40, 17), (1, 3, 136, 132))
"""Shapes of the images that are compared: others than the network was traced with."""
TOLERANCE = {False: 0.05, True: 2.0}
"""The largest difference of a value, in grey levels of 0..255; with half precision, where True."""


@dataclass(frozen=True)
class Parity:
    """The largest difference from torch in float32, in grey levels of 0..255, over images of `shapes`."""

    difference: float
    opset: int
    shapes: tuple[tuple[int, int, int, int], ...] = COMPARED


def save_onnx(
    model: SRNetwork,
    path: Path,
    notes: Mapping[str, str],
    *,
    half: bool,
    value_range: int,
    on_stage: Callable[[str], object],
) -> Parity:
    """Write `model` to `path` with dynamic batch, height and width; whole, and right, or not at all.

    Input `image` is RGB (B, 3, h, w) with white at `value_range`, output `enlarged` the same at `scale` times
    the size, not clipped. `notes` and these conventions stand in the file's metadata.

    Raises `ConfigError` where the extra `export` is missing, `ExportError` as `export`.
    """
    onnx = _imported()
    on_stage("tracing")
    proto = _traced(model, half, value_range)
    facts = {
        **notes,
        "value_range": f"0..{value_range}",
        "precision": "float16" if half else "float32",
        "input": "RGB, NCHW",
        "opset": str(OPSET),
    }
    onnx.helper.set_model_props(proto, facts)
    try:
        with atomic_path(path) as temporary:
            onnx.save_model(proto, str(temporary))
            on_stage("comparing with torch")
            return _compared(model, temporary, half, value_range)
    except OSError as error:
        raise ExportError(f"{path}: can't be written: {error.strerror or error}") from None


class _InRange(nn.Module):
    """The network for images whose white is at `value_range`."""

    def __init__(self, network: SRNetwork, value_range: int) -> None:
        super().__init__()
        self.network = network
        self.unit = RGB_RANGE / value_range

    def forward(self, image: Tensor) -> Tensor:
        if self.unit == 1:
            return cast("Tensor", self.network(image))
        return cast("Tensor", self.network(image * self.unit)) / self.unit


def _imported() -> ModuleType:
    try:
        import onnx
        import onnxruntime  # noqa: F401 - what is written is run
        import onnxscript  # noqa: F401 - torch's exporter needs it
    except ImportError as error:
        raise ConfigError(
            f'ONNX needs {error.name}, which is not installed: pip install "fakd-workbench[export]"'
        ) from None
    return onnx


def _traced(model: SRNetwork, half: bool, value_range: int) -> ModelProto:
    network = create_model(model.spec).fuse(False)
    network.load_state_dict(model.state_dict())
    network.requires_grad_(False)
    wrapped = _InRange(network, value_range).eval()
    if half:
        wrapped.half()
    image = torch.rand(2, 3, 26, 29, dtype=torch.float16 if half else torch.float32) * value_range
    dim = torch.export.Dim
    sizes = {0: dim("batch"), 2: dim("height", min=MIN_SIDE), 3: dim("width", min=MIN_SIDE)}
    try:
        with _quiet():
            program = torch.onnx.export(
                wrapped,
                (image,),
                dynamo=True,
                opset_version=OPSET,
                dynamic_shapes=(sizes,),
                input_names=[INPUT],
                output_names=[OUTPUT],
                verbose=False,
            )
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ExportError(f"{model.spec.architecture} can't be exported to ONNX: {reason}") from error
    if program is None:
        raise ExportError(f"{model.spec.architecture} can't be exported to ONNX")
    return program.model_proto


def _compared(model: SRNetwork, path: Path, half: bool, value_range: int) -> Parity:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    unit, worst = RGB_RANGE / value_range, 0.0
    for shape in COMPARED:
        image = torch.randint(0, 256, shape, generator=generator).float()
        given = (image / unit).half() if half else image / unit
        found = torch.from_numpy(session.run([OUTPUT], {INPUT: given.numpy()})[0]).float() * unit
        with torch.inference_mode():
            wanted = model(image)
        difference = (found - wanted).abs().max().item() if found.shape == wanted.shape else float("inf")
        worst = max(worst, difference)
    # A NaN is no less than anything.
    if not worst <= TOLERANCE[half]:
        raise ExportError(
            f"the ONNX network computes something else: values differ by up to {worst:.3g} of 255, "
            f"expected at most {TOLERANCE[half]:g}; nothing was written"
        )
    return Parity(worst, OPSET)


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's notes are for its developers."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
