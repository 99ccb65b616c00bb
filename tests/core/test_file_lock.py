from __future__ import annotations

import errno
import os
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from core.processes import Child

from rembg_plugins.core.file_lock import locked, locked_if_free, sweep

OPEN_FILES = Path("/proc/self/fd")

HOLDER = """
import sys
from pathlib import Path
from rembg_plugins.core.file_lock import locked

with locked(Path(sys.argv[1])):
    print("held")
    sys.stdin.readline()
print("released")
"""

COUNTER = """
import sys
from pathlib import Path
from rembg_plugins.core.file_lock import locked

lock, number = map(Path, sys.argv[1:])
print("ready")
sys.stdin.readline()
for _ in range(50):
    with locked(lock):
        number.write_text(str(int(number.read_text()) + 1))
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.lock"


def test_the_file_is_gone_when_nobody_holds_the_lock(path):
    with locked(path):
        assert path.exists()
    assert not path.exists()


def test_an_exception_releases_the_lock(path):
    with pytest.raises(KeyError), locked(path):
        raise KeyError
    with locked_if_free(path) as mine:
        assert mine


def test_a_lock_that_is_held_is_not_free(path):
    with locked(path):
        with locked_if_free(path) as mine:
            assert not mine
        assert path.exists()


def test_no_two_threads_hold_it(path):
    inside = []
    most = []

    def work():
        for _ in range(50):
            with locked(path):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 400
    assert max(most) == 1
    assert not path.exists()


def test_no_two_processes_hold_it(path, tmp_path):
    number = tmp_path / "number"
    number.write_text("0")
    with ExitStack() as stack:
        children = [stack.enter_context(Child(COUNTER, path, number)) for _ in range(4)]
        for child in children:
            assert child.hear() == "ready"
        for child in children:
            child.tell()
        for child in children:
            child.finish()
    assert number.read_text() == "200"
    assert not path.exists()


def test_a_waiting_process_gets_it_when_it_is_released(path):
    with Child(HOLDER, path) as first:
        assert first.hear() == "held"
        with Child(HOLDER, path) as second:
            second.tell()
            first.tell()
            assert first.finish() == "released\n"
            assert second.finish() == "held\nreleased\n"
    assert not path.exists()


def test_the_lock_of_a_killed_process_is_free(path):
    with Child(HOLDER, path) as child:
        assert child.hear() == "held"
        with locked_if_free(path) as mine:
            assert not mine
        child.kill()
    assert path.exists()  # left behind, but unlocked
    with locked_if_free(path) as mine:
        assert mine
    assert not path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="locks of POSIX")
@pytest.mark.parametrize("problem", [OSError(errno.ENOLCK, "none left"), KeyboardInterrupt()])
def test_a_lock_that_cannot_be_had_leaves_no_open_file(path, monkeypatch, problem):
    import fcntl

    opened = []

    def flock(descriptor, operation):
        opened.append(descriptor)
        raise problem

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(type(problem)), locked(path):
        pass
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])


def test_sweeping_removes_what_killed_processes_left_and_nothing_else(path, tmp_path):
    (tmp_path / "left.lock").touch()
    (tmp_path / "other.txt").touch()
    with locked(path):
        sweep(tmp_path, "*.lock")
        assert {file.name for file in tmp_path.iterdir()} == {"a.lock", "other.txt"}


def test_a_folder_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), locked(tmp_path / "absent" / "a.lock"):
        pass


@pytest.mark.skipif(not OPEN_FILES.is_dir(), reason="the system does not list open files")
def test_no_descriptor_is_left_open(path):
    def open_files():
        return {file.name for file in OPEN_FILES.iterdir()}

    before = open_files()
    with locked(path):
        for _ in range(10):
            with locked_if_free(path) as mine:
                assert not mine
    assert len(open_files()) == len(before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python 3.12 on, of forks
def test_a_forked_child_neither_keeps_nor_releases_its_parents_lock(path):
    reader, writer = os.pipe()
    with locked(path):
        pid = os.fork()
        if pid == 0:  # pragma: no cover - in a process of its own
            try:
                with locked_if_free(path) as mine:
                    os.write(writer, b"free" if mine else b"held")
            finally:
                os._exit(0)
        assert os.read(reader, 4) == b"held"
        os.waitpid(pid, 0)
        with locked_if_free(path) as mine:
            assert not mine
    os.close(reader)
    os.close(writer)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python 3.12 on, of forks
def test_a_forked_child_that_leaves_the_block_does_not_release_its_parents_lock(path):
    with locked(path):
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
            with locked_if_free(path) as mine:
                assert not mine
            assert path.exists()
    if pid == 0:  # pragma: no cover - in a process of its own
        os._exit(0)


LEAVER = """
import os, sys
from pathlib import Path
from rembg_plugins.core.file_lock import locked

reader, writer = os.pipe()
with locked(Path(sys.argv[1])):
    child = os.fork()
    if child == 0:
        os.write(writer, b"x")
        sys.stdin.readline()
        os._exit(0)
    os.read(reader, 1)
    print("held")
    os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_lock_does_not_outlive_its_holder_in_a_forked_child(path):
    with Child(LEAVER, path) as parent:
        assert parent.hear() == "held"
        parent.process.wait(60)
        with locked_if_free(path) as mine:
            assert mine
        parent.tell()  # lets the child go
