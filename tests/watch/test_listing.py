from __future__ import annotations

import pytest
from watch.rows import Clock, begin, opened, place, published, sha, taken

from rembg_plugins.watch.records import Known, Place, Stamp
from rembg_plugins.watch.states import PathState


@pytest.fixture
def ledger(tmp_path):
    ledger = opened(tmp_path, Clock())
    yield ledger
    ledger.close()


def test_an_empty_ledger_knows_nothing(ledger):
    assert ledger.paths.known(b"", [b"a.jpg"]) == {}
    assert ledger.paths.known(b"", []) == {}
    assert ledger.paths.count(b"") == 0
    assert list(ledger.paths.names(b"")) == list(ledger.paths.folders()) == []


def test_names_are_known_with_their_stamps_and_states(ledger):
    ledger.paths.add([taken("a.jpg", 1, mtime_ns=-3), taken("f/a.jpg", 2), taken("b.jpg", 1)])
    ledger.paths.fail_path(place("c.jpg"), Stamp(0, 2**62, 2**63 - 1), "empty", "incomplete")
    assert ledger.paths.known(b"", [b"c.jpg", b"a.jpg", b"nothing"]) == {
        b"a.jpg": Known(Stamp(101, -3, 7), PathState.WAITING),
        b"c.jpg": Known(Stamp(0, 2**62, 2**63 - 1), PathState.FAILING),
    }
    assert ledger.paths.known(b"f", [b"a.jpg", b"b.jpg"]) == {
        b"a.jpg": Known(Stamp(102, 1, 7), PathState.WAITING)
    }


def test_a_scan_gets_plain_rows(ledger):
    ledger.paths.add([taken("a.jpg", 1, mtime_ns=-3), taken("b.jpg", 2), taken("f/a.jpg", 2)])
    assert ledger.paths.stamps(b"", [b"a.jpg", b"nothing"])[b"a.jpg"] == (b"a.jpg", 101, -3, 7, 1)
    assert ledger.paths.stamps(b"", [b"nothing"]) == ledger.paths.stamps(b"", []) == {}


def test_thousands_of_names_are_asked_for_at_once(ledger):
    ledger.paths.add([taken(f"{number}.jpg", number) for number in range(0, 6000, 2)])
    names = [b"%d.jpg" % number for number in range(6000)]
    known = ledger.paths.known(b"", names)
    assert sorted(known) == sorted(names[::2])


def test_few_names_are_found_among_many_that_lie_between(ledger):
    ledger.paths.add([taken(f"{number:04}.jpg", number) for number in range(1000)])
    names = [b"0000.jpg", b"0999.jpg", b"0500.jpg", b"0500.png"]
    assert sorted(ledger.paths.known(b"", names)) == [b"0000.jpg", b"0500.jpg", b"0999.jpg"]
    assert sorted(ledger.paths.known(b"", [b"0001.jpg", b"0002.png"])) == [b"0001.jpg"]
    assert ledger.paths.known(b"", [b"0001.gif", b"0002.gif"]) == {}


def test_a_folder_is_counted_and_listed_without_those_below_it(ledger):
    numbers = range(1203)
    ledger.paths.add([taken(f"f/{number:04}.jpg", number) for number in numbers])
    ledger.paths.add([taken("f/g/deep.jpg", 1), taken("top.jpg", 1), taken("f.jpg", 1)])
    assert ledger.paths.count(b"f") == 1203
    assert list(ledger.paths.names(b"f")) == [b"%04d.jpg" % number for number in numbers]
    assert (ledger.paths.count(b"f/g"), ledger.paths.count(b"")) == (1, 2)
    assert list(ledger.paths.names(b"")) == [b"f.jpg", b"top.jpg"]


def test_each_folder_is_named_once_and_inbox_itself_is_one(ledger):
    ledger.paths.add(
        [
            taken(f"{folder}{number}.jpg", number)
            for number in range(3)
            for folder in ("", "a/", "a/b/")
        ]
    )
    assert list(ledger.paths.folders()) == [b"", b"a", b"a/b"]


def test_names_that_are_no_text_are_names_like_others(ledger):
    places = [
        Place(b"f\xff", name) for name in (b"\xe9.jpg", b"\n.jpg", b"'.jpg", b"a\xcc\x88.jpg")
    ]
    for one in places:
        ledger.paths.fail_path(one, Stamp(1, 2), "reason", "code")
    assert set(ledger.paths.names(b"f\xff")) == {one.name for one in places}
    assert set(ledger.paths.known(b"f\xff", [one.name for one in places])) == {
        one.name for one in places
    }
    assert list(ledger.paths.folders()) == [b"f\xff"]


def test_names_may_be_forgotten_while_they_are_listed(ledger):
    ledger.paths.add([taken(f"{number:04}.jpg", number) for number in range(1100)])
    seen = []
    for name in ledger.paths.names(b""):
        seen.append(name)
        ledger.paths.forget([Place(b"", name)])
    assert len(seen) == len(set(seen)) == 1100
    assert ledger.paths.count(b"") == 0
    assert list(ledger.paths.folders()) == []


def test_an_original_that_was_moved_away_is_not_missed_and_still_known(ledger):
    ledger.paths.add([taken("a.jpg", 1), taken("b.jpg", 2)])
    begin(ledger, 1)
    ledger.contents.fail(sha(1), billed=False, code="a", reason="b", status=400)
    row = ledger.paths.get(place("a.jpg"))
    ledger.paths.failed(row, note="n", is_away=True, code="a", reason="b")
    assert ledger.paths.count(b"") == 1
    assert list(ledger.paths.names(b"")) == [b"b.jpg"]
    assert ledger.paths.known(b"", [b"a.jpg"])[b"a.jpg"].state is PathState.FAILED


def test_what_was_disposed_of_is_not_missed(ledger):
    ledger.paths.add([taken("a.jpg", 1)])
    begin(ledger, 1)
    ledger.contents.cut(sha(1), billed=True)
    published(ledger, "a.jpg", done=False)
    ledger.paths.disposed(ledger.paths.get(place("a.jpg")))
    assert ledger.paths.count(b"") == 0
