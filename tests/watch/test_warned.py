from __future__ import annotations

import json
import os

import pytest

from rembg_plugins.watch.notes import Notes
from rembg_plugins.watch.records import Place
from rembg_plugins.watch.warned import ToLookAt, find_warned

posix = pytest.mark.skipif(os.name != "posix", reason="links and pipes are POSIX's")


@pytest.fixture
def warn(tmp_path):
    """Writes a note on an output, and gives its path."""
    notes = Notes(inbox=tmp_path, failed=tmp_path, outbox=tmp_path, aside=None, now=lambda: 0.0)

    def write(output):
        return notes.warn(Place(b"", b"x.jpg"), output, ["It is empty."], b"\x01")

    return write


def test_an_outbox_without_notes_and_one_that_is_away_have_nothing_to_look_at(tmp_path):
    assert find_warned(tmp_path, most=9) == find_warned(tmp_path / "no", most=9) == ToLookAt()


def test_notes_are_counted_and_so_many_are_read(warn, tmp_path):
    paths = [warn(name) for name in (b"a.png", b"b/a.png", b"b/\xff.png")]
    found = find_warned(tmp_path, most=2)
    assert (found.count, len(found.outputs)) == (3, 2)
    assert found.outputs[0] == {
        "source": "x.jpg",
        "output": "a.png",
        "sha256": "01",
        "warnings": ["It is empty."],
        "published_at": "1970-01-01T00:00:00+00:00",
        "note": paths[0],
    }
    assert json.loads(json.dumps(found.facts()))["count"] == 3
    assert find_warned(tmp_path, most=9).outputs[-1]["output"] == "b/\udcff.png"


@posix
def test_what_strangers_put_there_is_neither_followed_nor_believed(warn, tmp_path):
    warn(b"a.png")
    folder = tmp_path / ".rembg-plugins" / "warnings"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.png.warning.json").write_text("{}")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(folder / "pipe.warning.json")
    (folder / "no.warning.json").write_text("no JSON")
    (folder / "list.warning.json").write_text("[]")
    (folder / "half.warning.json").write_text('{"source": "x", "warnings": [1]}')
    assert [one["output"] for one in find_warned(tmp_path, most=9).outputs] == ["a.png"]
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    assert find_warned(tmp_path, most=9) == ToLookAt()
