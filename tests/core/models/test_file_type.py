"""Code that a file of weights would import is found without running any."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from fakd_core.models.file_type import unsafe_globals


def text(content: str) -> bytes:
    return pickle.SHORT_BINUNICODE + bytes([len(content)]) + content.encode()


OTHERS = text("a") + text("b") + pickle.POP + pickle.POP
"""Two more texts, to part the module and its function from what asks for them."""


@pytest.mark.parametrize(
    "content",
    [
        pickle.GLOBAL + b"os\nsystem\n",
        text("os") + text("system") + pickle.STACK_GLOBAL,
        text("os") + b"q\0" + text("system") + b"q\1" + OTHERS + b"h\0h\1" + pickle.STACK_GLOBAL,
        text("os")
        + pickle.MEMOIZE
        + text("system")
        + pickle.MEMOIZE
        + OTHERS
        + b"h\0h\1"
        + pickle.STACK_GLOBAL,
        text("x") + b"h\7" + text("os") + text("system") + pickle.STACK_GLOBAL,
    ],
    ids=["named", "from the stack", "put aside and got", "memoized and got", "after what isn't there"],
)
def test_code_is_named_however_a_pickle_asks_for_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(b"\x80\4" + content + pickle.STOP)
    assert unsafe_globals(path) == ["os.system"]


def test_several_pickles_in_a_row_are_read(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(pickle.dumps(1) + pickle.dumps(2) + b"\x80\4cos\nsystem\n.")
    assert unsafe_globals(path) == ["os.system"]
