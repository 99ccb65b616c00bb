from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.watch.chain import check_chain
from rembg_plugins.watch.lock import OutboxLock, path_of_lock


@pytest.fixture
def folder(tmp_path):
    """A folder of a name: ``folder("a")``."""

    def make(name):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        return tmp_path / name

    return make


@pytest.fixture
def watched(folder):
    """Let watchers lead from one folder to the next: ``watched("a", "b")``."""
    with ExitStack() as stack:

        def lead(inbox, outbox):
            stack.enter_context(OutboxLock(folder(outbox), inbox=folder(inbox)))

        yield lead


def test_a_watcher_alone_is_no_chain(folder, watched):
    watched("a", "b")
    assert check_chain(folder("a"), folder("b")) is None


def test_a_chain_is_told(folder, watched):
    watched("a", "b")
    watched("b", "c")
    assert f"another watcher, for {folder('a')}" in check_chain(folder("b"), folder("c"))
    assert check_chain(folder("a"), folder("b")) is None


@pytest.mark.parametrize("links", [["ab"], ["ab", "bc"], ["ab", "bc", "cd"]])
def test_a_ring_is_refused_by_the_one_that_closes_it(folder, watched, links):
    for inbox, outbox in links:
        watched(inbox, outbox)
    last = links[-1][1]
    watched(last, "a")
    with pytest.raises(ConfigurationError, match="without end") as caught:
        check_chain(folder(last), folder("a"))
    assert caught.value.errors[0].code == "folder"


def test_an_outbox_within_the_first_inbox_closes_a_ring_too(folder, watched):
    watched("a", "b")
    with pytest.raises(ConfigurationError, match="without end"):
        check_chain(folder("b"), folder("a/below"))


def test_a_ring_of_others_is_none_of_ours_and_is_followed_but_once(folder, watched):
    watched("a", "b")
    watched("b", "a")
    assert check_chain(folder("a"), folder("z")) is not None


def test_a_watcher_that_was_killed_leads_nowhere(folder, watched):
    watched("a", "b")
    facts = path_of_lock(folder("b")).read_bytes()
    killed = path_of_lock(folder("killed"))
    killed.parent.mkdir()
    killed.write_bytes(facts)
    assert check_chain(folder("killed"), folder("a")) is None


def test_one_on_another_machine_counts(folder):
    path = path_of_lock(folder("b"))
    path.parent.mkdir()
    path.write_text(json.dumps({"machine": "elsewhere", "inbox": str(folder("a"))}))
    with pytest.raises(ConfigurationError, match="remove .*lock"):
        check_chain(folder("b"), folder("a"))


@pytest.mark.parametrize("content", ["[]", "{}", '{"inbox": 3}', '{"inbox": "a\\u0000b"}', "\x00"])
def test_a_stranger_s_file_is_no_chain(folder, content):
    path = path_of_lock(folder("b"))
    path.parent.mkdir()
    path.write_text(content)
    assert check_chain(folder("b"), folder("a")) is None


def test_a_run_that_would_close_a_ring_is_refused_and_frees_its_locks(station, scripted):
    station.feed("cat.jpg")
    with OutboxLock(station.inbox, inbox=station.outbox):
        with pytest.raises(ConfigurationError, match="without end"):
            station.open()
        assert scripted.calls == []
    station.close()
    with OutboxLock(station.inbox, inbox=Path("/elsewhere")):
        station.open()
        assert any("OUTBOX of another watcher" in text for text, _ in station.ears.notes)
