"""Networks as ONNX files, each compared with torch before it is kept."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Generator, Iterable, Iterator, Mapping
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
from fakd_core.models.layers import RGB_RANGE, SRNetwork
from fakd_core.runtime.cancellation import cancellable

if TYPE_CHECKING:
    from onnx import ModelProto

TRACED_OPSET = 18
"""The lowest that torch's exporter writes; lower ones differ in details of few operators."""
OPSETS = range(11, 24)
"""11 is of 2019."""
TORCH = "2.13"
"""Exporters of older versions can't write every network for images of any size."""
INPUT, OUTPUT = "image", "enlarged"
MIN_SIDE = 4
COMPARED_SHAPES = ((1, 3, 24, 31), (2, 3, 40, 17), (1, 3, 136, 132))
"""Shapes of the images that are compared; the network is traced with another."""
MAX_DIFFERENCE = {False: 0.05, True: 2.0}
"""In grey levels of 0..255, without and with half precision."""
COLOURS = {"white": (255, 255, 255), "black": (0, 0, 0), "red": (255, 0, 0), "blue": (0, 0, 255)}
"""Even images that are compared as well: half precision fails on extremes first."""


@dataclass(frozen=True)
class Parity:
    """Largest difference from torch in float32, in grey levels of 0..255, over images of `shapes`.

    These are noise, of the first size also even and checkered ones.
    """

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
    opset: int | None,
    cancel: CancelToken,
) -> Generator[Progress, None, Parity]:
    """Write `model` to `path` with dynamic batch, height and width; whole and correct, or not at all.

    Input `image` is RGB (B, 3, h, w) with white at `value_range`, output `enlarged` the same at `scale` times
    the size, not clipped. The file's metadata hold `notes` and these conventions. Without an `opset` the
    lowest is taken in which the file is valid and runs.

    Raises:
        ConfigError: The extra `export` is not installed, or torch is too old for it.
        ExportError, Cancelled: As `export_model`.
    """
    onnx = _import_onnx()
    yield Progress(0, 2, "tracing the network")
    cancel.raise_if_cancelled()
    traced = _trace(model, half, value_range, max(opset or 0, TRACED_OPSET))
    facts = {
        **notes,
        "value_range": f"0..{value_range}",
        "precision": "float16" if half else "float32",
        "input": "RGB, NCHW",
    }
    yield Progress(1, 2, "comparing with torch")
    refused: _OpsetError | None = None
    with cancellable(cancel):
        references = _references(model)
        if half:
            _check_half(model, references, value_range)
        for version in [opset] if opset else range(OPSETS.start, TRACED_OPSET + 1):
            try:
                proto = _lower(onnx, traced, version)
                onnx.helper.set_model_props(proto, {**facts, "opset": str(version)})
                parity = _compare_with_torch(proto, references, half, value_range)
            except _OpsetError as error:
                refused = error
                continue
            _save(onnx, proto, path)
            return parity
    assert refused is not None
    raise refused


def _save(onnx: ModuleType, proto: ModelProto, path: Path) -> None:
    try:
        with atomic_path(path) as temporary:
            onnx.save_model(proto, str(temporary))
    except OSError as error:
        raise ExportError(f"{path}: can't be written: {error.strerror or error}") from None


def _lower(onnx: ModuleType, traced: ModelProto, opset: int) -> ModelProto:
    """Convert to a lower `opset`, in which some inputs were attributes; raises `ExportError` if it can't."""
    proto: ModelProto = onnx.ModelProto()
    proto.CopyFrom(traced)
    constants = {each.name: onnx.numpy_helper.to_array(each) for each in proto.graph.initializer}
    for node in proto.graph.node:
        if opset < 18 and node.op_type in ("ReduceMean", "ReduceMax", "ReduceMin") and len(node.input) == 2:
            axes = constants.get(node.input.pop())
            node.attribute.append(onnx.helper.make_attribute("axes", [] if axes is None else axes.tolist()))
        newer = {"noop_with_empty_axes": 18, "allowzero": 14, "start": 15, "end": 15}
        kept = [one for one in node.attribute if newer.get(one.name, 0) <= opset or one.i]
        del node.attribute[:]
        node.attribute.extend(kept)
    del proto.opset_import[1:]
    proto.opset_import[0].version = opset
    proto.ir_version = onnx.helper.find_min_ir_version_for(list(proto.opset_import))
    try:
        onnx.checker.check_model(proto, full_check=True)
    except Exception as error:  # noqa: BLE001 - its own errors, and those of type inference
        raise _OpsetError(f"the network can't be written in opset {opset}: {first_line(error)}") from None
    return proto


class _OpsetError(ExportError):
    """The network can't be written or run in an opset; it may be in a higher one."""


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
    if torch.__version__ < TORCH:
        raise ConfigError(
            f"ONNX needs torch {TORCH} or newer, found {torch.__version__}: "
            'pip install "fakd-workbench[export]"'
        )
    return onnx


def _wrap(model: SRNetwork, half: bool, value_range: int) -> nn.Module:
    """A copy of the network as it is written."""
    network = copy.deepcopy(model).fuse(False).requires_grad_(False)
    wrapped = _InRange(network, value_range).eval()
    if half:
        wrapped.half()
    return wrapped


def _check_half(model: SRNetwork, references: Iterable[tuple[str, Tensor, Tensor]], value_range: int) -> None:
    """Raise `ExportError` if half precision fails: onnxruntime on a CPU computes in full precision inside."""
    network, unit = _wrap(model, True, value_range), RGB_RANGE / value_range
    for name, image, expected in references:
        with torch.inference_mode():
            difference = (network((image / unit).half()).float() * unit - expected).abs().max().item()
        if not difference <= MAX_DIFFERENCE[True]:
            raise ExportError(
                f"half precision isn't enough here: values differ by up to {difference:.3g} of 255 "
                f"for {name}, expected at most {MAX_DIFFERENCE[True]:g}; nothing was written"
            )


def _trace(model: SRNetwork, half: bool, value_range: int, opset: int) -> ModelProto:
    wrapped = _wrap(model, half, value_range)
    image = torch.rand(2, 3, 26, 29, dtype=torch.float16 if half else torch.float32) * value_range
    dim = torch.export.Dim
    sizes = {0: dim("batch"), 2: dim("height", min=MIN_SIDE), 3: dim("width", min=MIN_SIDE)}
    try:
        with _quiet():
            program = torch.onnx.export(
                wrapped,
                (image,),
                dynamo=True,
                opset_version=opset,
                dynamic_shapes=(sizes,),
                input_names=[INPUT],
                output_names=[OUTPUT],
                verbose=False,
            )
    except Exception as error:
        # torch wraps the reason in advice to developers.
        reason = first_line(error.__cause__ or error)
        raise ExportError(f"{model.spec.architecture} can't be exported to ONNX: {reason}") from error
    if program is None:
        raise ExportError(f"{model.spec.architecture} can't be exported to ONNX")
    proto = program.model_proto
    if not all(proto.graph.input[0].type.tensor_type.shape.dim[place].dim_param for place in sizes):
        raise ExportError(
            f"{model.spec.architecture} can't be exported to ONNX: its code fixes the size of the image "
            "when it is traced"
        )
    return proto


def _references(model: SRNetwork) -> list[tuple[str, Tensor, Tensor]]:
    """Images, by name, in 0..255, and the network's outputs."""
    generator = torch.Generator().manual_seed(0)
    images = {
        f"noise of {shape[2]}x{shape[3]}": torch.randint(0, 256, shape, generator=generator).float()
        for shape in COMPARED_SHAPES
    }
    batch, _, height, width = COMPARED_SHAPES[0]
    for name, colour in COLOURS.items():
        images[name] = torch.tensor(colour).float().view(1, 3, 1, 1).expand(batch, 3, height, width)
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    images["a checkerboard"] = (255.0 * ((rows + columns) % 2)).expand(batch, 3, height, width)
    with torch.inference_mode():
        return [(name, image, model(image)) for name, image in images.items()]


def _compare_with_torch(
    proto: ModelProto, references: Iterable[tuple[str, Tensor, Tensor]], half: bool, value_range: int
) -> Parity:
    import onnxruntime

    opset = proto.opset_import[0].version
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    unit, worst, where = RGB_RANGE / value_range, 0.0, ""
    try:
        session = onnxruntime.InferenceSession(
            proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        for name, image, expected in references:
            given = (image / unit).half() if half else image / unit
            found = (
                torch.from_numpy(session.run([OUTPUT], {INPUT: given.contiguous().numpy()})[0]).float() * unit
            )
            same = found.shape == expected.shape
            difference = (found - expected).abs().max().item() if same else float("inf")
            # Negated, because NaN compares false with everything.
            if not difference <= worst:
                worst, where = difference, name
    except Exception as error:  # onnxruntime has errors of its own
        raise _OpsetError(
            f"the ONNX network doesn't run in opset {opset}: {first_line(error)}; nothing was written"
        ) from error
    if not worst <= MAX_DIFFERENCE[half]:
        raise ExportError(
            f"the ONNX network computes something else: values differ by up to {worst:.3g} of 255 for "
            f"{where}, expected at most {MAX_DIFFERENCE[half]:g}; nothing was written"
        )
    return Parity(worst, opset)


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
