"""The Python blocks of the README run, in order, in one namespace; those marked as not run are left out."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from minitorch.compiler.backends.c_source import toolchain

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"(?P<mark><!--\s*not run\s*-->\s*)?^```python\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(text):
    """The code of each block that is run, with the line it stands on."""
    return [
        (text.count("\n", 0, found.start("code")) + 1, found["code"])
        for found in BLOCK.finditer(text)
        if not found["mark"]
    ]  # fmt: skip


def run(text, name="README.md"):
    """Run the blocks; a traceback names the line of the file."""
    namespace = {"__name__": "readme"}
    for line, code in blocks(text):
        exec(compile("\n" * (line - 1) + code, name, "exec"), namespace)
    return namespace


@pytest.fixture(scope="module")
def namespace(tmp_path_factory):
    """What the README's Python leaves behind."""
    folder = tmp_path_factory.mktemp("readme")
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        return run(README.read_text("utf-8"), str(README))


def test_the_readme_runs(namespace):
    assert len(namespace["history"].loss) == 20


def test_the_readme_shows_a_layer_and_its_c_as_they_are(namespace):
    if toolchain.find() is None:
        pytest.skip("no C compiler here")
    x, y, loss, sgd, mt = (namespace[name] for name in ("x", "y", "loss", "sgd", "mt"))
    program = mt.compile([x, y], loss, updates=sgd.minimize(loss), backend="c")
    (layer,), (code,) = shown_as("text"), shown_as("c")
    assert layer.partition("#")[0].strip() in str(program)
    assert code in program._executor.backend.write(vector_bytes=64).source  # whatever this machine has


def shown_as(language):
    """The blocks of the README in another language than Python, those of shells apart."""
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_blocks_are_found_by_their_fences_and_marks():
    text = (
        "a\n```python\nx = 1\n```\n```sh\nrm x\n```\n<!-- not run -->\n```python\nboom\n```\n\n```python\ny = x\n```\n"
    )
    assert blocks(text) == [(3, "x = 1\n"), (14, "y = x\n")]
    assert run(text)["y"] == 1
    assert blocks("no block yet") == []


def test_a_block_that_fails_names_its_line():
    with pytest.raises(ZeroDivisionError) as error:
        run("text\n\n```python\na = 1\nb = a / 0\n```\n")
    assert error.traceback[-1].lineno + 1 == 5
