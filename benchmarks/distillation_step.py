"""Compare FAKD training steps in paired rounds: textbook, ours in both precisions, with a cached teacher, ...

    .venv/bin/python -m benchmarks.distillation_step [--sizes paper small light] [--rounds 5]

Our steps are the trainer's: patches cut from the store, the teacher's pass, the student's optimiser step. The
textbook's gets ready tensors.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import statistics
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks import textbook
from benchmarks.measure import convolution, in_fresh_process, peak_megabytes, ratio, result, take_turns
from fakd_core.data.datasets import open_dataset
from fakd_core.data.folders import SAMPLES, resolve_data
from fakd_core.data.patches import PatchSampler
from fakd_core.data.pixel_store import open_store
from fakd_core.distillation.loss import DistillationLoss
from fakd_core.distillation.recipe import parse_recipe
from fakd_core.events import CancelToken, run_to_end
from fakd_core.inference.upscale import tensor_from_images
from fakd_core.models.cost import profile
from fakd_core.models.factory import create_model
from fakd_core.models.rcan import RCAN
from fakd_core.runtime.cpu_tuning import retain_freed_memory
from fakd_core.training.batches import BatchSource, OnlineTeacherBatches
from fakd_core.training.cached_batches import CachedTeacherBatches
from fakd_core.training.learner import Learner

SCALE, RATE, SEED = 4, 1e-4, 0
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Sizes:
    """Groups and blocks of teacher and student, their width, and the batch; `target` is that in float32."""

    title: str
    teacher: tuple[int, int]
    student: tuple[int, int]
    batch: int
    target: str
    half_target: str
    features: int = 64
    patch: int = 48


SIZES = {
    "paper": Sizes(
        "RCAN g10 r20 -> g10 r6, B4", (10, 20), (10, 6), 4, "at least 1.8x", "with AMX at least 3.5x"
    ),
    "small": Sizes("RCAN g10 r2 -> g10 r1, B8", (10, 2), (10, 1), 8, "at least 2.6x", "with AMX at least 4x"),
    "light": Sizes(
        "RCAN g5 r5 -> g5 r1, C32, B8 of 40x40",
        (5, 5),
        (5, 1),
        8,
        "at least 2.6x",
        "with AMX at least 4x",
        features=32,
        patch=40,
    ),
}
POOL = 64
SAMPLED = "10*SA(positions=0.0625)"


def networks(sizes: Sizes) -> tuple[RCAN, RCAN]:
    torch.manual_seed(SEED)
    made = []
    for groups, blocks in (sizes.teacher, sizes.student):
        sizes_of = {"n_resgroups": groups, "n_resblocks": blocks, "n_feats": sizes.features}
        network = create_model("rcan", scale=SCALE, **sizes_of)
        assert isinstance(network, RCAN)
        made.append(network.to(memory_format=torch.channels_last))  # type: ignore[call-overload]
    teacher, student = made
    return teacher.eval().requires_grad_(False), student


def sampler(sizes: Sizes) -> PatchSampler:
    dataset = open_dataset(resolve_data(Path(SAMPLES)), SCALE)
    store = run_to_end(open_store(dataset, CancelToken()))
    return PatchSampler(store, range(len(dataset)), patch=sizes.patch, batch=sizes.batch, seed=SEED)


def online_batches(
    patches: PatchSampler, *teachers: RCAN, dtype: torch.dtype = torch.float32
) -> OnlineTeacherBatches:
    return OnlineTeacherBatches(sampler=patches, teachers=teachers, seed=SEED, device=CPU, dtype=dtype)


def our_step(
    batches: BatchSource, *losses: tuple[RCAN, DistillationLoss], dtype: torch.dtype = torch.float32
) -> Callable[[], float]:
    """A step of one learner, or of several that share the batch; returns the first one's loss."""
    learners = [Learner(student=student, loss=loss, device=CPU, dtype=dtype) for student, loss in losses]
    count = itertools.count()

    def step() -> float:
        batch = batches.batch(next(count))
        totals = [learner.measure(batch)[0]["total"] for learner in learners]
        for learner in learners:
            learner.apply(RATE)
        return totals[0]

    return step


def textbook_step(teacher: RCAN, student: RCAN, patches: PatchSampler) -> Callable[[], float]:
    lr, hr = (tensor_from_images(images, CPU).contiguous() for images in patches.batch(0))
    training = textbook.Training(teacher, student)
    return lambda: training.step(lr, hr)


def ways(sizes: Sizes, cache: Path) -> dict[str, Callable[[], float]]:
    teacher, student = networks(sizes)
    patches, distilled, sampled = sampler(sizes), DistillationLoss(), DistillationLoss(recipe=SAMPLED)
    full, half = torch.float32, torch.bfloat16

    def fresh() -> RCAN:
        return copy.deepcopy(student)

    def cached(share: float, dtype: torch.dtype) -> CachedTeacherBatches:
        batches = CachedTeacherBatches(
            folder=cache,
            sampler=patches,
            teachers=[("teacher", teacher)],
            layers=distilled.layers,
            share=share,
            dtype=dtype,
            patches=POOL,
            batch=sizes.batch,
            seed=SEED,
            device=CPU,
        )
        for _ in batches.prepare(CancelToken()):
            pass
        return batches

    live, plain = online_batches(patches, teacher), DistillationLoss.ground_truth_only()
    half_live, alone = online_batches(patches, teacher, dtype=half), online_batches(patches)
    share = parse_recipe(SAMPLED).share
    return {
        "textbook": textbook_step(teacher, fresh(), patches),
        "ours": our_step(live, (fresh(), distilled)),
        "ours, bf16": our_step(half_live, (fresh(), distilled), dtype=half),
        "cached": our_step(cached(1, full), (fresh(), distilled)),
        "with a baseline": our_step(live, (fresh(), distilled), (fresh(), plain)),
        "no teacher": our_step(alone, (fresh(), plain)),
        "no teacher, bf16": our_step(alone, (fresh(), plain), dtype=half),
        "sampled": our_step(live, (fresh(), sampled)),
        "sampled, bf16": our_step(half_live, (fresh(), sampled), dtype=half),
        "sampled and cached": our_step(cached(share, full), (fresh(), sampled)),
        "sampled and cached, bf16": our_step(cached(share, half), (fresh(), sampled), dtype=half),
    }


def gigaflops(sizes: Sizes) -> float:
    """Convolutions and matrix products of the networks in one step: a backward pass counts twice."""
    teacher, student = (profile(network, (sizes.patch, sizes.patch)).gmacs for network in networks(sizes))
    return 2 * sizes.batch * (teacher + 3 * student)


def compare(name: str, rounds: int) -> None:
    sizes = SIZES[name]
    conv, conv_gflops = convolution(sizes.batch, sizes.patch)
    with tempfile.TemporaryDirectory() as folder:
        steps = ways(sizes, Path(folder))
        first = {name: steps[name]() for name in ("textbook", "ours")}
        print(f"{sizes.title}: first losses {first}")
        if abs(first["textbook"] - first["ours"]) > 1e-4 * first["textbook"]:
            raise SystemExit("the two ways compute different losses")
        ours = frozenset({*steps, "convolution"} - {"textbook"})
        times = take_turns({**steps, "convolution": conv}, rounds, as_in_training=ours)
    print({name: f"{min(column):.3f} s" for name, column in times.items()}, "(fastest rounds)")
    title = f"distillation step, {sizes.title}"
    result(f"{title}: textbook / ours", sizes.target, f"{ratio(times['textbook'], times['ours']):.2f}x")
    in_half = f"{ratio(times['textbook'], times['ours, bf16']):.2f}x"
    result(f"{title}: textbook / ours in bfloat16", sizes.half_target, in_half)
    # What the precision `auto` is here.
    suffix = min("", ", bf16", key=lambda suffix: statistics.median(times[f"no teacher{suffix}"]))
    for way, target in (("sampled and cached", "at most 1.15x"), ("sampled", "at most 1.5x")):
        result(
            f"{title}{suffix}: {way} / without a teacher",
            target,
            f"{ratio(times[way + suffix], times['no teacher' + suffix]):.2f}x",
        )
    if name == "paper":
        compare_more(sizes, times, conv_gflops)


def compare_more(sizes: Sizes, times: Mapping[str, list[float]], conv_gflops: float) -> None:
    at_peak = [gigaflops(sizes) / conv_gflops * took for took in times["convolution"]]
    result(
        "its share of the convolution peak", "at least 80 %", f"{100 * ratio(at_peak, times['ours']):.0f} %"
    )
    result(
        "with cached teacher: ours / ours", "at least 1.8x", f"{ratio(times['ours'], times['cached']):.2f}x"
    )
    result(
        "student and baseline together / student alone",
        "at most 1.65x",
        f"{ratio(times['with a baseline'], times['ours']):.2f}x",
    )
    plain, lean = (
        float(in_fresh_process("benchmarks.distillation_step", "--sizes", "paper", "--peak", way))
        for way in ("textbook", "ours")
    )
    print(f"peak memory of the process: textbook {plain:.0f} MB, ours {lean:.0f} MB")
    result("peak memory of its process: ours / textbook", "at most 0.6x", f"{lean / plain:.2f}x")


def peak(sizes: Sizes, way: str) -> float:
    """Peak megabytes of a process that takes three steps in one way."""
    teacher, student = networks(sizes)
    patches = sampler(sizes)
    if way == "textbook":
        step = textbook_step(teacher, student, patches)
    else:
        live = online_batches(patches, teacher)
        step = our_step(live, (student, DistillationLoss()))
    with retain_freed_memory():
        for _ in range(3):
            step()
    return peak_megabytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", choices=SIZES, nargs="+", default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peak", choices=["textbook", "ours"], help="print this way's megabytes and stop")
    options = parser.parse_args()
    if options.peak:
        print(peak(SIZES[options.sizes[0]], options.peak))
        return
    for name in options.sizes:
        compare(name, options.rounds)


if __name__ == "__main__":
    main()
