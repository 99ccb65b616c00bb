from __future__ import annotations

import logging
import threading

from rembg_plugins.watch.telling import Teller

PATIENCE_S = 20


def test_calls_are_made_once_and_in_their_order():
    teller, made = Teller(), []
    for number in range(5):
        teller.note(lambda number=number: made.append(number))
    teller.tell()
    teller.tell()
    assert made == [0, 1, 2, 3, 4]


def test_a_call_that_notes_another_does_not_make_it_within_itself():
    teller, made = Teller(), []

    def first():
        teller.note(lambda: made.append("second"))
        teller.tell()
        made.append("first")

    teller.note(first)
    teller.tell()
    assert made == ["first", "second"]


def test_a_failure_is_logged_and_the_next_call_is_made(caplog):
    teller, made = Teller(), []

    def fail():
        raise OSError("no space")

    teller.note(fail)
    teller.note(lambda: made.append(1))
    with caplog.at_level(logging.ERROR):
        teller.tell()
    assert made == [1]
    assert "no space" in caplog.text


def test_a_thread_that_comes_while_another_tells_leaves_its_call_to_it():
    teller, made = Teller(), []
    is_telling, may_go_on = threading.Event(), threading.Event()

    def slow():
        is_telling.set()
        assert may_go_on.wait(PATIENCE_S)
        made.append(("slow", threading.current_thread().name))

    teller.note(slow)
    thread = threading.Thread(target=teller.tell, name="teller", daemon=True)
    thread.start()
    assert is_telling.wait(PATIENCE_S)
    teller.note(lambda: made.append(("quick", threading.current_thread().name)))
    teller.tell()  # does not wait
    assert made == []
    may_go_on.set()
    thread.join(PATIENCE_S)
    assert made == [("slow", "teller"), ("quick", "teller")]
