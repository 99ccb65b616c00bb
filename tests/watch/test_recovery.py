from __future__ import annotations

import json

import pytest
from core.pictures import blank, png_of
from watch.answers import (
    BIG,
    HTML,
    PICTURE,
    SHRUNK,
    WRAPPED,
    Bench,
    Engine,
    files,
)
from watch.rows import NOON, Clock, begin, opened, place, sha, taken

from rembg_plugins.watch.ledger import FILE
from rembg_plugins.watch.states import ContentState, PathState

CUT, IN_DOUBT, PARKED, FAILED = (
    *(ContentState.CUT, ContentState.IN_DOUBT),
    *(ContentState.PARKED, ContentState.FAILED),
)


@pytest.fixture
def crash(tmp_path):
    """Ends a process in the midst of a call: what is on disk is all that is left of it."""
    left = []

    def crash(*pieces, whole=True, size_px=(40, 30), cutout=None, retry_doubts=True, **engine):
        ledger = opened(tmp_path, Clock(), is_paid=engine.get("paid", True))
        ledger.paths.add([taken("a.jpg", 1, size_px=size_px), taken("b.jpg", 2, size_px=size_px)])
        begin(ledger, 1)
        bench = Bench(ledger, tmp_path, Clock())
        if pieces:
            bench.receive(sha(1), *pieces, whole=whole)
        if cutout is not None:
            bench.spool.keep(sha(1), cutout)
        ledger.close()
        ledger = opened(tmp_path, Clock(), is_paid=engine.get("paid", True))
        left.append(ledger)
        return Bench(ledger, tmp_path, Clock(), retry_doubts=retry_doubts, engine=Engine(**engine))

    yield crash
    for ledger in left:
        ledger.close()


def found(bench, number=1):
    return bench.contents.get(sha(number))


def spooled(folder):
    return [name for name in files(folder) if name.startswith("spool")]


def refused(folder):
    return [path.read_bytes() for path in (folder / "refused").iterdir()]


GOOD = {
    "as it is": (PICTURE, (40, 30)),
    "base64 in JSON": (WRAPPED, (40, 30)),
    "turned": (PICTURE, (30, 40)),
    "of a picture of unknown size": (PICTURE, (0, 0)),
    "JPEG": (blank((40, 30), "JPEG"), (40, 30)),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_whole_answer_is_taken_and_not_bought_again(crash, tmp_path, name):
    content, size_px = GOOD[name]
    bench = crash(content, size_px=size_px)
    assert bench.recover() == []
    state = found(bench)
    assert (state.state, state.billed, state.in_doubt, state.kept) == (CUT, 1, 0, True)
    assert bench.paths.get(place("a.jpg")).state is PathState.READY
    assert bench.spool.cutout(sha(1)).startswith(b"\x89PNG")
    assert spooled(tmp_path) == []
    assert begin(bench.ledger, 1).name == "TAKEN"
    assert found(bench, 2).state is ContentState.QUEUED


BAD = {
    "HTML": (HTML, (40, 30)),
    "JSON without a picture": (json.dumps({"error": "no"}).encode(), (40, 30)),
    "a picture cut short": (PICTURE[:-9], (40, 30)),
    "only the head of a picture": (PICTURE[:40], (40, 30)),
    "a picture of no size": (png_of(0, 0), (40, 30)),
    "a picture of another size": (blank((900, 900)), (40, 30)),
}


@pytest.mark.parametrize("name", BAD)
def test_an_answer_that_is_no_use_has_failed_and_is_put_away(crash, tmp_path, name):
    content, size_px = BAD[name]
    bench = crash(content, size_px=size_px)
    assert bench.recover() == []
    state = found(bench)
    assert (state.state, state.billed, state.attempts) == (FAILED, 1, 1)
    assert state.reason
    assert bench.paths.get(place("a.jpg")).state is PathState.FAILING
    assert refused(tmp_path) == [content]
    assert spooled(tmp_path) == []
    assert bench.spool.cutout(sha(1)) is None


def test_an_answer_that_was_shrunk_waits_for_a_person(crash, tmp_path):
    bench = crash(SHRUNK, size_px=BIG)
    assert bench.recover() == []
    assert found(bench).state is PARKED
    assert refused(tmp_path) == [SHRUNK]
    assert bench.paths.get(place("a.jpg")).state is PathState.WAITING


@pytest.mark.parametrize("kind", ["asked for", "without a key"])
def test_an_answer_that_was_shrunk_is_welcome_where_that_is_known(crash, kind):
    bench = crash(SHRUNK, size_px=BIG, anonymous=kind == "without a key")
    assert bench.recover(accept_downscaled=kind == "asked for") == []
    assert found(bench).state is CUT
    assert found(bench).billed == (kind == "asked for")


def test_half_an_answer_leaves_a_doubt(crash, tmp_path):
    bench = crash(PICTURE[:-9], whole=False)
    (lost,) = bench.recover()
    assert lost.sha256 == sha(1)
    state = found(bench)
    assert (state.state, state.in_doubt, state.code) == (IN_DOUBT, 1, "interrupted")
    assert state.not_before == NOON + 5
    assert spooled(tmp_path) == refused(tmp_path) == []


def test_where_nothing_came_there_is_a_doubt(crash):
    bench = crash()
    assert [content.sha256 for content in bench.recover()] == [sha(1)]
    assert found(bench).state is IN_DOUBT
    assert bench.paths.get(place("a.jpg")).state is PathState.WAITING


def test_an_empty_answer_leaves_a_doubt(crash, tmp_path):
    bench = crash(b"")
    assert len(bench.recover()) == 1
    assert found(bench).state is IN_DOUBT
    assert spooled(tmp_path) == []


def test_a_cutout_that_was_kept_before_the_crash_is_taken(crash):
    bench = crash(cutout=PICTURE)
    assert bench.recover() == []
    assert (found(bench).state, found(bench).billed) == (CUT, 1)
    assert bench.spool.cutout(sha(1)) == PICTURE


def test_a_cutout_and_the_answer_that_held_it_are_taken_once(crash, tmp_path):
    bench = crash(WRAPPED, cutout=PICTURE)
    bench.receive(sha(1), WRAPPED)  # as if the crash came before the answer was removed
    assert bench.recover() == []
    assert (found(bench).state, found(bench).billed) == (CUT, 1)
    assert spooled(tmp_path) == []


def test_under_park_a_lost_call_waits_for_a_person(crash):
    bench = crash(retry_doubts=False)
    assert len(bench.recover()) == 1
    assert (found(bench).state, found(bench).attempts) == (PARKED, 1)


def test_a_second_lost_call_is_the_last_one(crash, tmp_path):
    bench = crash()
    bench.recover()
    begin(bench.ledger, 1)
    again = Bench(bench.ledger, tmp_path, Clock())
    assert len(again.recover()) == 1
    assert (found(again).state, found(again).in_doubt) == (FAILED, 2)
    assert again.recover() == []


def test_a_doubt_from_a_run_that_would_repeat_it_is_parked_by_one_that_does_not(crash, tmp_path):
    bench = crash()
    bench.recover()
    assert found(bench).state is IN_DOUBT
    Bench(bench.ledger, tmp_path, Clock(), retry_doubts=False).recover()
    assert found(bench).state is PARKED


@pytest.mark.parametrize("answered", [True, False])
def test_an_engine_that_costs_nothing_leaves_no_bill(crash, answered):
    bench = crash(*([PICTURE] if answered else []), paid=False)
    bench.recover()
    assert found(bench).state is (CUT if answered else IN_DOUBT)
    assert bench.ledger.tally.paid(None) == 0


def test_to_recover_twice_is_to_recover_once(crash):
    bench = crash(PICTURE)
    bench.recover()
    before = (found(bench), bench.ledger.tally.run)
    assert bench.recover() == []
    assert (found(bench), bench.ledger.tally.run) == before


def test_a_full_disk_in_recovery_loses_nothing(crash, tmp_path):
    bench = crash(PICTURE)
    blocked = bench.spool._place_of(sha(1)).parent
    blocked.write_bytes(b"no folder")
    with pytest.raises(FileExistsError):
        bench.recover()
    assert found(bench).state is ContentState.SENDING
    assert bench.spool.answer(sha(1)) == PICTURE
    blocked.unlink()
    assert bench.recover() == []
    assert found(bench).state is CUT


@pytest.fixture
def fresh(crash, tmp_path):
    """A ledger that is new, beside what an earlier one has left."""
    left = []

    def fresh(*pieces, **settings):
        bench = crash(*pieces, **settings)
        bench.ledger.close()
        for path in tmp_path.glob(f"{FILE}*"):
            path.unlink()
        left.append(opened(tmp_path, Clock()))
        return Bench(left[-1], tmp_path, Clock())

    yield fresh
    for ledger in left:
        ledger.close()


def test_a_new_ledger_takes_over_the_cutouts_that_lie_there(fresh):
    bench = fresh(cutout=PICTURE)
    assert bench.recover() == []
    bench.paths.add([taken("a.jpg", 1), taken("b.jpg", 2)])
    assert found(bench).size_px == (40, 30)
    assert bench.paths.get(place("a.jpg")).state is PathState.READY
    assert bench.paths.get(place("b.jpg")).state is PathState.WAITING
    assert bench.ledger.tally.paid(None) == 0


def test_a_new_ledger_takes_over_whole_answers_that_nobody_judged(fresh, tmp_path):
    bench = fresh(blank(BIG))
    bench.recover()
    assert (found(bench).state, bench.spool.cutout(sha(1))) == (CUT, blank(BIG))
    assert spooled(tmp_path) == []


@pytest.mark.parametrize("content", [HTML, SHRUNK, PICTURE[:-9]], ids=["HTML", "shrunk", "cut"])
def test_a_new_ledger_puts_away_answers_that_are_no_use(fresh, tmp_path, content):
    bench = fresh(content)
    bench.recover()
    assert found(bench) is None
    assert refused(tmp_path) == [content]


def test_a_kept_cutout_that_is_no_picture_is_not_taken_over(fresh):
    bench = fresh(cutout=b"rubbish")
    assert bench.recover() == []
    assert found(bench) is None


def test_cutouts_are_taken_over_once(crash):
    bench = crash(PICTURE)
    bench.recover()
    bench.spool.keep(sha(9), PICTURE)
    bench.recover()
    assert found(bench, 9) is None
