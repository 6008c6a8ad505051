"""The whole window without what Windows lacks, started without a console, as `fakd-gui` is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from windows_limits import AS_ON_WINDOWS

PROGRAM = """
import json, sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from fakd_core.runs.config import TrainConfig
from fakd_gui import app
from fakd_gui.demo import TourGuide, Until
from fakd_gui.session.session import Session
from fakd_gui.window.main_window import MainWindow

folder, teacher, data = map(Path, sys.argv[1:])
said = {"problems": [], "events": []}

def tour(window):
    session, run, photo = window.session, folder / "run", data / "coffee0.png"
    session.error.connect(lambda problem: said["problems"].append(problem.text))
    config = TrainConfig.build(
        teacher=str(teacher), student="rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4",
        train_data=data, run=run, steps=100000, batch=2, patch=12, val_images=1, validate_every=2,
        precision="fp32", teacher_cache=folder / "cache", cache_patches=64)
    seen = said["events"]
    job = session.start_training(config)
    job.yielded.connect(lambda event: seen.append([type(event).__name__, getattr(event, "text", "")]))
    def another_validation():
        after = count()
        return Until("another validation", job.yielded, lambda: count() > after)
    def count():
        return sum(name == "ValidationEnd" for name, _ in seen)
    yield another_validation()
    # From now on the window reads files that the training replaces.
    session.set_teacher(str(teacher))
    session.add_student(str(run))
    for workspace, shown in (("Compare", window.compare.finished), ("Inspect", window.inspect.map_shown)):
        window.show_workspace(workspace)
        window.open_paths([photo])
        yield Until(workspace, shown)
        yield another_validation()
    job.token.cancel()
    yield Until("the end", session.training_finished, lambda: session.training is None)
    runs = window.library.actions
    said["renamed"] = runs.rename_run(run, "renamed")
    said["refused"] = runs.rename_run(folder / "renamed", "aux")
    said["files"] = [path.name for path in (folder / "renamed").rglob(".*")]

def finish(status):
    (folder / "said.json").write_text(json.dumps({**said, "status": status}), encoding="utf-8")
    main_window().quit_without_asking()

def main_window():
    return next(one for one in QApplication.topLevelWidgets() if isinstance(one, MainWindow))

class Guided(Session):
    def __init__(self):
        super().__init__(runs_root=folder)
        QTimer.singleShot(500, self.begin)

    def begin(self):
        self.guide = TourGuide(tour(main_window()), finish)
        self.guide.advance()

app.Session = Guided
sys.stdout = sys.stderr = None
sys.exit(app.main([]))
"""


def test_training_comparing_and_renaming(tmp_path: Path, photos: Path, small_teacher: Path) -> None:
    folder = tmp_path / "läufe"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), str(small_teacher), str(photos)],
        env={
            **os.environ,
            "QT_QPA_PLATFORM": "offscreen",
            "FAKD_CONFIG": str(tmp_path / "config"),
            **AS_ON_WINDOWS,
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (folder / "said.json").exists(), done.stderr
    said = json.loads((folder / "said.json").read_text(encoding="utf-8"))
    assert (done.returncode, said["status"]) == (0, 0), said
    assert [text for _, text in said["events"] if "can't be written" in text] == []
    assert (said["renamed"], said["refused"], said["files"]) == (True, False, [])
    # The teacher has random weights.
    problems = [problem for problem in said["problems"] if "ose another teacher" not in problem]
    assert ["Windows allows no file 'aux'" in problem for problem in problems] == [True], problems
