"""Finds the networks in a weight file, under whatever prefix or place, and chooses the one to load.

Of several the averaged weights are taken, or the one that the user names: `FILE@weights=NAME`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from fakd_core.errors import CheckpointError, ConfigError
from fakd_core.models.weight_files import PREFIXES, WeightFile, shown, some

IsKnown = Callable[[Mapping[str, Tensor]], bool]
"""Tells whether weights, by their names, are a known network's."""

_MAX_PREFIXES = 4
_AVERAGED = re.compile(r"ema\w*|average\w*|avg|swa|shadow\w*|polyak")
_OPTIMIZER = re.compile(r"optim\w*|exp_avg\w*|momentum\w*|grads?", re.IGNORECASE)
"""Places of tensors with the weights' names and shapes that are no weights."""
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


@dataclass(frozen=True, eq=False)
class StoredNetwork:
    """The weights of a network in a file, by names without the prefix that they have there.

    Attributes:
        name: its place and prefix, such as `state_dict.generator_ema`; empty for a file that is a state dict.
        weights: the tensors.
        alternatives: the names of the other networks in the file.
        beside: what else lies in the file.
    """

    name: str
    weights: dict[str, Tensor]
    alternatives: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """The choice in words, if there was one, and averaged weights that can't be read."""
        groups = (line for line in self.beside if line.endswith(" tensors)"))
        averages = [line for line in groups if is_averaged(line.split()[0])]
        if averages and not is_averaged(self.name):
            return (
                f"{averages[0]} in the file look like averaged weights, but are no complete network by name; "
                "the plain ones are loaded",
                *self._chosen,
            )
        return self._chosen

    @property
    def _chosen(self) -> tuple[str, ...]:
        if not self.alternatives:
            return ()
        averaged = "the averaged one, " if is_averaged(self.name) else ""
        others = ", ".join(name or "the state dict around it" for name in self.alternatives)
        return (
            f"of {len(self.alternatives) + 1} networks in the file {averaged}{self.name or 'the outer one'}, "
            f"is loaded; it also has {others} (choose by @weights=NAME)",
        )


def find_network(
    path: Path, file: WeightFile, is_known: IsKnown, *, wanted: str = "", nested: bool = True
) -> StoredNetwork | None:
    """Find the network to load; None if none is known.

    Args:
        path: the file, for messages.
        file: its content.
        is_known: tells whether weights, by their names, are a known network's.
        wanted: the name of the network, or a part of it that no other has.
        nested: look under prefixes even in a state dict that is a known network as a whole.

    Raises:
        CheckpointError: there are several, none of them averaged, and none is wanted.
        ConfigError: there is no network of that name.
    """
    found = {
        name: weights
        for state in file.state_dicts
        if not any(map(_OPTIMIZER.fullmatch, state.place.split(".")))
        for name, weights in _networks(state.place, state.tensors, is_known, nested=nested)
    }
    if not found:
        return None
    name = _choose(path, list(found), wanted)
    return StoredNetwork(
        name,
        found[name],
        alternatives=tuple(other for other in found if other != name),
        beside=_describe_rest(file, found),
    )


def is_averaged(name: str) -> bool:
    """True for the usual names of averaged weights: `params_ema`, `ema_state_dict`, `netG_EMA`, `swa`."""
    return any(_AVERAGED.fullmatch(word.lower()) for word in _WORDS.findall(name))


def _networks(
    name: str, weights: dict[str, Tensor], is_known: IsKnown, *, nested: bool, prefixes: int = 0
) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Yield the known networks in a state dict; `nested` ones under prefixes even beside an outer one."""
    if not nested and is_known(weights):
        yield name, weights
        return
    rest, inner = dict(weights), list[tuple[str, dict[str, Tensor]]]()
    for first, group in _groups(weights).items() if prefixes < _MAX_PREFIXES else ():
        joined = _join(name, first)
        if found := list(_networks(joined, group, is_known, nested=nested, prefixes=prefixes + 1)):
            inner += found
            rest = {key: tensor for key, tensor in rest.items() if not key.startswith(f"{first}.")}
    if nested and rest and is_known(rest):
        yield name, rest
    yield from inner


def _groups(weights: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """The weights under each first part of their names, without it."""
    groups: dict[str, dict[str, Tensor]] = {}
    for key, tensor in weights.items():
        first, dot, rest = key.partition(".")
        if dot:
            groups.setdefault(first, {})[rest] = tensor
    return groups


def _join(name: str, part: str) -> str:
    """Add a prefix to a name, unless it is a wrapper's, which tells nothing."""
    if f"{part}." in PREFIXES:
        return name
    return f"{name}.{part}" if name else part


def _choose(path: Path, names: Sequence[str], wanted: str) -> str:
    if wanted:
        matching = [name for name in names if name == wanted] or [
            name for name in names if wanted in name.split(".")
        ]
        if len(matching) == 1:
            return matching[0]
        listed = ", ".join(name or "(the state dict itself)" for name in names)
        raise ConfigError(
            f"{path}: expected a network in the file as weights, found {wanted!r}; it has {listed}"
        )
    averaged = [name for name in names if is_averaged(name)]
    if len(names) > 1 and not averaged:
        raise CheckpointError(
            f"{path}: holds {len(names)} networks, {some(list(names))}; choose one, such as "
            f"{path.name}@weights={shown(names[0])}"
        )
    return (averaged or names)[0]


def _describe_rest(file: WeightFile, networks: Mapping[str, Mapping[str, Tensor]]) -> tuple[str, ...]:
    """Whatever is no part of a network: counters with their values, groups of tensors with their number."""
    used = {id(tensor) for weights in networks.values() for tensor in weights.values()}
    counts: Counter[str] = Counter()
    lines = list(file.others)
    for state in file.state_dicts:
        for key, tensor in state.tensors.items():
            if id(tensor) in used:
                continue
            if tensor.numel() == 1 and "." not in key and _is_readable(tensor):
                lines.append(f"{_join(state.place, key)} {tensor.item():g}")
            else:
                counts[_join(state.place, key).split(".")[0]] += 1
    return (*lines, *(f"{name} ({count} tensors)" for name, count in counts.items()))


def _is_readable(tensor: Tensor) -> bool:
    return tensor.device.type == "cpu" and not tensor.is_complex() and not tensor.is_quantized
