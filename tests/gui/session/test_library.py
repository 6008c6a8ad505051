"""The library in the session: what each workspace shows, what a training shows, names, colours and undo."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from run_folders import make_run
from small_models import save_model

from fakd_core.data.resize import BICUBIC
from fakd_core.models.headers import ModelHeader
from fakd_core.runs.layout import BASELINE, RunLayout
from fakd_gui.session.library import VIEWERS
from fakd_gui.session.library_keys import baseline_ref
from fakd_gui.session.session import Session

TEACHER, OTHER = "rcan-g5-r5-c32-x4", "rcan-g5-r1-c32-x4-fakd"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return Path(save_model(tmp_path, "weights", 1))


def trained(session: Session, name: str, weights: Path, *networks: str) -> Path:
    """A listed run with the best weights of `networks`."""
    run = make_run(session.runs_root, name)
    layout = RunLayout(run)
    layout.checkpoints.mkdir()
    for network in networks:
        shutil.copy(weights, layout.best_weights(network))
    return session.add_run(run)


def test_looking_at_a_run_adds_nothing_anywhere(session: Session, weights: Path) -> None:
    run = trained(session, "first", weights, "student")
    session.select_run(run)
    assert [session.library.students(workspace) for workspace in VIEWERS] == [[], [], []]


def test_a_new_run_is_shown_in_place_of_the_last_one_with_its_baseline(
    session: Session, weights: Path
) -> None:
    library = session.library
    library.show([OTHER])
    first = trained(session, "first", weights, "student", BASELINE)
    second = trained(session, "second", weights, "student")
    third = trained(session, "third", weights, "student")
    library.show_automatically(first)
    library.show(["rcan-g5-r1-c32-x4-baseline"], ["Compare"])
    assert library.students("Inspect") == [OTHER, str(first), baseline_ref(first)]
    library.show_automatically(second)
    assert library.students("Inspect") == [OTHER, str(second)]
    assert library.students("Compare") == [OTHER, str(second), "rcan-g5-r1-c32-x4-baseline"]
    # Chosen by the user, it stays.
    library.show([str(second)], ["Compare"])
    library.show_automatically(third)
    assert library.students("Inspect") == [OTHER, str(second), str(third)]


def test_a_run_without_a_validation_is_not_shown(session: Session, weights: Path) -> None:
    run = trained(session, "first", weights)
    shutil.copy(weights, RunLayout(run).weights())
    session.library.show_automatically(run)
    assert session.library.students("Compare") == []


def test_each_workspace_has_eyes_of_its_own_and_undo(qtbot: QtBot, session: Session) -> None:
    library = session.library
    session.set_teacher(TEACHER)
    library.show([OTHER, "rcan-g5-r1-c32-x4-baseline"])
    with qtbot.waitSignal(session.undo_offered) as offered:
        library.show_only([OTHER], "Compare")
    assert library.shown("Compare") == [OTHER]
    assert library.is_shown(TEACHER, "Compare")
    assert library.students("Benchmark") == [OTHER, "rcan-g5-r1-c32-x4-baseline"]
    offered.args[1]()
    assert library.shown("Compare") == [BICUBIC, OTHER, "rcan-g5-r1-c32-x4-baseline"]
    with qtbot.waitSignal(session.undo_offered) as offered:
        library.hide_all("Compare")
    assert (library.shown("Compare"), library.is_shown(TEACHER, "Compare")) == ([], False)
    offered.args[1]()
    assert library.is_shown(TEACHER, "Compare")
    offered.args[2]()
    assert library.shown("Compare") == []


def test_a_model_of_another_scale_is_not_shown_and_says_why(qtbot: QtBot, session: Session) -> None:
    library, double = session.library, "rcan-g5-r1-c32-x2-fakd"
    session.set_teacher(TEACHER)
    library.show([double, OTHER])
    told: list[str] = []
    library.shown_changed.connect(told.append)
    library.set_read({}, {double: ModelHeader(2, 10), OTHER: ModelHeader(4, 10), TEACHER: ModelHeader(4, 10)})
    assert set(told) == set(VIEWERS)
    assert library.students("Compare") == [OTHER]
    assert library.obstacle(double) == "It enlarges by 2, the teacher by 4"
    with qtbot.waitSignal(session.scale_changed):
        session.set_teacher("rcan-g5-r5-c32-x2")
    assert library.students("Compare") == [double]


def test_removing_files_and_pictures_is_undone(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    library = session.library
    refs = [save_model(tmp_path, name, seed) for seed, name in enumerate(("one", "two"))]
    for ref in refs:
        session.add_student(ref)
    picture = library.add_picture(tmp_path / "other.png", tmp_path / "image.png")
    with qtbot.waitSignal(session.undo_offered) as offered:
        library.remove([refs[0], picture])
    assert offered.args[0] == "Removed 2 models from the library"
    assert (library.files, library.shown("Compare")) == ([refs[1]], [BICUBIC, refs[1]])
    offered.args[1]()
    assert library.files == refs
    assert library.shown("Compare") == [BICUBIC, *refs, picture]


def test_names_and_colours_are_the_user_s_and_survive(session: Session, tmp_path: Path) -> None:
    library, ref = session.library, save_model(tmp_path, "weights", 1)
    session.add_student(ref)
    library.show([OTHER])
    assert library.colour_number(ref) != library.colour_number(OTHER)
    library.set_name(ref, "mine")
    library.set_colour([ref], 7)
    again = Session(runs_root=tmp_path / "runs")
    again.library.restore(type(library.memory()).model_validate_json(library.memory().model_dump_json()))
    assert again.library.labels([ref]) == {ref: "mine"}
    assert again.library.colour_number(ref) == 7
    assert again.library.students("Inspect") == [ref, OTHER]


def test_last_weights_are_told_from_the_best_ones(session: Session, weights: Path) -> None:
    run = trained(session, "first", weights, "student", BASELINE)
    last = str(RunLayout(run).weights())
    labels = session.library.labels([str(run), last, baseline_ref(run)])
    assert list(labels.values()) == ["first", "first · last", "first · baseline"]


def test_nine_models_have_nine_colours(session: Session) -> None:
    numbers = {session.library.colour_number(f"model {number}") for number in range(9)}
    assert numbers == set(range(9))
