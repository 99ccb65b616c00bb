from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import pytest

from rembg_plugins.core.errors import FieldError, InvalidRequestError
from rembg_plugins.watch import placing
from rembg_plugins.watch.content import Content
from rembg_plugins.watch.notes import Notes, bring_back
from rembg_plugins.watch.originals import Originals
from rembg_plugins.watch.records import Place, Stamp
from rembg_plugins.watch.states import ContentState

posix = pytest.mark.skipif(os.name != "posix", reason="links and such names are POSIX's")
TOM = Place(b"cats", b"tom.jpg")
NOON = 1_800_014_400.0
CONTENT = Content(
    sha256=bytes(range(32)),
    state=ContentState.FAILED,
    size_px=(4, 3),
    first_seen=NOON - 60,
    not_before=0,
    sends=3,
    attempts=2,
    billed=1,
    in_doubt=1,
    kept=False,
    code="too_wide",
    reason="It is too wide.",
    status=400,
    tried=((NOON - 30, "It timed out."), (NOON - 1, "It is too wide.")),
    sent_on="2027-01-15",
)


class KilledError(BaseException):
    """Stands for the end of the process: nothing can be cleaned up after it."""


class Scene:
    def __init__(self, root, *, moves):
        self.inbox, self.outbox, self.failed = root / "in", root / "out", root / "in" / "failed"
        self.inbox.mkdir(parents=True)
        self.outbox.mkdir()
        self.notes = Notes(
            inbox=self.inbox,
            failed=self.failed,
            outbox=self.outbox,
            aside=Originals(self.inbox, "keep", done=self.inbox / "done").aside if moves else None,
            now=lambda: NOON,
        )

    def put(self, place=TOM, content=b"a picture"):
        path = Path(place.below(self.inbox))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return Stamp.of(path.stat())

    def fail(self, place=TOM, stamp=None, **more):
        stamp = stamp or self.put(place)
        return self.notes.fail(place, stamp, code="too_wide", reason="It is too wide.", **more)

    def tree(self):
        files = (path for path in self.inbox.rglob("*") if path.is_file())
        return sorted(str(path.relative_to(self.inbox)) for path in files)


@pytest.fixture
def moving(tmp_path):
    return Scene(tmp_path, moves=True)


@pytest.fixture
def keeping(tmp_path):
    return Scene(tmp_path, moves=False)


def read(note):
    return json.loads(Path(getattr(note, "path", note)).read_bytes())


def test_a_note_lies_in_a_mirrored_tree_and_the_original_stays(keeping):
    note = keeping.fail()
    assert note.path == str(keeping.failed / "cats" / "tom.jpg.error.json")
    assert not note.is_away
    assert keeping.tree() == ["cats/tom.jpg", "failed/cats/tom.jpg.error.json"]
    assert read(note)["original"] == str(keeping.inbox / "cats" / "tom.jpg")


def test_an_original_is_moved_beside_its_note(moving):
    note = moving.fail()
    assert note.is_away
    assert moving.tree() == ["failed/cats/tom.jpg", "failed/cats/tom.jpg.error.json"]
    assert read(note)["original"] == str(moving.failed / "cats" / "tom.jpg")


def test_a_note_says_what_why_when_what_was_tried_and_whether_it_was_paid_for(keeping):
    errors = (FieldError(field="w", message="Too wide.", code="too_wide"),)
    error = InvalidRequestError("It is too wide.", errors=errors)
    kept = keeping.outbox / "kept.bin"
    facts = read(keeping.fail(content=CONTENT, error=error, kept=kept))
    stamp = Stamp.of((keeping.inbox / "cats" / "tom.jpg").stat())
    remedy = facts.pop("remedy")
    assert facts == {
        "source": "cats/tom.jpg",
        "original": str(keeping.inbox / "cats" / "tom.jpg"),
        "size": stamp.size,
        "mtime_ns": stamp.mtime_ns,
        "code": "too_wide",
        "message": "It is too wide.",
        "failed_at": "2027-01-15T12:00:00+00:00",
        "class": "InvalidRequestError",
        "errors": [{"field": "w", "message": "Too wide.", "code": "too_wide"}],
        "sha256": bytes(range(32)).hex(),
        "status": 400,
        "calls": 3,
        "attempts": 2,
        "billed": 1,
        "in_doubt": 1,
        "first_seen": "2027-01-15T11:59:00+00:00",
        "tried": [
            {"at": "2027-01-15T11:59:30+00:00", "how": "It timed out."},
            {"at": "2027-01-15T11:59:59+00:00", "how": "It is too wide."},
        ],
        "kept": str(kept),
    }
    assert remedy


def test_a_remedy_is_found_by_the_code_or_is_the_general_one(keeping):
    stamp = keeping.put()
    notes = [
        keeping.notes.fail(TOM, stamp, code=code, reason="").path
        for code in ("bad_answer", "incomplete")
    ]
    texts = []
    for code in ("bad_answer", "incomplete"):
        keeping.notes.fail(TOM, stamp, code=code, reason="")
        texts.append(read(notes[0])["remedy"])
    assert texts[0] != texts[1]
    assert "ledger retry" in texts[1]


def test_a_later_note_on_the_same_name_replaces_the_earlier(keeping):
    keeping.fail()
    keeping.fail(stamp=keeping.put(content=b"another"))
    assert keeping.tree() == ["cats/tom.jpg", "failed/cats/tom.jpg.error.json"]


def test_a_second_original_of_a_name_lies_beside_a_note_of_its_own(moving):
    moving.fail()
    note = moving.fail(stamp=moving.put(content=b"another"))
    assert moving.tree() == [
        "failed/cats/tom-2.jpg",
        "failed/cats/tom-2.jpg.error.json",
        "failed/cats/tom.jpg",
        "failed/cats/tom.jpg.error.json",
    ]
    assert read(note)["original"] == str(moving.failed / "cats" / "tom-2.jpg")


@pytest.mark.parametrize("name", ["tom.jpg", "tom.jpg.error.json"])
@pytest.mark.parametrize("moves", [True, False])
def test_nothing_of_others_is_overwritten(tmp_path, name, moves):
    scene = Scene(tmp_path, moves=moves)
    (scene.failed / "cats").mkdir(parents=True)
    (scene.failed / "cats" / name).write_bytes(b"theirs")
    note = scene.fail()
    assert note.path.endswith("tom-2.jpg.error.json")
    assert (scene.failed / "cats" / name).read_bytes() == b"theirs"


def test_an_original_that_is_gone_gets_its_note_all_the_same(moving):
    stamp = moving.put()
    (moving.inbox / "cats" / "tom.jpg").unlink()
    note = moving.fail(stamp=stamp)
    assert not note.is_away
    assert read(note)["original"] is None
    assert moving.tree() == ["failed/cats/tom.jpg.error.json"]


def test_a_new_picture_under_the_name_is_not_moved(moving):
    stamp = moving.put()
    moving.put(content=b"a newer picture")
    note = moving.fail(stamp=stamp)
    assert not note.is_away
    assert read(note)["original"] is None
    assert "cats/tom.jpg" in moving.tree()


@posix
def test_a_linked_folder_is_not_followed(moving, tmp_path):
    moving.failed.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (moving.failed / "cats").symlink_to(tmp_path / "elsewhere")
    note = moving.fail()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert Path(note.path).exists()


@posix
@pytest.mark.parametrize(
    "name", [b"caf\xe9\xff.jpg", b"a\nb.jpg", b"-rf", b"CON", b"n" * 255, b"\xff" * 255]
)
def test_any_name_comes_back_as_it_was(moving, name):
    place = Place(b"f\xe9", name)
    note = moving.fail(place)
    assert note.is_away
    assert note.path.isprintable()
    assert os.fsencode(read(note)["source"]) == place.relative
    bring_back(moving.inbox, place, note.path, is_away=True)
    assert Path(place.below(moving.inbox)).read_bytes() == b"a picture"
    assert len(moving.tree()) == 1


@posix
def test_many_failures_of_a_long_name_have_notes_with_names_that_are_allowed(moving):
    place = Place(b"", b"n" * 251 + b".jpg")
    for number in range(12):
        moving.fail(place, moving.put(place, b"%d" % number))
    assert len(moving.tree()) == 24


def test_a_kill_at_any_change_of_the_disk_loses_neither_original_nor_note(tmp_path, monkeypatch):
    for number in range(100):
        scene = Scene(tmp_path / str(number), moves=True)
        stamp = scene.put()
        with monkeypatch.context() as patch:
            _killed_at(patch, number)
            try:
                scene.fail(stamp=stamp)
                was_killed = False
            except KilledError:
                was_killed = True
        Originals(scene.inbox, "keep", done=scene.inbox / "done").restore()  # as a start does
        assert "cats/tom.jpg" in scene.tree() or "failed/cats/tom.jpg" in scene.tree()
        note = scene.fail(stamp=stamp)
        left = [name for name in scene.tree() if not name.endswith(".tmp")]
        assert left == ["failed/cats/tom.jpg", "failed/cats/tom.jpg.error.json"], number
        assert note.is_away
        assert read(note)["original"] == str(scene.failed / "cats" / "tom.jpg")
        if not was_killed:
            break
    assert number > 5


def _killed_at(monkeypatch, number):
    calls = itertools.count()

    def mortal(function):
        def call(*arguments, **more):
            if next(calls) >= number:
                raise KilledError
            return function(*arguments, **more)

        return call

    for name in ("rename", "link", "unlink", "replace", "mkdir", "open", "fsync"):
        monkeypatch.setattr(os, name, mortal(getattr(os, name)))


def test_what_is_brought_back_leaves_no_note(moving):
    note = moving.fail()
    bring_back(moving.inbox, TOM, note.path, is_away=True)
    assert moving.tree() == ["cats/tom.jpg"]


def test_what_stayed_needs_no_bringing_back(keeping):
    note = keeping.fail()
    bring_back(keeping.inbox, TOM, note.path, is_away=False)
    assert keeping.tree() == ["cats/tom.jpg"]


def test_a_folder_that_is_gone_is_made_for_what_comes_back(moving):
    note = moving.fail()
    (moving.inbox / "cats").rmdir()
    bring_back(moving.inbox, TOM, note.path, is_away=True)
    assert moving.tree() == ["cats/tom.jpg"]


def test_what_comes_back_overwrites_nothing(moving):
    note = moving.fail()
    moving.put(content=b"a newer picture")
    with pytest.raises(FileExistsError):
        bring_back(moving.inbox, TOM, note.path, is_away=True)
    assert (moving.inbox / "cats" / "tom.jpg").read_bytes() == b"a newer picture"
    assert len(moving.tree()) == 3


def test_an_original_that_a_person_took_away_does_not_come_back(moving):
    note = moving.fail()
    (moving.failed / "cats" / "tom.jpg").unlink()
    with pytest.raises(FileNotFoundError):
        bring_back(moving.inbox, TOM, note.path, is_away=True)


def test_an_original_that_a_person_put_back_only_loses_its_note(moving):
    note = moving.fail()
    (moving.failed / "cats" / "tom.jpg").rename(moving.inbox / "cats" / "tom.jpg")
    bring_back(moving.inbox, TOM, note.path, is_away=True)
    assert moving.tree() == ["cats/tom.jpg"]


def test_a_note_that_a_person_removed_hinders_nothing(moving):
    note = moving.fail()
    Path(note.path).unlink()
    bring_back(moving.inbox, TOM, note.path, is_away=True)
    assert moving.tree() == ["cats/tom.jpg"]


def test_a_warning_is_named_after_the_output_and_replaced_by_the_next(keeping):
    for warnings in (("It is empty.",), ("It is full.", "Look at it.")):
        note = keeping.notes.warn(TOM, b"cats/tom.jpg.png", warnings, bytes(range(32)))
    folder = keeping.outbox / ".rembg-plugins" / "warnings"
    assert note == str(folder / "cats" / "tom.jpg.png.warning.json")
    assert read(note) == {
        "source": "cats/tom.jpg",
        "output": "cats/tom.jpg.png",
        "sha256": bytes(range(32)).hex(),
        "warnings": ["It is full.", "Look at it."],
        "published_at": "2027-01-15T12:00:00+00:00",
    }
    assert len(list((folder / "cats").iterdir())) == 1


def test_a_warning_on_an_output_with_a_long_name_has_a_name_that_is_allowed(keeping):
    notes = {
        keeping.notes.warn(TOM, b"n" * 250 + b"%d.png" % number, ("It is empty.",), b"")
        for number in range(2)
    }
    assert len(notes) == 2
    for number in range(2):
        keeping.notes.take_back(b"n" * 250 + b"%d.png" % number)
    assert not any(map(os.path.lexists, notes))


def test_an_original_that_others_overtake_gets_the_next_name(moving, monkeypatch):
    real = os.link

    def overtaken(source, target, **more):
        monkeypatch.undo()
        Path(target).write_bytes(b"theirs")
        real(source, target, **more)

    stamp = moving.put()
    monkeypatch.setattr(os, "link", overtaken)
    note = moving.fail(stamp=stamp)
    assert moving.tree() == [
        "failed/cats/tom-2.jpg",
        "failed/cats/tom-2.jpg.error.json",
        "failed/cats/tom.jpg",
    ]
    assert read(note)["original"] == str(moving.failed / "cats" / "tom-2.jpg")


@posix
def test_a_folder_that_must_not_be_written_to_is_told(as_ordinary_user):
    scene = Scene(as_ordinary_user, moves=True)
    stamp = scene.put()
    scene.failed.mkdir(mode=0o500)
    with pytest.raises(PermissionError):
        scene.fail(stamp=stamp)
    scene.failed.chmod(0o700)
    assert scene.tree() == ["cats/tom.jpg"]


@posix
def test_a_folder_in_the_place_of_a_picture_is_not_moved(moving):
    stamp = moving.put()
    (moving.inbox / "cats" / "tom.jpg").unlink()
    (moving.inbox / "cats" / "tom.jpg").mkdir()
    assert not moving.fail(stamp=stamp).is_away
    assert (moving.inbox / "cats" / "tom.jpg").is_dir()


def test_a_picture_that_comes_under_the_name_meanwhile_is_left_alone(tmp_path, monkeypatch):
    scene = Scene(tmp_path, moves=True)
    stamp = scene.put(content=b"the bad one")
    put = placing.put

    def late(source, target):
        scene.put(content=b"a new picture")
        put(source, target)

    monkeypatch.setattr(placing, "put", late)
    note = scene.notes.fail(TOM, stamp, code="bad", reason="It is bad.")
    assert note.is_away
    assert Path(TOM.below(scene.inbox)).read_bytes() == b"a new picture"
    assert Path(note.path.removesuffix(".error.json")).read_bytes() == b"the bad one"


@posix
def test_a_link_in_the_place_of_the_failed_folder_is_not_followed(moving, tmp_path):
    stamp = moving.put()
    (tmp_path / "victim").mkdir()
    moving.failed.symlink_to(tmp_path / "victim")
    with pytest.raises(NotADirectoryError, match="not followed"):
        moving.notes.fail(TOM, stamp, code="x", reason="No.")
    assert list((tmp_path / "victim").iterdir()) == []
    assert "cats/tom.jpg" in moving.tree()
