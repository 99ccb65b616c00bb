from __future__ import annotations

import os

import pytest

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.watch import filesystem
from rembg_plugins.watch.folders import find_folders, state_of


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


def find(inbox, outbox, *, failed=None, state=None, moves=False):
    state = state or inbox.parent / "state"
    return find_folders(inbox, outbox, failed=failed, state=state, moves=moves)


def problems_of(inbox, outbox, **others):
    with pytest.raises(ConfigurationError) as caught:
        find(inbox, outbox, **others)
    return [one.message for one in caught.value.errors]


def test_folders_are_found_and_made_only_when_asked(inbox, tmp_path):
    found = find(inbox, tmp_path / "deep" / "out")
    assert not (tmp_path / "deep").exists()
    found.make()
    found.make()
    assert (tmp_path / "deep" / "out").is_dir()
    assert found.state.is_dir()
    assert found.state.stat().st_mode & 0o077 == 0 or os.name == "nt"
    assert found.left_out == {str(inbox / "failed"), str(inbox / "done")}
    assert not found.failed_is_given


def test_a_chosen_folder_for_failures_may_lie_in_inbox_or_anywhere(inbox, tmp_path):
    assert find(inbox, tmp_path / "out", failed=inbox / "bad").failed_is_given
    assert find(inbox, tmp_path / "out", failed=tmp_path / "bad").failed == tmp_path / "bad"


def test_with_another_folder_for_failures_the_usual_ones_are_left_out_all_the_same(inbox, tmp_path):
    found = find(inbox, tmp_path / "out", failed=inbox / "bad")
    assert found.left_out == {str(inbox / name) for name in ("bad", "failed", "done")}


@pytest.mark.parametrize(
    ("outbox", "word"),
    [("in", "one folder"), ("in/out", "lies in INBOX"), (".", "lies in OUTBOX")],
)
def test_folders_within_each_other_are_refused(inbox, tmp_path, outbox, word):
    [problem] = problems_of(inbox, tmp_path / outbox, state=tmp_path.parent / "elsewhere")
    assert word in problem


def test_links_do_not_hide_that_folders_are_one_or_nested(inbox, tmp_path):
    (tmp_path / "link").symlink_to(inbox)
    assert "one folder" in problems_of(inbox, tmp_path / "link")[0]
    assert "lies in INBOX" in problems_of(inbox, tmp_path / "link" / "new")[0]
    assert "lies in INBOX" in problems_of(tmp_path / "link", inbox / "new" / "deep")[0]


def test_an_inbox_that_is_missing_or_no_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    assert "does not exist" in problems_of(tmp_path / "none", tmp_path / "out")[0]
    assert "is no folder" in problems_of(tmp_path / "file", tmp_path / "out")[0]
    assert not (tmp_path / "none").exists()


def test_every_broken_rule_is_told_at_once(inbox, tmp_path):
    problems = problems_of(inbox, inbox, failed=inbox, state=inbox)
    assert len(problems) == 5
    assert any("--failed" in one for one in problems)
    assert any("--state" in one for one in problems)


def test_a_folder_for_failures_that_holds_inbox_is_refused(inbox, tmp_path):
    assert "holds INBOX" in problems_of(inbox, tmp_path / "out", failed=tmp_path)[0]


def test_an_outbox_that_is_a_file_is_refused(inbox, tmp_path):
    (tmp_path / "out").touch()
    assert "is no folder" in problems_of(inbox, tmp_path / "out")[0]


def test_a_ledger_on_a_network_file_system_is_refused(inbox, tmp_path, monkeypatch):
    mounts = tmp_path / "mountinfo"
    mounts.write_text("30 1 0:26 / / rw,relatime shared:1 - nfs4 server:/export rw\n")
    monkeypatch.setattr(filesystem, "_MOUNTS", mounts)
    [problem] = problems_of(inbox, tmp_path / "out")
    assert "nfs4" in problem
    assert "--state" in problem


def test_an_inbox_has_one_state_folder_by_whatever_way_it_is_called(inbox, tmp_path):
    (tmp_path / "link").symlink_to(inbox)
    assert state_of(inbox, tmp_path) == state_of(tmp_path / "link", tmp_path)
    assert state_of(inbox, tmp_path).name.startswith("in-")


def test_inboxes_of_one_name_have_states_of_their_own(tmp_path):
    names = {state_of(tmp_path / one / "in", tmp_path).name for one in "ab"}
    assert len(names) == 2


def test_the_strangest_name_gives_a_plain_state_folder(tmp_path):
    name = state_of(tmp_path / os.fsdecode(b"\xff\n" + b"x" * 200), tmp_path).name
    assert name.isascii()
    assert len(name) < 60


def test_without_a_state_folder_the_users_own_is_taken(inbox, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    assert state_of(inbox).parts[-3:-1] == ("rembg-plugins", "watch")


@pytest.mark.skipif(os.name != "posix", reason="links are POSIX's")
def test_links_in_the_place_of_failed_and_done_are_refused(inbox, tmp_path):
    for name in ("failed", "done"):
        (inbox / name).symlink_to(tmp_path / "victim")
    assert len(problems_of(inbox, tmp_path / "out")) == 1
    failed, done = problems_of(inbox, tmp_path / "out", moves=True)
    assert "failed is a link" in failed
    assert "--failed" in failed
    assert "done is a link" in done


@pytest.mark.skipif(os.name != "posix", reason="links are POSIX's")
def test_a_chosen_folder_for_failures_may_be_a_link(inbox, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "bad")
    (inbox / "failed").symlink_to(tmp_path / "bad")
    assert find(inbox, tmp_path / "out", failed=tmp_path / "link").failed == tmp_path / "bad"


def test_folders_for_originals_that_are_none_are_refused(inbox, tmp_path):
    for name in ("failed", "done"):
        (inbox / name).touch()
    assert problems_of(inbox, tmp_path / "out", failed=inbox / "failed" / "deep", moves=True) == [
        f"{inbox / 'failed'} is no folder: remove it, or choose another (--failed).",
        f"{inbox / 'done'} is no folder: remove it, or leave originals where they are.",
    ]


@pytest.mark.parametrize(
    "failed",
    [
        "out/.rembg-plugins/temporary",
        "out/.rembg-plugins/warnings/bad",
        "in/.rembg-plugins",
        "in/.REMBG-plugins/bad",
        "state",
        "state/cutouts",
    ],
)
def test_failures_must_not_go_where_the_watcher_sweeps(inbox, tmp_path, failed):
    state = find(inbox, tmp_path / "out").state
    failed = tmp_path / failed.replace("state", str(state))
    [problem] = problems_of(inbox, tmp_path / "out", failed=failed)
    assert "files of its own" in problem
