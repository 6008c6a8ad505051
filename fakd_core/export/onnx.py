"""Networks as ONNX files, each compared with torch before it is kept."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from fakd_core.errors import ConfigError, ExportError, first_line
from fakd_core.events import CancelToken, Progress
from fakd_core.files import atomic_path
from fakd_core.models.factory import create_model
from fakd_core.models.layers import RGB_RANGE, SRNetwork
from fakd_core.runtime.cancellation import cancellable

if TYPE_CHECKING:
    from onnx import ModelProto

VALUE_RANGES = (255, 1)
OPSET = 20
INPUT, OUTPUT = "image", "enlarged"
MIN_SIDE = 4
COMPARED_SHAPES = ((1, 3, 24, 31), (2, 3, 40, 17), (1, 3, 136, 132))
"""Shapes of the images that are compared; the network is traced with another."""
MAX_DIFFERENCE = {False: 0.05, True: 2.0}
"""In grey levels of 0..255, without and with half precision."""


@dataclass(frozen=True)
class Parity:
    """Largest difference from torch in float32, in grey levels of 0..255, over images of `shapes`."""

    difference: float
    opset: int
    shapes: tuple[tuple[int, int, int, int], ...] = COMPARED_SHAPES


def write_onnx(
    model: SRNetwork,
    path: Path,
    notes: Mapping[str, str],
    *,
    half: bool,
    value_range: int,
    cancel: CancelToken,
) -> Generator[Progress, None, Parity]:
    """Write `model` to `path` with dynamic batch, height and width; whole and correct, or not at all.

    Input `image` is RGB (B, 3, h, w) with white at `value_range`, output `enlarged` the same at `scale` times
    the size, not clipped. The file's metadata hold `notes` and these conventions.

    Raises:
        ConfigError: The extra `export` is not installed.
        ExportError, Cancelled: As `export_model`.
    """
    onnx = _import_onnx()
    yield Progress(0, 2, "tracing the network")
    cancel.raise_if_cancelled()
    proto = _trace(model, half, value_range)
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
            yield Progress(1, 2, "comparing with torch")
            with cancellable(cancel):
                return _compare_with_torch(model, temporary, half=half, value_range=value_range)
    except OSError as error:
        raise ExportError(f"{path}: can't be written: {error.strerror or error}") from None


class _InRange(nn.Module):
    """The network for images with white at `value_range`."""

    def __init__(self, network: SRNetwork, value_range: int) -> None:
        super().__init__()
        self.network = network
        self.unit = RGB_RANGE / value_range

    def forward(self, image: Tensor) -> Tensor:
        if self.unit == 1:
            return cast("Tensor", self.network(image))
        return cast("Tensor", self.network(image * self.unit)) / self.unit


def _import_onnx() -> ModuleType:
    try:
        import onnx
        import onnxruntime  # noqa: F401 - runs the written file
        import onnxscript  # noqa: F401 - needed by torch's exporter
    except ImportError as error:
        raise ConfigError(
            f'ONNX needs {error.name}, which is not installed: pip install "fakd-workbench[export]"'
        ) from None
    return onnx


def _trace(model: SRNetwork, half: bool, value_range: int) -> ModelProto:
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
        reason = first_line(error)
        raise ExportError(f"{model.spec.architecture} can't be exported to ONNX: {reason}") from error
    if program is None:
        raise ExportError(f"{model.spec.architecture} can't be exported to ONNX")
    return program.model_proto


def _compare_with_torch(model: SRNetwork, path: Path, *, half: bool, value_range: int) -> Parity:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    unit, worst = RGB_RANGE / value_range, 0.0
    for shape in COMPARED_SHAPES:
        image = torch.randint(0, 256, shape, generator=generator).float()
        given = (image / unit).half() if half else image / unit
        found = torch.from_numpy(session.run([OUTPUT], {INPUT: given.numpy()})[0]).float() * unit
        with torch.inference_mode():
            expected = model(image)
        difference = (found - expected).abs().max().item() if found.shape == expected.shape else float("inf")
        worst = max(worst, difference)
    # Negated, because NaN compares false with everything.
    if not worst <= MAX_DIFFERENCE[half]:
        raise ExportError(
            f"the ONNX network computes something else: values differ by up to {worst:.3g} of 255, "
            f"expected at most {MAX_DIFFERENCE[half]:g}; nothing was written"
        )
    return Parity(worst, OPSET)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter, whose notes are for its developers."""
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
