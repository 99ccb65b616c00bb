from __future__ import annotations

import pytest
from core.processes import Child
from watch.rows import ENGINE, NOON, Clock, begin, opened, place, published, sha, taken

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.watch.ledger import FILE, day_of
from rembg_plugins.watch.states import ContentState, PathState

OTHER = "local 2"

DECIDER = """
import sys
from pathlib import Path
from rembg_plugins.watch.ledger import Ledger

ledger = Ledger(Path(sys.argv[1]), engine=sys.argv[2])
print("open")
for line in sys.stdin:
    ledger.meta["reopen"] = line
    print("done")
"""


@pytest.fixture
def ledger(tmp_path):
    ledger = opened(tmp_path, Clock())
    yield ledger
    ledger.close()


def test_a_fact_is_kept_replaced_and_removed(ledger, tmp_path):
    ledger.meta["a"] = "1"
    ledger.meta["a"] = "2"
    ledger.meta["ö\n\0"] = ""
    ledger.close()
    again = opened(tmp_path, Clock())
    assert dict(again.meta) == {"a": "2", "ö\n\0": ""}
    assert len(again.meta) == 2
    assert "a" in again.meta
    del again.meta["a"]
    assert again.meta.get("a") is None
    again.close()


def test_a_fact_that_is_not_there_is_a_key_error(ledger):
    with pytest.raises(KeyError):
        ledger.meta["a"]
    with pytest.raises(KeyError):
        del ledger.meta["a"]


@pytest.mark.parametrize(
    ("moment", "day"),
    [(0, "1970-01-01"), (NOON, "2026-03-31"), (NOON + 43199.999, "2026-03-31"), (-1, "1969-12-31")],
)
def test_days_are_those_of_utc(moment, day):
    assert day_of(moment) == day


def test_it_is_named_by_its_file_and_nothing_else(ledger, tmp_path):
    assert repr(ledger) == f"Ledger({str(tmp_path / FILE)!r})"


def test_who_waits_is_woken_by_a_change_and_on_demand(ledger):
    before = ledger.changes
    ledger.wake()
    ledger.wait(before, 60)
    ledger.meta["a"] = "b"
    ledger.wait(before + 1, 60)
    assert ledger.changes == before + 2


def test_what_another_process_writes_is_noticed_once_and_wakes(ledger, tmp_path):
    assert not ledger.has_changed()
    ledger.meta["own"] = "write"
    assert not ledger.has_changed()
    with Child(DECIDER, tmp_path, ENGINE) as child:
        assert child.hear() == "open"
        assert not ledger.has_changed()
        child.tell("now")
        assert child.hear() == "done"
        before = ledger.changes
        assert ledger.has_changed()
        assert ledger.changes == before + 1
        assert not ledger.has_changed()
        assert ledger.meta["reopen"] == "now\n"


def test_a_damaged_ledger_is_refused(ledger, tmp_path):
    ledger.close()
    (tmp_path / FILE).write_bytes(b"rubbish" * 1000)
    with pytest.raises(ConfigurationError, match="move it away"):
        opened(tmp_path, Clock())


def test_engines_have_contents_of_their_own_and_share_the_tally(ledger, tmp_path):
    ledger.paths.add([taken("a.jpg", 1)])
    begin(ledger, 1)
    ledger.contents.cut(sha(1), billed=True)
    other = opened(tmp_path, Clock(), engine=OTHER)
    assert other.contents.get(sha(1)) is None
    assert other.contents.states() == {}
    assert other.tally.count("billed") == 1
    other.close()


@pytest.fixture
def other(ledger, tmp_path):
    """Another engine's ledger, over names in every state of the first one's."""
    ledger.take_over()
    files = ("queued", "doubted", "cut", "remade", "done", "failing", "failed", "parked")
    ledger.paths.add([taken(name, number) for number, name in enumerate(files)])
    for number in range(1, len(files)):
        begin(ledger, number)
    ledger.contents.doubt(sha(1), retry=True, not_before=0, code="x", reason="y")
    for number in (2, 3, 4):
        ledger.contents.cut(sha(number), billed=True)
    published(ledger, "remade", "remade.png")
    published(ledger, "done", "done.png")
    ledger.paths.make_again(b"other")
    published(ledger, "done", "done.png")
    for number in (5, 6):
        ledger.contents.fail(sha(number), billed=False, code="x", reason="y", status=400)
    row = ledger.paths.get(place("failed"))
    ledger.paths.failed(row, note=None, is_away=False, code="x", reason="y")
    ledger.contents.park(sha(7), billed=True, code="x", reason="y")
    other = opened(tmp_path, Clock(), engine=OTHER)
    yield other
    other.close()


def states(ledger, *names):
    return [ledger.paths.get(place(name)).state for name in names]


def test_another_engine_takes_over_the_names_that_wait_and_no_others(other):
    other.take_over()
    assert states(other, "queued", "doubted", "cut", "parked") == [PathState.WAITING] * 4
    assert states(other, "remade", "done") == [PathState.DONE] * 2
    assert states(other, "failing", "failed") == [PathState.FAILING, PathState.FAILED]
    assert other.contents.states() == {ContentState.QUEUED: 4}
    assert other.contents.count_to_send() == 4
    assert other.contents.get(sha(0)).size_px == (40, 30)


def test_the_first_engine_takes_back_what_is_still_its_own(other, ledger):
    other.take_over()
    begin(other, 0)
    other.contents.cut(sha(0), billed=False)
    ledger.take_over()
    assert states(ledger, "queued", "doubted", "cut") == [
        *(PathState.WAITING, PathState.WAITING, PathState.READY)
    ]
    other.take_over()
    assert states(other, "queued", "cut") == [PathState.READY, PathState.WAITING]


def test_to_take_over_once_more_changes_nothing(other):
    other.take_over()
    before = other.changes
    other.take_over()
    assert other.changes == before
