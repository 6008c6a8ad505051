"""Names, quoting and files in use, as Windows has them."""

from __future__ import annotations

import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fakd_core.errors import RunError
from fakd_core.files import atomic_path, check_writable
from fakd_core.runs.references import has_weights, model_label, split_taps
from fakd_core.runs.writer import RunWriter
from fakd_core.system import platforms


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platforms, "WINDOWS", True)


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *[
            (name, "device")
            for name in ("con", "NUL.txt", "aux.tar.gz", "Com1", "lpt9.png", "con .txt", "COM²")
        ],
        *[(name, "dot or a space") for name in ("run.", "run ", "a. .")],
        *[(f"a{character}b", "contains") for character in '<>:"|?*\n'],
    ],
)
def test_names_that_windows_refuses(tmp_path: Path, name: str, reason: str) -> None:
    for path in (tmp_path / name, tmp_path / name / "a.png"):
        with pytest.raises(OSError, match=reason):
            check_writable(path)
    with pytest.raises(OSError, match=reason), atomic_path(tmp_path / name):
        pass
    with pytest.raises(RunError, match=reason):
        RunWriter.check_free(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["console", "com", "com10", ".aux", "my nul", "läufe 一", "v1.0", "a'b&c%d$"]
)
def test_names_that_every_system_allows(tmp_path: Path, windows: None, name: str) -> None:
    platforms.check_name(Path("..", tmp_path.name, name))


def test_names_are_free_elsewhere(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "aux:1?") as temporary:
        temporary.write_text("fine")


@pytest.mark.usefixtures("windows")
def test_a_path_that_is_too_long_for_windows() -> None:
    platforms.check_length(Path("/" + "a" * 258))
    with pytest.raises(OSError, match="longer than 259 characters"):
        platforms.check_length(Path("/" + "a" * 259))


def read_by_c(line: str) -> list[str]:
    """The arguments that a program on Windows gets; Python's own quoting is its inverse."""
    pieces, quoted, word, backslashes = [], False, "", 0
    for character in f"{line} ":
        if character == "\\":
            backslashes += 1
            continue
        if character == '"':
            word += "\\" * (backslashes // 2)
            if backslashes % 2:
                word += '"'
            else:
                quoted = not quoted
        elif character == " " and not quoted:
            pieces.append(word + "\\" * backslashes)
            word = ""
        else:
            word += "\\" * backslashes + character
        backslashes = 0
    return pieces


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize(
    "word",
    [
        r"C:\my models\rcan.pth",
        "C:\\my runs\\",
        'say "x"',
        r"\"",
        "130,70,90,60",
        "a&b",
        "läufe",
        "10*SA",
        "",
    ],
)
def test_quoting_for_windows(word: str) -> None:
    line = platforms.quote_all(["fakd", word])
    assert read_by_c(line) == ["fakd", word]
    assert read_by_c(subprocess.list2cmdline(["fakd", word])) == ["fakd", word]
    assert line.endswith('"') is (word != "läufe")


def test_quoting_elsewhere() -> None:
    words = ["fakd", "a b", "it's", "$HOME"]
    assert platforms.quote_all(words) == shlex.join(words)
    assert platforms.split_command(shlex.join(words)) == words


@pytest.mark.usefixtures("windows")
def test_backslashes_of_a_command_are_folders() -> None:
    assert platforms.split_command(r'python train.py --dir_data "C:\my data\DIV2K" #1') == [
        *("python", "train.py", "--dir_data", r"C:\my data\DIV2K", "#1")
    ]


@pytest.mark.usefixtures("windows")
def test_a_file_in_use_is_replaced_when_it_is_free_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, replace = threading.Event(), Path.replace

    def replace_if_free(self: Path, target: Path) -> Path:
        if not free.is_set():
            raise PermissionError
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", replace_if_free)
    (tmp_path / "new").write_text("new")
    timer = threading.Timer(0.1, free.set)
    timer.start()
    platforms.replace_file(tmp_path / "new", tmp_path / "old")
    timer.join()
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_a_file_that_stays_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def in_use(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(platforms, "_IN_USE_SECONDS", 0.05)
    monkeypatch.setattr(Path, "unlink", in_use)
    with pytest.raises(PermissionError):
        platforms.remove_file(tmp_path / "a")
    monkeypatch.setattr(platforms, "WINDOWS", True)
    start = time.monotonic()
    platforms.remove_file(tmp_path / "a")
    assert time.monotonic() - start >= 0.05


def test_a_path_with_a_drive_is_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sep", "\\")
    assert has_weights(r"C:\models\mine.pth")
    assert model_label(r"C:/models/mine.pth") == "mine"
    assert model_label("rcan:n_feats=8") == "rcan"
    assert split_taps(r"D:\me@home\runs\first") == (r"D:\me@home\runs\first", "")
    assert split_taps(r"D:\me@home\mine.pth@2,4") == (r"D:\me@home\mine.pth", "2,4")


def test_a_program_without_a_console_can_print() -> None:
    program = """
import sys
from fakd_core.system.platforms import open_missing_streams
sys.stdout = sys.stderr = None
open_missing_streams()
sys.stderr.write("a")
print("b")
"""
    assert subprocess.run([sys.executable, "-c", program], check=False, capture_output=True).returncode == 0


def test_advice_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    run = tmp_path / "my run"
    run.mkdir()
    (run / "config.toml").touch()
    with pytest.raises(RunError, match=f"continue it with --resume '{run}', or"):
        RunWriter.check_free(run)


def test_a_pipe_that_windows_closed_ends_nothing() -> None:
    program = """
import errno, sys
from fakd_core.system import platforms

class Closed:
    encoding = "utf-8"
    def write(self, text):
        raise OSError(errno.EINVAL, "Invalid argument")
    flush = isatty = lambda self: False
    fileno = sys.stdout.fileno

platforms.WINDOWS = True
sys.stdout = Closed()
from fakd_core.cli.console import output
output.print("a")
output.print("b")
sys.stderr.write("goes on")
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.stderr == "goes on"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows needs no child process")
def test_the_machine_is_kept_awake_by_a_child_that_ends_with_the_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    script = f'touch {shlex.quote(str(begun))}; "$0"; touch {shlex.quote(str(ended))}'
    monkeypatch.setattr(platforms, "_KEEP_AWAKE", ["sh", "-c", script])
    with platforms.keep_awake():
        deadline = time.monotonic() + 10
        while not begun.exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        assert begun.exists()
        assert not ended.exists()
    assert ended.exists()


def test_a_system_that_cannot_be_kept_awake_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platforms, "_KEEP_AWAKE", ["no-such-command-here"])
    with platforms.keep_awake():
        pass
