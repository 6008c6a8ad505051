"""Finds the four feature taps of an external network in one pass without storage, or checks given ones.

As in the papers' networks: one near the head, two at thirds of the body, one at the body's end.
"""

from __future__ import annotations

import difflib
import weakref
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from fakd_core.errors import ConfigError
from fakd_core.models.layers import choose_taps
from fakd_core.models.meta import meta_copy
from fakd_core.models.spec import TAP_COUNT

Call = Callable[[nn.Module, Tensor], Tensor]
"""Runs a network on (B, 3, h, w) in 0..1."""

_SIZE = (96, 192)
"""Multiples of every usual window, so that no network pads it; not square, so that sides aren't confused."""
_SMALL = (48, 96)
"""For a network that has to compute."""
_DOWNSCALES = (1, 2, 4, 8)
_MIN_WINDOW = 4
_MIN_SHARE = 0.1
_MAX_STAGE = 0.9
"""The largest part of the stages' weights in one of them: one with more holds the stages itself."""
_SUMS = frozenset({"add", "radd", "iadd"})
_MAX_SUGGESTIONS = 4


@dataclass(frozen=True, kw_only=True)
class TapLayout:
    """The taps, and what is needed to convert their modules' outputs to maps; see `SpandrelSpec`.

    `possible` are all modules that could be taps, in the order of a pass.
    """

    taps: tuple[str, ...] = ()
    tap_widths: tuple[int, ...] = ()
    reference_module: str = ""
    skip: str = ""
    downscale: int = 1
    runs_on_meta: bool = True
    possible: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Visit:
    """One call of a module in a pass; `entered` and `left` number the starts and ends of all calls."""

    name: str
    module: nn.Module = field(repr=False)
    entered: int
    left: int
    shape: tuple[int, ...]

    @property
    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.module.parameters())

    def within(self, other: _Visit) -> bool:
        return self.name.startswith(f"{other.name}.")


def find_tap_layout(network: nn.Module, call: Call, taps: Sequence[str] = ()) -> TapLayout:
    """Find the layout with `taps`, module paths in order, or with automatically chosen ones.

    There are no taps if the network's maps don't match the LR image's pixels; it can still enlarge images.

    Raises:
        ConfigError: a path names no module, or one whose output is no map at LR resolution; the message lists
            similar ones.
        Exception: the network's pass fails, in whatever way.
    """
    visits, sums, size = _record(network, call)
    downscale = _body_downscale(visits, size)
    grid = _grid(visits, size, downscale)
    on_grid = {visit.name: visit for visit in visits if channels_of(visit.shape, grid)}
    if taps:
        _check(taps, network, visits=visits, on_grid=on_grid, size=size)
    chosen = tuple(taps) or _choose(visits, grid)
    if not chosen:
        return TapLayout(runs_on_meta=size == _SIZE)
    return TapLayout(
        taps=chosen,
        tap_widths=tuple(channels_of(on_grid[name].shape, grid) for name in chosen),
        reference_module=next((visit.name for visit in visits if visit.shape[2:] == grid), ""),
        skip=_long_skip(chosen, on_grid, sums),
        downscale=downscale,
        runs_on_meta=size == _SIZE,
        possible=tuple(on_grid),
    )


def channels_of(shape: Sequence[int], grid: tuple[int, int]) -> int:
    """The channels of (B, C, H, W), (B, H·W, C) or (B, H, W, C) over a grid (H, W); 0 for other shapes."""
    if len(shape) == 4 and tuple(shape[2:]) == grid:
        return shape[1]
    if len(shape) == 3 and shape[1] == grid[0] * grid[1]:
        return shape[2]
    return shape[3] if len(shape) == 4 and tuple(shape[1:3]) == grid else 0


def first_tensor(output: object) -> Tensor | None:
    """A module's output, or its first tensor if it returns several; None if it is no tensor."""
    if isinstance(output, (tuple, list)) and output:
        output = output[0]
    return output if isinstance(output, Tensor) else None


class _Sums(TorchFunctionMode):
    """Records which modules' outputs are added to one another, as they are, inside the block."""

    def __init__(self) -> None:
        super().__init__()
        self.pairs: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
        # Not held: all maps of a large network take much memory.
        self._outputs: dict[int, tuple[weakref.ref[Tensor], tuple[str, ...]]] = {}

    def note(self, name: str, output: Tensor) -> None:
        """Note the output of module `name`; it may be that of a module inside, too."""
        self._outputs[id(output)] = (weakref.ref(output), (*self._names(output), name))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "").strip("_") in _SUMS and len(args) == 2 and not kwargs:
            first, second = map(self._names, args)
            if first and second and args[0].shape == args[1].shape:
                self.pairs += [(first, second), (second, first)]
        return func(*args, **(kwargs or {}))

    def _names(self, tensor: object) -> tuple[str, ...]:
        reference, names = self._outputs.get(id(tensor), (None, ()))
        return names if reference is not None and reference() is tensor else ()


def _record(network: nn.Module, call: Call) -> tuple[list[_Visit], _Sums, tuple[int, int]]:
    """Record the modules that are called once, in the order in which they return, sums, and the LR size."""
    try:
        return *_record_calls(meta_copy(network), call, size=(2, *_SIZE), device="meta"), _SIZE
    except (RuntimeError, NotImplementedError, TypeError, ValueError):
        # It reads values, or makes tensors on a device of its own choice, and so has to compute.
        return *_record_calls(network, call, size=(1, *_SMALL), device="cpu"), _SMALL


def _record_calls(
    network: nn.Module, call: Call, *, size: tuple[int, int, int], device: str
) -> tuple[list[_Visit], _Sums]:
    sums = _Sums()
    visits: list[_Visit] = []
    counts: dict[str, int] = defaultdict(int)
    entered: dict[str, int] = {}
    clock = count()
    names = {module: name for name, module in network.named_modules() if name}

    def enter(module: nn.Module, _: object) -> None:
        entered[names[module]] = next(clock)

    def leave(module: nn.Module, _: object, output: object) -> None:
        name, tensor = names[module], first_tensor(output)
        counts[name] += 1
        shape = () if tensor is None else tuple(tensor.shape)
        if tensor is not None:
            sums.note(name, tensor)
        visits.append(_Visit(name=name, module=module, entered=entered[name], left=next(clock), shape=shape))

    handles = [module.register_forward_pre_hook(enter) for module in names]
    handles += [module.register_forward_hook(leave) for module in names]
    try:
        with torch.device(device), torch.no_grad(), sums:
            call(network, torch.zeros(size[0], 3, *size[1:]))
    finally:
        for handle in handles:
            handle.remove()
    return [visit for visit in visits if counts[visit.name] == 1], sums


def _grid(visits: Sequence[_Visit], size: tuple[int, int], downscale: int) -> tuple[int, int]:
    """Height and width of maps that are smaller by `downscale`; some networks pad even this size."""
    if downscale > 1:
        return size[0] // downscale, size[1] // downscale
    height, width = next((visit.shape[2:] for visit in visits if len(visit.shape) == 4), size)
    # Padding to the right and below, to whole windows; networks that pad all around don't have such sizes.
    padded = size[0] <= height < 2 * size[0] and size[1] <= width < 2 * size[1]
    return (height, width) if padded and height % _MIN_WINDOW == width % _MIN_WINDOW == 0 else size


def _body_downscale(visits: Sequence[_Visit], size: tuple[int, int]) -> int:
    """Find by how much the body's maps are smaller than the LR image; 1 if enough of it has that size."""
    weights = {
        downscale: _weight(_stages(visits, _grid(visits, size, downscale))) for downscale in _DOWNSCALES
    }
    most = max(_DOWNSCALES, key=weights.__getitem__)
    return 1 if weights[1] >= _MIN_SHARE * weights[most] else most


def _weight(row: Sequence[_Visit]) -> int:
    return sum(visit.parameters for visit in row)


def _stages(visits: Sequence[_Visit], grid: tuple[int, int]) -> list[_Visit]:
    """Find the body's stages: the siblings of one class that together have the most weights.

    Their outputs are maps over `grid` with equal channels.
    """
    rows: dict[tuple[str, type, int], list[_Visit]] = defaultdict(list)
    for visit in visits:
        channels = channels_of(visit.shape, grid)
        if channels and visit.parameters:
            rows[visit.name.rpartition(".")[0], type(visit.module), channels].append(visit)
    return max(filter(_is_row_of_stages, rows.values()), key=_weight, default=[])


def _is_row_of_stages(row: Sequence[_Visit]) -> bool:
    """True for several modules of similar size, unlike a network's head and the whole body beside it."""
    largest = max(visit.parameters for visit in row)
    return len(row) > 1 and largest <= _MAX_STAGE * _weight(row)


def _choose(visits: Sequence[_Visit], grid: tuple[int, int]) -> tuple[str, ...]:
    """Choose four modules whose outputs are maps over `grid`, in a pass's order; none if there are fewer.

    These are the first module before the body's stages with as many channels, two stages, and the last such
    module after them.
    """
    stages = _stages(visits, grid)
    if not stages:
        return ()
    width = channels_of(stages[0].shape, grid)
    alike = [visit for visit in visits if visit.parameters and channels_of(visit.shape, grid) == width]
    before = [visit for visit in alike if visit.left < stages[0].entered]
    # If one module contains another, take the outer one.
    before = [visit for visit in before if not any(visit.within(other) for other in before)]
    upsampling = _upsampling(visits, grid, stages[0])
    after = [visit for visit in alike if visit.left > stages[-1].left and visit.name not in upsampling]
    thirds = (round(len(stages) / 3), round(2 * len(stages) / 3))
    first, second = choose_taps((0, 0), thirds, len(stages))
    row = [*before[:1], stages[first - 1], stages[second - 1], *(after[-1:] or stages[-1:])]
    if len({visit.name for visit in row}) == TAP_COUNT:
        return tuple(visit.name for visit in row)
    # Without a separate head or end, or with few stages, space the taps evenly.
    row = [*before[:1], *stages, *after[-1:]]
    if len(row) < TAP_COUNT:
        row = alike
    if len(row) < TAP_COUNT:
        return ()
    return tuple(row[round(place * (len(row) - 1) / (TAP_COUNT - 1))].name for place in range(TAP_COUNT))


def _long_skip(taps: Sequence[str], on_grid: dict[str, _Visit], sums: _Sums) -> str:
    """The module before the body whose output is added to that of the last tap; empty if none is."""
    body = on_grid[taps[1]]
    added = [name for one, others in sums.pairs if taps[-1] in one for name in others]
    before = [name for name in added if name in on_grid and on_grid[name].left < body.entered]
    return before[-1] if before else ""


def _upsampling(visits: Sequence[_Visit], grid: tuple[int, int], stage: _Visit) -> set[str]:
    """Find the modules of the upsampler: those inside one that enlarges, and those before a pixel shuffle.

    Modules around `stage`, such as the whole network, enlarge too but are no upsampler.
    """
    upsamplers = [
        visit
        for visit in visits
        if len(visit.shape) == 4 and visit.shape[2] > grid[0] and not stage.within(visit)
    ]
    names = {visit.name for visit in visits if any(visit.within(other) for other in upsamplers)}
    row: list[_Visit] = []
    for visit in visits:
        if isinstance(visit.module, nn.PixelShuffle):
            names.update(one.name for one in row)
        if visit.parameters and not list(visit.module.children()):
            row = []
        row.append(visit)
    return names


def _check(
    taps: Sequence[str],
    network: nn.Module,
    *,
    visits: Sequence[_Visit],
    on_grid: dict[str, _Visit],
    size: tuple[int, int],
) -> None:
    if len(taps) != TAP_COUNT:
        raise ConfigError(
            f"taps: expected {TAP_COUNT} module paths with commas between them, from the head to the body's "
            f"end (found {len(taps)})"
        )
    modules = dict(network.named_modules())
    shapes = {visit.name: visit.shape for visit in visits}
    for tap in taps:
        if tap in on_grid:
            continue
        near = (
            difflib.get_close_matches(tap, on_grid, n=_MAX_SUGGESTIONS, cutoff=0.3)
            or list(on_grid)[:_MAX_SUGGESTIONS]
        )
        if tap not in modules or not tap:
            reason = "the network has no such module"
        elif tap not in shapes:
            reason = "it isn't called once in a pass"
        else:
            found = "x".join(map(str, shapes[tap][1:])) or "no tensor"
            reason = f"its output is no map of the {size[0]}x{size[1]} pixels (found {found})"
        raise ConfigError(f"tap {tap!r}: {reason}; near it: {', '.join(near) or 'none'}")
