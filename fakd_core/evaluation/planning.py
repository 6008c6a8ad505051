"""Planning an evaluation: load its models, open its sets, find known results."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

from fakd_core.data.datasets import SRDataset, fingerprint, open_dataset
from fakd_core.data.folders import resolve_data, set_folder
from fakd_core.data.image_files import image_size
from fakd_core.data.resize import BICUBIC
from fakd_core.errors import ConfigError, DataError, FakdError, describe_unexpected
from fakd_core.evaluation.events import (
    CellEvaluated,
    EvaluationEvent,
    EvaluationFailed,
    EvaluationPlanned,
    ModelLoaded,
)
from fakd_core.evaluation.published import published_set
from fakd_core.evaluation.results import Cell, EvalSet, Failure, Result
from fakd_core.events import CancelToken
from fakd_core.models.cost import PAPER_LR_SIZE, profile
from fakd_core.models.layers import SRNetwork
from fakd_core.runs.references import model_file

SECONDS_PER_GMAC, SECONDS_PER_MEGAPIXEL = 0.02, 0.6
"""Rough costs of a network's pass and of scoring; the time left follows from their ratio and the clock."""

Identity = tuple[object, ...]
Models = Iterable[str] | Mapping[str, "SRNetwork | None"]
Sets = Mapping[EvalSet, SRDataset | None]
"""Sets, opened or not."""
_OpenedSet = tuple[SRDataset, Identity, int]


@dataclass(frozen=True)
class Network:
    """A model; `model` and `scale` are None for bicubic. `identity` is empty if its file is unknown."""

    ref: str
    model: SRNetwork | None = None
    gmacs: float | None = None
    identity: Identity = ()

    @property
    def scale(self) -> int | None:
        return None if self.model is None else self.model.spec.scale


@dataclass(frozen=True)
class Job:
    """One model that is to be scored on one set; `cost` is in seconds, roughly."""

    cell: Cell
    network: Network
    dataset: SRDataset
    identity: Identity
    cost: float


def load_networks(
    models: Models, load: Callable[[str], SRNetwork], token: CancelToken
) -> Generator[EvaluationEvent, None, list[Network]]:
    """Load `models`; those that can't be loaded are reported and left out."""
    networks = []
    for ref in dict.fromkeys(models):
        token.raise_if_cancelled()
        try:
            if isinstance(models, Mapping):
                network = Network(ref, models[ref], _gmacs(models[ref]))
            elif ref == BICUBIC:
                network = Network(ref, identity=(BICUBIC,))
            else:
                model, file = load(ref), model_file(ref).resolve()
                stat = file.stat()
                network = Network(ref, model, _gmacs(model), (str(file), stat.st_size, stat.st_mtime_ns))
        except Exception as error:  # noqa: BLE001 - the others can still be evaluated
            yield failed(error, ref)
            continue
        networks.append(network)
        parameters = network.model.parameters() if network.model else ()
        remarks = network.model.origin.remarks if isinstance(network.model, SRNetwork) else ()
        yield ModelLoaded(ref, sum(weights.numel() for weights in parameters) or None, network.gmacs, remarks)
    return networks


def find_sets(
    datasets: Iterable[str | Path | SRDataset], networks: Sequence[Network], default_scale: int
) -> Sets:
    """Every set at its scales: a folder, not opened yet, at the networks', a dataset at its own.

    Raises `ConfigError` if a set is given twice, or a network's scale is not the dataset's.
    """
    scales = {network.scale: None for network in networks if network.scale} or {default_scale: None}
    sets: dict[EvalSet, SRDataset | None] = {}
    for dataset in datasets:
        found: dict[EvalSet, SRDataset | None]
        if isinstance(dataset, SRDataset):
            found = {EvalSet(_folder(dataset), dataset.scale): dataset}
            for network in networks:
                if network.scale not in (None, dataset.scale):
                    raise ConfigError(
                        f"{network.ref} is an x{network.scale} network, but x{dataset.scale} was asked for; "
                        f"choose scale {network.scale} or another model"
                    )
        else:
            found = {EvalSet(str(resolve_data(dataset)), scale): None for scale in scales}
        if found.keys() & sets:
            raise ConfigError(f"{next(iter(found)).data} is given twice; name each set once")
        sets |= found
    return sets


def plan_jobs(
    networks: Sequence[Network], sets: Sets, *, known: Mapping[Identity, Result], token: CancelToken
) -> Generator[EvaluationEvent, None, list[Job]]:
    """List what is left to score, set after set; known results and sets that can't be opened are reported."""
    pairs = [
        (Cell(network.ref, eval_set), network)
        for eval_set in sets
        for network in networks
        if network.scale in (None, eval_set.scale)
    ]
    names = {eval_set: dataset.name if dataset else _name(eval_set) for eval_set, dataset in sets.items()}
    yield EvaluationPlanned(tuple(cell for cell, _ in pairs), names)
    jobs: list[Job] = []
    opened: dict[EvalSet, _OpenedSet | Exception] = {}
    for cell, network in pairs:
        token.raise_if_cancelled()
        if cell.eval_set not in opened:
            opened[cell.eval_set] = _open(cell.eval_set, sets[cell.eval_set], token)
        found = opened[cell.eval_set]
        if isinstance(found, Exception):
            yield failed(found, cell.ref, cell=cell, dataset=names[cell.eval_set])
            continue
        dataset, set_identity, pixels = found
        identity = (*network.identity, *set_identity)
        if network.identity and identity in known:
            result = known[identity]
            yield CellEvaluated(cell, result if result.model == cell.ref else replace(result, model=cell.ref))
            continue
        height, width = PAPER_LR_SIZE
        passes = (network.gmacs or 0) * pixels / cell.eval_set.scale**2 / (height * width)
        cost = SECONDS_PER_GMAC * passes + SECONDS_PER_MEGAPIXEL * pixels / 1e6
        jobs.append(Job(cell, network, dataset, identity, cost))
    return jobs


def failed(
    error: Exception, ref: str, *, cell: Cell | None = None, dataset: str | None = None
) -> EvaluationFailed:
    """The event for `error`, whose traceback keeps its lines but none of its variables."""
    expected = isinstance(error, FakdError)
    reason = str(error) if expected else describe_unexpected(error)
    details = "" if expected else "".join(traceback.format_exception(error))
    traceback.clear_frames(error.__traceback__)
    scale = cell.eval_set.scale if cell else None
    return EvaluationFailed(Failure(ref, reason, dataset, scale, details), error, cell)


def _gmacs(model: SRNetwork | None) -> float | None:
    """At the papers' size; None for bicubic, and for a network that is not in the registry."""
    try:
        return None if model is None else profile(model).gmacs
    except FakdError:
        return None


def _folder(dataset: SRDataset) -> str:
    return str(set_folder(dataset.hr_files[0].parent))


def _name(eval_set: EvalSet) -> str:
    name = Path(eval_set.data).name
    return published_set(name) or name


def _open(eval_set: EvalSet, dataset: SRDataset | None, token: CancelToken) -> _OpenedSet | Exception:
    """The set, its identity and its number of HR pixels; or the reason why it can't be opened."""
    try:
        dataset = dataset or open_dataset(Path(eval_set.data), eval_set.scale)
        files = [path for path in (*dataset.hr_files, *dataset.lr_files) if path is not None]
        newest = max(path.stat().st_mtime_ns for path in files)
        identity = (eval_set.data, fingerprint(dataset), newest)
    except Exception as error:  # noqa: BLE001 - other sets may open
        return error
    pixels = 0
    for path in dataset.hr_files:
        token.raise_if_cancelled()
        with suppress(DataError, OSError):  # A broken image takes no time.
            pixels += prod(image_size(path))
    return dataset, identity, pixels
