from __future__ import annotations

from dataclasses import replace

import pytest
from watch.rows import NOON, Clock, begin, opened, output, place, published, sha, taken

from rembg_plugins.watch.records import Stamp
from rembg_plugins.watch.states import ContentState, PathState


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(tmp_path, clock):
    ledger = opened(tmp_path, clock)
    yield ledger
    ledger.close()


def row(ledger, name="a.jpg"):
    return ledger.paths.get(place(name))


def cut(ledger, number=1):
    begin(ledger, number)
    ledger.contents.cut(sha(number), billed=True)


def refuse(ledger, number=1):
    begin(ledger, number)
    ledger.contents.fail(sha(number), billed=False, code="invalid", reason="no", status=400)


def noted(ledger, name="a.jpg", *, is_away=False):
    ledger.paths.failed(
        row(ledger, name), note="failed/a.json", is_away=is_away, code="invalid", reason="no"
    )


def test_a_new_file_waits_for_its_content(ledger):
    ledger.paths.add([taken("f/a.jpg", 1)])
    found = row(ledger, "f/a.jpg")
    assert (found.state, found.sha256, found.stamp) == (1, sha(1), Stamp(101, 1, 7))
    assert (found.made, found.output, found.note, found.is_away) == (None, None, None, False)
    assert ledger.contents.get(sha(1)).state is ContentState.QUEUED
    assert row(ledger) is None


def test_files_are_added_all_or_none(ledger):
    with pytest.raises(AttributeError):
        ledger.paths.add([taken("a.jpg", 1), None])
    assert row(ledger) is None
    assert ledger.contents.states() == {}


def test_same_bytes_under_many_names_are_one_content(ledger):
    ledger.paths.add([taken(f"{number}.jpg", 1) for number in range(9)])
    assert ledger.contents.states() == {ContentState.QUEUED: 1}
    assert len(ledger.paths.of_content(sha(1))) == 9
    assert len(ledger.paths.of_content(sha(1), limit=2)) == 2
    cut(ledger)
    assert ledger.paths.states() == {PathState.READY: 9}


def test_new_bytes_under_an_old_name_are_another_content(ledger):
    ledger.paths.add([taken("a.jpg", 1)])
    cut(ledger)
    published(ledger, "a.jpg")
    ledger.paths.add([taken("a.jpg", 2, mtime_ns=2)])
    found = row(ledger)
    assert (found.state, found.sha256) == (PathState.WAITING, sha(2))
    assert found.output == output("out.png")  # ours: it may be replaced
    assert found.made is None  # but it is no output of these bytes
    assert ledger.contents.next_to_send().sha256 == sha(2)


def test_the_same_bytes_anew_are_published_anew_and_not_bought(ledger):
    ledger.paths.add([taken("a.jpg", 1)])
    cut(ledger)
    published(ledger, "a.jpg")
    ledger.paths.add([taken("a.jpg", 1, mtime_ns=2)])
    assert row(ledger).state is PathState.READY
    assert ledger.contents.next_to_send() is None


def test_bytes_that_nothing_was_done_about_are_let_go(ledger):
    ledger.paths.add([taken("a.jpg", 1), taken("b.jpg", 2), taken("c.jpg", 2), taken("d.jpg", 3)])
    begin(ledger, 3)
    ledger.contents.requeue(sha(3), not_before=0, how="429")
    ledger.paths.add([taken("a.jpg", 4), taken("b.jpg", 4), taken("d.jpg", 4)])
    assert ledger.contents.get(sha(1)) is None
    assert ledger.contents.get(sha(2)) is not None  # c.jpg has them
    assert ledger.contents.get(sha(3)).sends == 1  # what was sent stays known
    ledger.paths.fail_path(place("c.jpg"), Stamp(1, 2), "cut short", "incomplete")
    assert ledger.contents.get(sha(2)) is None


def test_a_file_whose_bytes_were_refused_fails_at_once_and_costs_nothing(ledger):
    ledger.paths.add([taken("a.jpg", 1)])
    refuse(ledger)
    ledger.paths.add([taken("b.jpg", 1)])
    assert row(ledger, "b.jpg").state is PathState.FAILING
    assert ledger.contents.next_to_send() is None


def test_a_file_that_is_no_picture_fails_without_a_content(ledger):
    ledger.paths.fail_path(place("a.jpg"), Stamp(3, 4), "It is no picture.", "not_an_image")
    found = row(ledger)
    assert (found.state, found.sha256) == (PathState.FAILING, None)
    assert (found.code, found.reason) == ("not_an_image", "It is no picture.")
    assert ledger.contents.states() == {}
    assert ledger.paths.next_to_do() == found


def test_an_output_stays_ours_when_the_next_file_of_that_name_is_no_picture(ledger):
    ledger.paths.add([taken("a.jpg", 1)])
    cut(ledger)
    published(ledger, "a.jpg", "a.png")
    ledger.paths.fail_path(place("a.jpg"), Stamp(3, 4), "cut short", "incomplete")
    found = row(ledger)
    assert (found.state, found.sha256, found.stamp) == (PathState.FAILING, None, Stamp(3, 4))
    assert found.output == output("a.png")
    assert ledger.paths.is_taken("a.png", place("b.jpg"))


def test_a_published_name_is_done_or_has_its_original_to_be_seen_to(ledger):
    ledger.paths.add([taken("a.jpg", 1), taken("b.jpg", 1)])
    cut(ledger)
    published(ledger, "a.jpg", "a.png")
    published(ledger, "b.jpg", "b.png", done=False)
    assert row(ledger).state is PathState.DONE
    assert (row(ledger).output, row(ledger).made) == (output("a.png"), b"made")
    assert row(ledger, "b.jpg").state is PathState.PUBLISHED
    assert ledger.paths.next_to_do().place == place("b.jpg")
    ledger.paths.disposed(row(ledger, "b.jpg"))
    assert row(ledger, "b.jpg") is None
    assert not ledger.paths.is_work_left()
    assert ledger.tally.count("published") == 2


def test_bytes_that_came_while_the_output_was_written_are_not_taken_for_done(ledger):
    ledger.paths.add([taken("a.jpg", 1)])
    cut(ledger)
    old = row(ledger)
    ledger.paths.add([taken("a.jpg", 2, mtime_ns=2)])
    ledger.paths.published(old, output("a.png"), fold="a.png", made=b"made", done=True)
    found = row(ledger)
    assert (found.state, found.sha256) == (PathState.WAITING, sha(2))
    assert (found.output, found.made) == (output("a.png"), None)
    assert ledger.paths.twin_of(sha(2), b"made") is None


def test_bytes_that_came_while_the_original_was_disposed_of_stay(ledger):
    ledger.paths.add([taken("a.jpg", 1)])
    cut(ledger)
    published(ledger, "a.jpg", done=False)
    old = row(ledger)
    ledger.paths.add([taken("a.jpg", 2, mtime_ns=2)])
    ledger.paths.disposed(old)
    assert row(ledger).sha256 == sha(2)


def test_bytes_that_came_while_the_note_was_written_have_not_failed(ledger):
    ledger.paths.add([taken("a.jpg", 1)])
    refuse(ledger)
    old = row(ledger)
    ledger.paths.fail_path(place("a.jpg"), Stamp(1, 2), "cut short", "incomplete")
    ledger.paths.failed(old, note="n", is_away=False, code="invalid", reason="no")
    assert row(ledger).state is PathState.FAILING
    assert row(ledger).code == "incomplete"
    assert ledger.tally.count("failed") == 0


def test_a_file_that_is_gone_while_it_was_published_comes_to_no_harm(ledger):
    ledger.paths.add([taken("a.jpg", 1)])
    cut(ledger)
    old = row(ledger)
    ledger.paths.forget([place("a.jpg")])
    ledger.paths.published(old, output("a.png"), fold="a.png", made=b"made", done=True)
    ledger.paths.disposed(old)
    assert row(ledger) is None


def test_what_was_noted_has_failed(ledger):
    ledger.paths.add([taken("a.jpg", 1)])
    refuse(ledger)
    assert ledger.paths.next_to_do().place == place("a.jpg")
    noted(ledger, is_away=True)
    found = row(ledger)
    assert (found.state, found.note, found.is_away) == (PathState.FAILED, "failed/a.json", True)
    assert [one.place for one in ledger.paths.in_state(PathState.FAILED)] == [place("a.jpg")]
    assert ledger.paths.next_to_do() is None
    assert ledger.tally.count("failed") == 1


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (lambda ledger: None, PathState.WAITING),
        (cut, PathState.READY),
        (refuse, PathState.FAILING),
        (lambda ledger: begin(ledger, 1), PathState.WAITING),
    ],
    ids=["queued", "cut", "failed", "sending"],
)
def test_a_name_that_is_tried_again_goes_where_its_content_stands(ledger, end, state):
    ledger.paths.add([taken("a.jpg", 1)])
    refuse(ledger)
    noted(ledger)
    ledger.contents.retry(sha(1))
    end(ledger)
    ledger.paths.retry(place("a.jpg"))
    found = row(ledger)
    assert (found.state, found.note, found.code, found.is_away) == (state, None, None, False)


def test_a_name_that_was_never_read_is_found_anew_when_it_is_tried_again(ledger):
    ledger.paths.fail_path(place("a.jpg"), Stamp(3, 4), "cut short", "incomplete")
    noted(ledger)
    ledger.paths.retry(place("a.jpg"))
    assert row(ledger) is None


def test_only_what_has_failed_is_tried_again(ledger):
    ledger.paths.add([taken("a.jpg", 1)])
    cut(ledger)
    ledger.paths.retry(place("a.jpg"))
    ledger.paths.retry(place("nothing.jpg"))
    assert row(ledger).state is PathState.READY


def test_a_file_that_is_gone_is_forgotten_and_not_sent(ledger):
    ledger.paths.add([taken("a.jpg", 1), taken("b.jpg", 1), taken("c.jpg", 2)])
    ledger.paths.forget([place("a.jpg"), place("c.jpg"), place("never.jpg")])
    assert row(ledger) is None
    assert ledger.contents.get(sha(1)) is not None
    assert ledger.contents.get(sha(2)) is None


def test_a_file_that_comes_back_is_not_paid_for_again(ledger):
    ledger.paths.add([taken("a.jpg", 1)])
    cut(ledger)
    ledger.paths.forget([place("a.jpg")])
    ledger.paths.add([taken("a.jpg", 1)])
    assert row(ledger).state is PathState.READY


def test_outputs_go_first_then_notes_then_originals(ledger):
    ledger.paths.add([taken("a.jpg", 1), taken("b.jpg", 2), taken("c.jpg", 1)])
    refuse(ledger, 2)
    cut(ledger)
    published(ledger, "a.jpg", done=False)
    order, taken_ = [], set()
    while (found := ledger.paths.next_to_do(taken_)) is not None:
        order.append(found.place.name)
        taken_.add(found.place)
    assert order == [b"c.jpg", b"b.jpg", b"a.jpg"]
    assert ledger.paths.next_to_do(may_publish=False).place.name == b"b.jpg"


def test_what_did_not_work_is_tried_again_later(ledger, clock):
    ledger.paths.add([taken("a.jpg", 1), taken("b.jpg", 1)])
    cut(ledger)
    ledger.paths.postpone(place("a.jpg"), not_before=NOON + 30, reason="disk full")
    assert ledger.paths.next_to_do().place == place("b.jpg")
    assert ledger.paths.next_to_do({place("b.jpg")}) is None
    assert row(ledger).reason == "disk full"
    published(ledger, "b.jpg")
    assert ledger.paths.is_work_left()
    clock.now = NOON + 30
    assert ledger.paths.next_to_do().place == place("a.jpg")


def test_the_name_of_an_output_is_taken_for_all_other_names(ledger):
    ledger.paths.add([taken("a.jpg", 1), taken("a.png", 1)])
    cut(ledger)
    published(ledger, "a.jpg", "a.png")
    assert ledger.paths.is_taken("a.png", place("a.png"))
    assert not ledger.paths.is_taken("a.png", place("a.jpg"))
    assert not ledger.paths.is_taken("b.png", place("a.png"))
    assert not ledger.paths.is_taken("\ud800 no text", place("a.png"))


def test_outputs_are_made_anew_where_that_is_free(ledger):
    ledger.paths.add([taken("a.jpg", 1), taken("b.jpg", 2), taken("c.jpg", 3)])
    for number, name in ((1, "a"), (2, "b"), (3, "c")):
        cut(ledger, number)
        published(ledger, f"{name}.jpg", f"{name}.png", made=b"new" if name == "c" else b"old")
    ledger.contents.drop_cutout(sha(2))
    assert ledger.paths.make_again(b"new") == 1
    assert [row(ledger, name).state for name in ("a.jpg", "b.jpg", "c.jpg")] == [
        *(PathState.READY, PathState.DONE, PathState.DONE)
    ]
    assert ledger.paths.make_again(b"new") == 0


def test_a_twin_is_an_output_of_the_same_bytes_made_in_the_same_way(ledger):
    ledger.paths.add([taken("a.jpg", 1), taken("b.jpg", 1)])
    cut(ledger)
    assert ledger.paths.twin_of(sha(1), b"made") is None
    published(ledger, "a.jpg", "a.png")
    assert ledger.paths.twin_of(sha(1), b"made") == output("a.png")
    assert ledger.paths.twin_of(sha(1), b"otherwise") is None
    assert ledger.paths.twin_of(sha(2), b"made") is None


def test_a_note_is_for_the_file_it_was_written_for(ledger):
    ledger.paths.add([taken("a.jpg", 1)])
    refuse(ledger)
    other = replace(row(ledger), stamp=Stamp(999, 999))
    ledger.paths.failed(other, note="n", is_away=False, code="a", reason="b")
    assert row(ledger).state is PathState.FAILING
