from __future__ import annotations

import pytest
from watch.feeding import photo

from rembg_plugins.core.adapter import Adapter
from rembg_plugins.testing.offline import OfflineEngine
from rembg_plugins.watch.estimate import estimate
from rembg_plugins.watch.ledger import FILE
from rembg_plugins.watch.selection import Selection

# What a run would do: each is compared with the run that follows.


@pytest.fixture
def foretell(station, scripted):
    """Ask what the next run would cost: ``foretell(in_doubt="park")`` gives pictures and calls."""

    def ask(*, in_doubt="retry-once", **arguments):
        settings = station.settings(**arguments)
        before = _files(settings.folders.state)
        found = estimate(
            station.inbox,
            settings.folders.state,
            engine=scripted,
            is_paid=scripted.paid,
            selection=Selection(
                include=settings.include,
                exclude=settings.exclude,
                recursive=settings.recursive,
                left_out=settings.folders.left_out,
            ),
            transcode=settings.transcode,
            settle_s=0.0,
            retry_doubts=in_doubt == "retry-once",
            tell=lambda *_: None,
        )
        assert _files(settings.folders.state) == before
        return found.pictures, found.calls

    return ask


def _files(folder):
    """The names of what lies in a state folder; SQLite's own files come and go."""
    return {path for path in folder.rglob("*") if not path.name.startswith(FILE)}


def _crashed(station, times=1, *, answer=None):
    """End runs while their first picture is being sent; the ledger is as the last one left it."""
    for _ in range(times):
        parts = station.open()
        sha256 = station.fed("cat.jpg")
        station.clock.now += 6
        assert parts.ledger.contents.begin(sha256, limit=None, window=None, day="2026-11-22")
        if answer is not None:
            with parts.spool.receiving(sha256) as sink:
                sink.write(answer)
                sink.flush()
        station.close()


ANSWER = Adapter(OfflineEngine()).remove(photo("cat.jpg"), format="PNG").content


def test_a_kind_that_is_re_encoded_counts_though_it_has_no_end(station, foretell, make_watcher):
    station.feed("scan.tif", photo("scan", format_="TIFF"))
    assert foretell(transcode="yes") == (1, 1)
    assert make_watcher(transcode="yes").run().credits == 1


@pytest.mark.parametrize("failed", [{}, {"failed": "elsewhere"}])
def test_what_failed_for_its_kind_counts_where_it_is_re_encoded(
    station, foretell, make_watcher, failed
):
    station.feed("scan.tif", photo("scan", format_="TIFF"))
    failed = {name: str(station.root / folder) for name, folder in failed.items()}
    assert make_watcher(**failed).run().failed == 1
    assert foretell(**failed) == (0, 0)
    assert foretell(transcode="yes", **failed) == (1, 1)
    assert make_watcher(transcode="yes", **failed).run().credits == 1


def test_an_answer_that_a_crash_left_in_the_spool_costs_nothing(
    station, foretell, make_watcher, scripted
):
    _crashed(station, answer=ANSWER)
    assert foretell() == (1, 0)
    assert make_watcher().run().published == 1
    assert scripted.calls == []


def test_cutouts_beside_a_ledger_that_is_gone_cost_nothing(station, foretell, make_watcher):
    station.feed("cat.jpg")
    assert make_watcher().run().credits == 1
    (station.settings().folders.state / FILE).unlink()
    (station.outbox / "cat.png").unlink()
    assert foretell() == (1, 0)
    assert make_watcher().run().credits == 0


def test_what_was_lost_twice_is_not_sent_again(station, foretell, make_watcher, scripted):
    _crashed(station, times=2)
    assert foretell()[1] == 0
    assert make_watcher().run().failed == 1
    assert scripted.calls == []


def test_what_is_in_doubt_is_sent_again_unless_it_is_parked(station, foretell):
    _crashed(station)
    assert foretell() == (1, 1)
    assert foretell(in_doubt="park") == (0, 0)
