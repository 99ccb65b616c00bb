from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack

import pytest
from core.kept import HOUR_NS, entry, files, spread
from core.processes import Child
from PIL import Image

from rembg_plugins.core.folder_store import FolderStore

ASK = """
import os, sys
from PIL import Image
from rembg_plugins.core.entry import Entry
from rembg_plugins.core.folder_store import FolderStore

folder, counter = sys.argv[1:]
store = FolderStore(folder)
key = "a" * 64
print("ready")
sys.stdin.readline()
with store.lock(key):
    entry = store.get(key)
    if entry is None:
        with open(counter, "a") as file:
            file.write("x")
        entry = Entry(mask=Image.new("L", (8, 8), 77))
        store.put(key, entry)
print(entry.mask.getpixel((0, 0)))
"""

REMOVE = """
import sys
from rembg_plugins.core.adapter import Adapter
from rembg_plugins.core.folder_store import FolderStore
from rembg_plugins.core.plugins import build_manager
from rembg_plugins.testing.offline import OfflineEngine

folder, counter, picture = sys.argv[1:]

class Counting(OfflineEngine):
    def run(self, request, **others):
        with open(counter, "a") as file:
            file.write("x")
        return super().run(request, **others)

adapter = Adapter(
    Counting(), store=FolderStore(folder), manager=build_manager(load_entry_points=False)
)
print("ready")
sys.stdin.readline()
image = adapter.remove(picture, format="PNG").image
print(image.mode, image.size, image.getpixel((0, 0)), image.getpixel((10, 10)))
"""


@pytest.mark.parametrize("script", [ASK, REMOVE], ids=["store", "adapter"])
def test_ten_processes_that_ask_for_one_picture_make_one_engine_call(script, tmp_path):
    counter = tmp_path / "counter"
    picture = tmp_path / "picture.png"
    Image.new("RGB", (20, 20), (9, 8, 7)).save(picture)
    arguments = [tmp_path / "store", counter, picture][: 2 if script is ASK else 3]
    with ExitStack() as stack:
        children = [stack.enter_context(Child(script, *arguments)) for _ in range(10)]
        for child in children:
            assert child.hear() == "ready"
        for child in children:
            child.tell()
        answers = {child.finish().strip() for child in children}
    expected = "77" if script is ASK else "RGBA (20, 20) (0, 0, 0, 0) (9, 8, 7, 255)"
    assert answers == {expected}
    assert counter.read_text() == "x"
    assert len(files(tmp_path / "store")) == 1  # the entry: no lock, no temporary file is left


WRITE = """
import sys
from PIL import Image
from rembg_plugins.core.entry import Entry
from rembg_plugins.core.folder_store import FolderStore

store = FolderStore(sys.argv[1])
noise = Image.effect_noise((300, 300), 90)
number = 0
while True:
    for shard in range(8):
        store.put(f"{shard:02x}".ljust(64, "0"), Entry(mask=noise))
    print(number)
    number += 1
"""


def test_a_writer_that_is_killed_leaves_no_half_entry(tmp_path, caplog):
    store = FolderStore(tmp_path)
    for rounds in range(6):
        with Child(WRITE, tmp_path) as child:
            for _ in range(rounds + 1):
                child.hear()
            child.kill()
        found = [store.get(spread(shard)) for shard in range(8)]
        assert all(got.mask.size == (300, 300) for got in found if got is not None)
        assert found[0] is not None
    assert "damaged" not in caplog.text


KILLED = """
import os, sys
from PIL import Image
from rembg_plugins.core.entry import Entry
from rembg_plugins.core.folder_store import FolderStore

store = FolderStore(sys.argv[1])
os.replace = lambda *paths: os.kill(os.getpid(), 9)
with store.lock("a" * 64):
    store.put("a" * 64, Entry(mask=Image.new("L", (8, 8))))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals of POSIX")
def test_what_a_killed_writer_left_is_ignored_and_swept_later(tmp_path):
    with Child(KILLED, tmp_path) as child:
        child.process.wait(60)
    left = files(tmp_path)
    assert {path.suffix for path in left} == {".tmp", ".lock"}
    assert FolderStore(tmp_path).get("a" * 64) is None

    FolderStore(tmp_path).put(spread(1), entry())
    assert {path.suffix for path in files(tmp_path)} == {".tmp", ".zip"}  # it may yet be written

    (unfinished,) = (path for path in left if path.suffix == ".tmp")
    os.utime(unfinished, ns=(0, time.time_ns() - 2 * HOUR_NS))
    FolderStore(tmp_path).put(spread(2), entry())
    assert {path.suffix for path in files(tmp_path)} == {".zip"}


FULL = """
import logging, resource, sys
from PIL import Image
from rembg_plugins.core.adapter import Adapter
from rembg_plugins.core.folder_store import FolderStore
from rembg_plugins.core.plugins import build_manager
from rembg_plugins.testing.offline import OfflineEngine

logging.basicConfig(stream=sys.stdout, format="%(message)s")
store = FolderStore(sys.argv[1])
adapter = Adapter(OfflineEngine(), store=store, manager=build_manager(load_entry_points=False))
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))  # no file may grow any further: a full disk
print(adapter.remove(Image.new("RGB", (20, 20)), format="PNG").size)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of POSIX")
def test_a_full_disk_is_told_and_the_result_is_still_returned(tmp_path):
    with Child(FULL, tmp_path) as child:
        told, answer = child.finish().splitlines()
    assert told.startswith("Cannot keep the cut-out")
    assert answer == "(20, 20)"
    assert files(tmp_path) == []
