"""Run folders that are damaged, gone, locked, numerous or from the future cause messages, never a crash."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from library_panels import names, scan, state_of, tip_of
from pytestqt.qtbot import QtBot
from run_folders import add_steps, make_run
from tiny_trainings import make_config

from fakd_core.events import StepEnd
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.metrics_files import read_metrics
from fakd_core.runs.states import read_state
from fakd_gui.library.panel import LibraryPanel
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.run_folders import scan_runs
from fakd_gui.session.session import Session
from fakd_gui.window.main_window import MainWindow

QUICK = ("empty settings", "a step that is null", "a line that is a list")
"""The other kinds of damage are shown in a whole window only in slow tests."""


HARM: dict[str, tuple[str, bytes | None]] = {
    "settings that are no text": ("config.toml", b"\xff\xfe\x00\x00" * 100),
    "empty settings": ("config.toml", b""),
    "settings without end": ("config.toml", b"steps = [" * 5000),
    "metrics that are no text": ("metrics.jsonl", b"\xff\xfe\x00\n" * 10),
    "a step that is no number": ("metrics.jsonl", b'{"event": "step", "step": NaN}\n'),
    "an endless step": ("metrics.jsonl", b'{"event": "step", "step": 1e999}\n'),
    "a step that is null": ("metrics.jsonl", b'{"event": "step", "step": null}\n'),
    "a line that is a list": ("metrics.jsonl", b"[1, 2]\n"),
    "a line without end": ("metrics.jsonl", b"[" * 100_000 + b"\n"),
    "a validation without a score": ("metrics.jsonl", b'{"event": "validation", "step": 4}\n'),
    "metrics that are a folder": ("metrics.jsonl", None),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_damaged_run_is_listed_with_its_problem_and_the_others_as_usual(
    qtbot: QtBot,
    runs: LibraryPanel,
    session: Session,
    messages: list[str],
    harm: str,
) -> None:
    run = session.runs_root / "oldest"
    name, content = HARM[harm]
    (run / name).unlink()
    if content is None:
        (run / name).mkdir()
    else:
        (run / name).write_bytes(content)
    session.library.states = {}
    runs.read_states()
    qtbot.waitUntil(lambda: state_of(runs, run) == "damaged")
    assert name in session.library.states[run].problem
    assert state_of(runs, session.runs_root / "newest") == "done"
    assert messages == []


@pytest.mark.parametrize(
    "harm", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in HARM]
)
def test_showing_comparing_and_resuming_a_damaged_run_is_an_error_in_the_window(
    qtbot: QtBot, window: MainWindow, harm: str
) -> None:
    session = window.session
    run = make_run(session.runs_root, "run", done=2)
    name, content = HARM[harm]
    (run / name).unlink()
    if content is None:
        (run / name).mkdir()
    else:
        (run / name).write_bytes(content)
    scan(qtbot, window.library)
    session.compare_runs([run])
    session.select_run(run)
    window.library.actions.resume(run)
    qtbot.waitUntil(
        lambda: session.training is None and any("run" in message for message in window.banner.messages),
    )
    qtbot.wait(200)
    assert not [message for message in window.banner.messages if "Unexpected" in message]
    assert window.isVisible()


def test_an_unreadable_folder_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, closed = make_run(tmp_path, "kept"), make_run(tmp_path, "closed")
    look = Path.stat

    def forbidden(path: Path, **how: bool) -> os.stat_result:
        if path.parent == closed:
            raise PermissionError(13, "Permission denied")
        return look(path, **how)

    monkeypatch.setattr(Path, "stat", forbidden)
    assert list(scan_runs(tmp_path, ()).started) == [kept]
    assert scan_runs(tmp_path, [closed]).gone == []  # For all we know it is still there.


def test_a_run_removed_while_the_folder_is_read_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, going = make_run(tmp_path, "kept"), make_run(tmp_path, "going")
    look = os.scandir

    def gone_after(folder: Path) -> Iterator[os.DirEntry[str]]:
        entries = list(look(folder))
        going.rename(tmp_path.with_name("elsewhere"))
        return iter(entries)

    monkeypatch.setattr(os, "scandir", gone_after)
    scan = scan_runs(tmp_path, [going])
    assert (list(scan.started), scan.gone) == ([kept], [going])


@pytest.mark.parametrize("name", [b"caf\xe9", b"a\nb", ("ü" * 120).encode(), b"50% & <b>bold"])
def test_names_that_are_hard_to_show(qtbot: QtBot, window: MainWindow, name: bytes) -> None:
    root = window.session.runs_root
    made = make_run(root, "baseline")
    run = Path(os.fsdecode(os.path.join(os.fsencode(root), name)))
    made.rename(run)
    window.library.scan()
    # Settings are text, and so are the names in them.
    expected = "damaged" if name == b"caf\xe9" else "done"
    qtbot.waitUntil(lambda: state_of(window.library, run) == expected)
    window.session.select_run(run)
    qtbot.waitUntil(lambda: window.train.state.shown.run == run)
    scan(qtbot, window.library)
    assert len(names(window.library)) == 1


def test_a_run_folder_removed_during_training_is_created_again(
    qtbot: QtBot, window: MainWindow, small_teacher: Path, photos: Path
) -> None:
    session, run = window.session, window.session.runs_root / "run"
    steps: list[int] = []
    job = session.start_training(make_config(run, small_teacher, photos, steps=5000))
    job.yielded.connect(lambda event: steps.append(event.step) if isinstance(event, StepEnd) else None)
    qtbot.waitUntil(lambda: len(steps) > 2)
    # At once: what is removed file by file can be written to meanwhile.
    run.rename(run.with_name("elsewhere"))
    shutil.rmtree(run.with_name("elsewhere"))
    scan(qtbot, window.library)
    seen = steps[-1]
    qtbot.waitUntil(lambda: steps[-1] > seen + 3)
    with qtbot.waitSignal(session.training_finished):
        window.train.actions.stop()
    scan(qtbot, window.library)
    assert run in session.runs
    assert max(line["step"] for line in read_metrics(run)) == steps[-1]
    qtbot.waitUntil(lambda: state_of(window.library, run).startswith("stopped at"))


def test_curves_of_a_removed_run_stay(qtbot: QtBot, window: MainWindow) -> None:
    run = make_run(window.session.runs_root, "run")
    scan(qtbot, window.library)
    window.session.select_run(run)
    qtbot.waitUntil(lambda: window.train.state.shown.run == run)
    window.session.compare_runs([run])
    shutil.rmtree(run)
    scan(qtbot, window.library)
    assert window.session.runs == []
    assert window.train.state.shown.series.step == [1, 2, 3, 4]
    window.session.select_run(run)
    assert "not a run folder" in window.banner.messages[-1]


def test_500_runs(qtbot: QtBot, window: MainWindow) -> None:
    for number in range(500):
        make_run(window.session.runs_root, f"run {number:03d}", done=3)
    scan(qtbot, window.library)
    listed = window.library
    assert len(names(listed)) == 500
    qtbot.waitUntil(lambda: len(window.session.library.states) == 500)
    assert all(state.done == 3 for state in window.session.library.states.values())
    qtbot.keyClicks(listed.search, "run 123")
    assert names(listed) == ["run 123"]


def test_two_windows_on_one_folder(
    qtbot: QtBot, window: MainWindow, small_teacher: Path, photos: Path
) -> None:
    """The second sees the first one's training, and may neither resume, rename nor delete it."""
    other = Session(runs_root=window.session.runs_root)
    errors: list[str] = []
    other.error.connect(lambda problem: errors.append(problem.text))
    listed = LibraryPanel(other)
    qtbot.addWidget(listed)
    run = window.session.runs_root / "run"
    job = window.session.start_training(make_config(run, small_teacher, photos, steps=5000))
    steps: list[object] = []
    job.yielded.connect(lambda event: steps.append(event) if isinstance(event, StepEnd) else None)
    qtbot.waitUntil(lambda: len(steps) > 2)
    listed.scan()
    qtbot.waitUntil(lambda: "training" in state_of(listed, run))
    with qtbot.waitSignal(other.training_finished):
        listed.actions.resume(run)
    assert f"in use by process {os.getpid()} on {socket.gethostname()}" in errors[-1]
    listed.actions.trash(run)
    assert "is being trained" in errors[-1]
    assert run.exists()
    seen = len(steps)
    qtbot.waitUntil(lambda: len(steps) > seen)
    with qtbot.waitSignal(window.session.training_finished):
        window.train.actions.stop()
    assert stop_all(listed, other)
    # What the second was refused left no trace in the run.
    found = [line["step"] for line in read_metrics(run) if line["event"] == "step"]
    assert found == list(range(1, len(found) + 1))


def test_a_run_of_another_process_names_its_owner(qtbot: QtBot, runs: LibraryPanel, session: Session) -> None:
    run = session.runs_root / "middle"
    program = (
        "import sys, time; from pathlib import Path; from fakd_core.runs.lock import run_lock\n"
        "with run_lock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(RunLayout(run).lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        runs.read_states()
        qtbot.waitUntil(lambda: "training" in state_of(runs, run))
        assert f"process {other.pid} on {socket.gethostname()}" in tip_of(runs, "middle")
        assert other.stdin is not None
        other.stdin.close()
    runs.read_states()
    qtbot.waitUntil(lambda: "training" not in state_of(runs, run))


@pytest.mark.parametrize("when", [0, -86_400 * 365, 4_102_444_800])
def test_wrong_modification_times(qtbot: QtBot, runs: LibraryPanel, session: Session, when: int) -> None:
    run = session.runs_root / "middle"
    before = read_state(run)
    for name in ("config.toml", "metrics.jsonl"):
        os.utime(run / name, (when, when))
    add_steps(run, range(3, 5))
    os.utime(run / "metrics.jsonl", (when, when))
    later = read_state(run, before)
    assert later.done == 4
    runs.scan()
    qtbot.waitUntil(lambda: "done" in state_of(runs, run))
    assert len(names(runs)) == 3
    assert threading.active_count() < 20
