from __future__ import annotations

import os

import pytest
from watch.rows import Clock, begin, opened, place, sha, taken

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.watch.decisions import places_of, resolve, retry
from rembg_plugins.watch.notes import Notes
from rembg_plugins.watch.originals import Originals
from rembg_plugins.watch.records import Place, Stamp, Taken
from rembg_plugins.watch.states import ContentState, PathState


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


@pytest.fixture
def ledger(tmp_path):
    (tmp_path / "state").mkdir()
    found = opened(tmp_path / "state", Clock())
    found.take_over()
    yield found
    found.close()


@pytest.fixture
def fail(ledger, inbox, tmp_path):
    """Have pictures fail as the watcher would: ``fail("a.jpg", "b.jpg")`` have the same bytes."""

    def make(*names, billed=False, moves=True, number=1):
        notes = Notes(
            inbox=inbox,
            failed=tmp_path / "failed",
            outbox=tmp_path / "out",
            aside=Originals(inbox, "keep", done=inbox / "done").aside if moves else None,
        )
        for name in names:
            path = inbox / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"x" * number)
            file = Taken(
                place=place(name),
                stamp=Stamp.of(path.stat()),
                sha256=sha(number),
                size_px=(4, 3),
            )
            ledger.paths.add([file])
        begin(ledger, number)
        ledger.contents.fail(sha(number), billed=billed, code="refused", reason="No.", status=400)
        for name in names:
            row = ledger.paths.get(place(name))
            note = notes.fail(row.place, row.stamp, code="refused", reason="No.")
            ledger.paths.failed(
                row, note=note.path, is_away=note.is_away, code="refused", reason="No."
            )

    return make


def state(ledger, name):
    return ledger.paths.get(place(name)).state


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_failed_picture_comes_back_and_is_queued(ledger, inbox, tmp_path, fail):
    fail("a/x.jpg")
    assert everything(inbox) == []
    decided = retry(ledger, inbox, [place("a/x.jpg")], force=False)
    assert decided.changed == [b"a/x.jpg"]
    assert everything(inbox) == ["a/x.jpg"]
    assert everything(tmp_path / "failed") == []
    assert state(ledger, "a/x.jpg") is PathState.WAITING
    assert ledger.contents.next_to_send().sha256 == sha(1)


def test_without_names_everything_that_failed_is_tried_again(ledger, inbox, fail):
    fail("x.jpg")
    fail("y.jpg", number=2, moves=False)
    decided = retry(ledger, inbox, [], force=False)
    assert sorted(decided.changed) == [b"x.jpg", b"y.jpg"]
    assert everything(inbox) == ["x.jpg", "y.jpg"]


def test_names_with_the_same_bytes_are_tried_again_together(ledger, inbox, fail):
    fail("x.jpg", "twin.jpg")
    decided = retry(ledger, inbox, [place("x.jpg")], force=False)
    assert sorted(decided.changed) == [b"twin.jpg", b"x.jpg"]
    assert state(ledger, "twin.jpg") is PathState.WAITING


def test_what_may_have_been_paid_for_twice_needs_force(ledger, inbox, fail):
    fail("x.jpg", billed=True)
    ledger.contents.retry(sha(1))
    begin(ledger, 1)
    ledger.contents.fail(sha(1), billed=True, code="refused", reason="No.", status=400)
    decided = retry(ledger, inbox, [], force=False)
    assert (decided.changed, decided.refused) == ([], [b"x.jpg"])
    assert everything(inbox) == []
    assert retry(ledger, inbox, [], force=True).changed == [b"x.jpg"]
    assert ledger.contents.next_to_send().sha256 == sha(1)


def test_twins_are_all_tried_again_where_one_has_used_the_last_call(ledger, inbox, fail):
    fail("x.jpg", "twin.jpg", billed=True)
    assert len(retry(ledger, inbox, [], force=False).changed) == 2
    begin(ledger, 1)
    ledger.contents.fail(sha(1), billed=True, code="refused", reason="No.", status=400)
    assert state(ledger, "x.jpg") is state(ledger, "twin.jpg") is PathState.FAILING


def test_an_original_never_overwrites_what_lies_in_inbox_by_now(ledger, inbox, tmp_path, fail):
    fail("x.jpg")
    (inbox / "x.jpg").write_bytes(b"new")
    decided = retry(ledger, inbox, [], force=False)
    assert decided.changed == []
    assert [name for name, _ in decided.missing] == [b"x.jpg"]
    assert (inbox / "x.jpg").read_bytes() == b"new"
    assert "x.jpg" in everything(tmp_path / "failed")


def test_what_was_never_read_to_its_end_is_left_to_the_next_scan(ledger, inbox):
    ledger.paths.fail_path(place("half.jpg"), Stamp(1, 2), "Half.", "incomplete")
    row = ledger.paths.get(place("half.jpg"))
    ledger.paths.failed(row, note=None, is_away=False, code="incomplete", reason="Half.")
    assert retry(ledger, inbox, [], force=False).changed == [b"half.jpg"]
    assert ledger.paths.get(place("half.jpg")) is None


def test_a_name_that_has_not_failed_is_refused_and_nothing_is_done(ledger, inbox, fail):
    fail("x.jpg")
    ledger.paths.add([taken("new.jpg", 7)])
    names = [place("x.jpg"), place("new.jpg"), place("none.jpg")]
    with pytest.raises(ConfigurationError) as caught:
        retry(ledger, inbox, names, force=False)
    assert [one.message for one in caught.value.errors] == [
        "'new.jpg' has not failed.", "'none.jpg' has not failed.",
    ]  # fmt: skip
    assert state(ledger, "x.jpg") is PathState.FAILED


@pytest.fixture
def parked(ledger):
    """Two names of a parked picture, and one of another."""
    ledger.paths.add([taken("x.jpg", 1), taken("twin.jpg", 1), taken("y.jpg", 2)])
    for number in (1, 2):
        begin(ledger, number)
        ledger.contents.park(sha(number), billed=None, code="timeout", reason="Slow.")


@pytest.mark.usefixtures("parked")
def test_a_parked_picture_is_sent_again_with_all_its_names(ledger):
    decided = resolve(ledger, [place("x.jpg")], again=True, force=False)
    assert sorted(decided.changed) == [b"twin.jpg", b"x.jpg"]
    assert ledger.contents.get(sha(1)).state is ContentState.QUEUED
    assert ledger.contents.get(sha(2)).state is ContentState.PARKED


@pytest.mark.usefixtures("parked")
def test_parked_pictures_are_given_up_and_fail(ledger):
    decided = resolve(ledger, [], again=False, force=False)
    assert len(decided.changed) == 3
    assert state(ledger, "x.jpg") is state(ledger, "y.jpg") is PathState.FAILING


@pytest.mark.usefixtures("parked")
def test_a_name_with_an_output_keeps_it_when_its_picture_is_given_up(ledger):
    with ledger.paths._database.transaction() as database:
        database.execute("UPDATE path SET state = 6 WHERE name = ?", (b"twin.jpg",))
    decided = resolve(ledger, [place("x.jpg")], again=False, force=False)
    assert (decided.changed, decided.kept) == ([b"x.jpg"], [b"twin.jpg"])
    assert state(ledger, "twin.jpg") is PathState.DONE


@pytest.mark.usefixtures("parked")
def test_a_parked_picture_that_was_sent_twice_needs_force(ledger):
    resolve(ledger, [], again=True, force=False)
    begin(ledger, 2)
    ledger.contents.park(sha(2), billed=None, code="timeout", reason="Slow.")
    assert resolve(ledger, [], again=True, force=False).refused == [b"y.jpg"]
    assert resolve(ledger, [], again=True, force=True).changed == [b"y.jpg"]


@pytest.mark.usefixtures("parked")
def test_a_name_that_is_not_parked_is_refused(ledger):
    ledger.paths.add([taken("new.jpg", 7)])
    with pytest.raises(ConfigurationError, match="'new.jpg' is not parked"):
        resolve(ledger, [place("new.jpg")], again=True, force=False)


def test_names_are_paths_below_inbox_or_lead_there(tmp_path):
    strange = os.fsdecode(b"\xff.jpg")
    found = places_of(tmp_path, ["a/./b.jpg", str(tmp_path / "c" / "d.jpg"), strange])
    assert found == [Place(b"a", b"b.jpg"), Place(b"c", b"d.jpg"), Place(b"", b"\xff.jpg")]
