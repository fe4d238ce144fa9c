"""Parsing on several cores gives what parsing on one gives, whatever a worker meets.

Forking is for processes with one thread, which a test runner's is not: each case runs in an interpreter of its own.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.loading.yaml_workers import shared_out

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")

_BEGIN = """
import os
import sys
from pathlib import Path
from reconciler.loading import yaml_workers, yaml_files
from reconciler.loading.yaml_cache import ParseCache

root = Path(sys.argv[1])
files = yaml_files.discover(root, ["."])
forks = []
fork = os.fork

def counted():
    pid = fork()
    forks.append(pid)
    return pid

os.fork = counted
os.sched_getaffinity = lambda pid: {0, 1, 2}

def load(worthwhile):
    yaml_workers.WORTHWHILE = worthwhile
    documents, diagnostics = yaml_files.load_files(files, root, ParseCache(root / "nowhere"))
    places = [(d.file, d.index, d.value, list(d.positions), str(d.mark(("spec", "a")))) for d in documents]
    return places, diagnostics, [d.source.clean for d in documents]
"""


def run_alone(tmp_path: Path, script: str) -> str:
    for number in range(9):
        text = "".join(
            f"kind: K\nmetadata: {{name: n{number}-{n}}}\nspec:\n  a: [{n}, &x {{b: ü}}, *x]\n---\n" for n in range(20)
        )
        (tmp_path / f"f{number}.yaml").write_text(text)
    (tmp_path / "broken.yaml").write_text("kind: K\nkind: L\n---\na: [\n---\nspec: {a: 1}\n")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _BEGIN + script, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout


def test_workers_give_what_one_process_gives(tmp_path: Path) -> None:
    script = """
alone = load(10**9)
assert not forks
assert load(1) == alone
print(len(alone[0]), len(alone[1]), len(forks))
"""
    documents, findings, forks = run_alone(tmp_path, script).split()
    assert (documents, forks) == ("182", "3")
    assert int(findings) >= 2


def test_a_worker_that_dies_is_done_without(tmp_path: Path) -> None:
    script = """
alone = load(10**9)
work = yaml_workers._work

def dying(stream, sources, share, parse):
    work(stream, sources, share[:1], parse)
    stream.write(b"half a hea")
    stream.flush()
    os._exit(9)

yaml_workers._work = dying
assert load(1) == alone
print(len(forks))
"""
    assert run_alone(tmp_path, script) == "3\n"


def test_where_no_process_can_be_had_this_one_does_it(tmp_path: Path) -> None:
    """Those that could be started do their share, and nothing stays open: neither a process nor a pipe."""
    script = """
import errno
alone = load(10**9)
open_before = os.listdir("/proc/self/fd")
for most in (0, 2):
    started = len(forks)

    def limited():
        if len(forks) - started >= most:
            raise BlockingIOError(errno.EAGAIN, "no more processes")
        return counted()

    os.fork = limited
    assert load(1) == alone
    print(len(forks) - started)
assert os.listdir("/proc/self/fd") == open_before
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("none left")
"""
    assert run_alone(tmp_path, script) == "0\n2\nnone left\n"


def test_no_worker_is_left_behind_by_an_error(tmp_path: Path) -> None:
    script = """
import reconciler.loading.yaml_parse as yaml_parse

def failing(source):
    raise RuntimeError("here")

yaml_parse.parse_source = failing
try:
    load(1)
except RuntimeError as error:
    print(error, len(forks))
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("none left")
"""
    assert run_alone(tmp_path, script) == "here 3\nnone left\n"


def test_shares_are_of_about_the_same_size() -> None:
    assert shared_out([5, 1, 1, 1, 2], 2) == [[0], [1, 2, 3, 4]]
    assert sorted(position for share in shared_out([3, 0, 7], 4) for position in share) == [0, 1, 2]
