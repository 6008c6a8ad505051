"""Cyclic garbage is collected in the GUI thread only: elsewhere Qt crashes."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from collections import Counter

import pytest
from pytestqt.qtbot import QtBot

from fakd_gui.app import garbage_collector, make_application

PROGRAM = """
import threading
import pyqtgraph as pg
from PySide6.QtCore import QTimer
from fakd_gui.app import make_application

class Ring:
    pass

def drop(count):
    for _ in range(count):
        ring = Ring()
        ring.plot = pg.PlotWidget()
        ring.plot.plot([1, 2, 3])
        ring.plot.show()
        ring.itself = ring

def allocate():
    retained = [[number] for number in range(100_000)]

app = make_application()
app.processEvents()
drop(20)
worker = threading.Thread(target=allocate)
worker.start()
worker.join()
QTimer.singleShot(2500, app.quit)
app.exec()
print("still here")
"""


def test_busy_thread_destroys_no_dropped_plots() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert done.stdout.strip() == "still here", done.stderr


def test_garbage_is_collected_in_the_gui_thread(qtbot: QtBot) -> None:
    make_application()
    assert not gc.isenabled()
    where: list[threading.Thread] = []

    class Ring:
        def __del__(self) -> None:
            where.append(threading.current_thread())

    def work() -> None:
        ring = Ring()
        ring.itself = ring  # type: ignore[attr-defined]
        del ring
        assert len([[number] for number in range(10_000)]) == 10_000

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert where == []
    retained = [[number] for number in range(10_000)]
    assert garbage_collector().timer.isActive()
    qtbot.waitUntil(lambda: bool(where))
    assert where == [threading.main_thread()]
    assert retained


@pytest.mark.parametrize("times", [1, 2])
def test_one_collector_per_application(qapp: object, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    make_application()
    monkeypatch.setattr("fakd_gui.app.GarbageCollector", lambda: pytest.fail("a second collector"))
    for _ in range(times):
        make_application()
    assert garbage_collector().timer.isActive()


@pytest.mark.parametrize("reported", [(700, 10, 10), (700, 10, 0), (2000, 10, 0), (0, 0, 0)])
def test_old_garbage_is_collected_rarely_whatever_python_reports(
    qapp: object, monkeypatch: pytest.MonkeyPatch, reported: tuple[int, int, int]
) -> None:
    monkeypatch.setattr(gc, "get_threshold", lambda: reported)
    collector, generations = garbage_collector.__wrapped__(), Counter[int]()
    collector.timer.stop()
    monkeypatch.setattr(gc, "collect", lambda generation: generations.update([generation]))
    # Seconds of busy work: the counts of the younger generations start anew as they are collected.
    for second in range(1, 1000):
        monkeypatch.setattr(gc, "get_count", lambda now=second: (5000, now % 12, now // 12 % 12))
        collector.check()
    assert generations[0] == 999
    assert generations[2] <= 10
