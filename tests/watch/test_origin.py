from __future__ import annotations

import pytest

from rembg_plugins.watch.origin import Origin
from rembg_plugins.watch.placing import FOLDER


@pytest.fixture
def origin(tmp_path):
    """Make what a run knows: ``origin("a ledger")``; ledgers are told apart by their facts."""
    metas = {}

    def make(ledger, *, inbox="in"):
        meta = metas.setdefault(ledger, {})
        state = tmp_path / ledger
        return Origin(tmp_path / "out", inbox=tmp_path / inbox, state=state, meta=meta)

    (tmp_path / "out").mkdir()
    return make


def test_the_first_ledger_and_the_same_one_are_no_others(origin):
    assert origin("a").other() is None
    origin("a").remember()
    assert origin("a").other() is None


def test_another_ledger_of_the_same_inbox_is_told_where_the_first_one_lies(origin, tmp_path):
    origin("a").remember()
    assert origin("b").other() == str(tmp_path / "a")
    origin("b").remember()
    assert origin("b").other() is None
    assert origin("a").other() == str(tmp_path / "b")


def test_another_inbox_has_a_ledger_of_its_own(origin):
    origin("a").remember()
    origin("b", inbox="elsewhere").remember()
    assert origin("a").other() is origin("b", inbox="elsewhere").other() is None


@pytest.mark.parametrize("content", ["", "no JSON", "[]", '{"x": 1}'])
def test_what_is_no_note_of_ours_says_nothing(origin, tmp_path, content):
    origin("a").remember()
    (tmp_path / "out" / FOLDER / "ledgers.json").write_text(content)
    assert origin("b").other() is None
