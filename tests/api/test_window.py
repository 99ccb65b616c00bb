from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest
from api.virtual import PATIENCE_S, SharedTime, Timeline, most_in_a_window
from hypothesis import given
from hypothesis import strategies as st

from rembg_plugins.api.book import Book
from rembg_plugins.api.throttle import SETTLE_S, Throttle, Unlimited
from rembg_plugins.api.window import REGISTRY, Registry, Window, throttle_for
from rembg_plugins.core.rate import DEFAULT_RATE, Rate

URL = "https://api.example/rmbg"
KEY = "sk-0123456789abcdef"


def window(requests=2, seconds=10.0, time=None):
    time = time or Timeline()
    rate = Rate(requests=requests, seconds=seconds)
    made = Window(rate, book=Book(clock=time.clock), sleep=time.sleep)
    return made, time


def test_requests_begin_at_once_until_the_slots_are_taken():
    throttle, time = window(3)
    for _ in range(3):
        assert throttle.delay() == 0
        throttle.begin()
    assert time.slept == []
    assert throttle.delay() > 10


def test_a_slot_is_taken_until_the_span_has_passed_since_the_answer():
    throttle, time = window(1)
    slot = throttle.begin()
    time.now += 0.5
    slot.counted()
    assert throttle.delay() == pytest.approx(10, abs=0.1)
    time.now += 10  # to the moment: a server whose window holds both ends would refuse
    assert 0 < throttle.delay() < 0.1
    throttle.begin()
    assert len(time.slept) == 1


def test_a_slow_answer_is_not_waited_for():
    throttle, time = window(1)
    slot = throttle.begin()
    time.now += 2  # of upload
    slot.counted(SETTLE_S)
    time.now += 5
    slot.counted()  # the answer: too late to matter
    assert throttle.delay() == pytest.approx(SETTLE_S + 10 - 5, abs=0.1)


def test_an_upload_under_way_keeps_its_slot_and_is_looked_at_again_in_time():
    throttle, time = window(1)
    slot = throttle.begin()
    time.plan(25, lambda: slot.counted(SETTLE_S))
    throttle.begin()
    assert time.now == pytest.approx(1000 + 25 + SETTLE_S + 10, abs=0.1)


def test_an_answer_that_comes_while_others_wait_frees_its_slot_no_later_for_it():
    throttle, time = window(1, 0.5)
    for _ in range(4):
        slot = throttle.begin()
        slot.counted(SETTLE_S)
        time.plan(0.1, slot.counted)
    assert time.now == pytest.approx(1000 + 3 * (0.1 + 0.5), abs=0.1)


def test_a_request_that_nobody_ended_does_not_take_its_slot_for_ever():
    throttle, time = window(1)
    throttle.begin()  # as after Ctrl-C between two lines of code
    throttle.begin()
    assert time.now <= 1000 + 620


@given(
    rate=st.builds(Rate, requests=st.integers(1, 5), seconds=st.sampled_from((0.1, 1, 2.5, 10))),
    calls=st.lists(
        st.tuples(
            st.integers(0, 30),  # from the last beginning to the call, in tenths of s
            st.integers(0, 20),  # of upload, likewise
            st.floats(0, 1),  # when the server counts: a share of upload and settling
            st.none() | st.integers(0, 60),  # from counting to the answer; None for no answer
        ),
        min_size=1,
        max_size=40,
    ),
)  # fmt: skip
def test_no_server_ever_counts_too_many(rate, calls):
    time = Timeline()
    throttle = Window(rate, book=Book(clock=time.clock), sleep=time.sleep)
    arrivals = []
    for gap, upload, share, answer in calls:
        if gap:
            time.sleep(gap / 10)
        slot = throttle.begin()
        arrives = share * (upload / 10 + SETTLE_S)
        arrivals.append(time.now + arrives)
        leaves = upload / 10
        if answer is not None:
            # A refusal may come before the whole body has left.
            time.plan(arrives + answer / 10, slot.counted)
        time.plan(leaves, lambda slot=slot: slot.counted(SETTLE_S))
    assert most_in_a_window(arrivals, rate.seconds) <= rate.requests


@given(answer=st.floats(0, 5), upload=st.floats(0, 2))
def test_answers_of_any_length_cost_no_more_than_the_settling(answer, upload):
    time = Timeline()
    throttle = Window(DEFAULT_RATE, book=Book(clock=time.clock), sleep=time.sleep)
    for _ in range(600):
        slot = throttle.begin()
        time.plan(upload, lambda slot=slot: slot.counted(SETTLE_S))
        time.plan(upload + answer, slot.counted)
    longest = 2 * (10 + upload + min(answer, SETTLE_S) + 0.05)
    assert 20 <= time.now - 1000 <= longest


@pytest.mark.parametrize("answer", [0.05, 4.0])
def test_many_threads_share_a_window(answer):
    time = SharedTime(32)
    throttle, _ = window(20, time=time)
    jobs, arrivals, failures = iter(range(90)), [], []
    lock = threading.Lock()

    def work():
        try:
            while True:
                with lock:
                    if next(jobs, None) is None:
                        return
                slot = throttle.begin()
                time.sleep(0.01)
                arrivals.append(time.now)
                slot.counted(SETTLE_S)
                time.sleep(answer)
                slot.counted()
        except BaseException as problem:  # noqa: BLE001 - shown by the test's thread
            failures.append(problem)
        finally:
            time.leave()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert failures == []
    assert len(arrivals) == 90
    assert most_in_a_window(arrivals, 10) <= 20
    assert 40 <= max(arrivals) - 1000 <= 4 * (10 + 0.05 + min(answer, SETTLE_S))
    assert throttle.waiting == 0


def test_threads_begin_in_the_order_of_their_coming():
    throttle, time = window(1)
    throttle.begin().counted()
    order, asleep, wake = [], threading.Semaphore(0), threading.Event()

    def sleep(seconds):
        asleep.release()
        wake.wait(PATIENCE_S)
        time.now += 0 if wake.is_set() else seconds

    throttle._sleep = sleep

    def come(name):
        throttle.begin()
        order.append(name)
        throttle.book.taken.clear()  # as if the span had passed for the next one

    threads = []
    for name in range(5):
        threads.append(threading.Thread(target=come, args=(name,), daemon=True))
        threads[-1].start()
        assert asleep.acquire(timeout=PATIENCE_S)
    time.now += 11
    wake.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert order == [0, 1, 2, 3, 4]


def test_no_lock_is_held_while_a_thread_sleeps():
    throttle, time = window(1)
    throttle.begin().counted()
    seen = []

    def sleep(seconds):
        with throttle.book.lock:  # would wait for ever
            seen.append(throttle.waiting)
        assert throttle.delay() > 0
        time.now += seconds

    throttle._sleep = sleep
    throttle.begin()
    assert seen == [1]


def test_who_is_interrupted_leaves_the_line():
    throttle, time = window(1)
    throttle.begin().counted()

    def interrupted(seconds):
        raise KeyboardInterrupt

    throttle._sleep = interrupted
    with pytest.raises(KeyboardInterrupt):
        throttle.begin()
    assert throttle.waiting == 0
    throttle._sleep = time.sleep
    throttle.begin()
    assert time.now == pytest.approx(1010, abs=0.1)


def test_delay_counts_those_who_wait_already():
    throttle, time = window(2)
    for _ in range(2):
        throttle.begin().counted()
        time.now += 3
    assert throttle.delay() == pytest.approx(4, abs=0.1)
    delays = []

    def sleep(seconds):
        delays.append(throttle.delay())
        time.now += seconds

    throttle._sleep = sleep
    throttle.begin()
    assert delays == [pytest.approx(7, abs=0.1)]


class TestSharedBook:
    def windows(self, *rates):
        time = Timeline()
        book = Book(clock=time.clock)
        return time, [Window(rate, book=book, sleep=time.sleep) for rate in rates]

    def test_two_rates_together_let_no_more_through_than_the_higher_one(self):
        time, (high, low) = self.windows(DEFAULT_RATE, Rate(requests=100, seconds=10))
        for _ in range(100):
            low.begin().counted()
        assert (high.delay(), low.delay()) == (0, pytest.approx(10, abs=0.1))
        for _ in range(100):
            high.begin().counted()
        assert time.slept == []
        assert high.delay() == pytest.approx(10, abs=0.1)

    def test_the_lower_rate_waits_while_the_higher_one_uses_it_up(self):
        time, (high, low) = self.windows(DEFAULT_RATE, Rate(requests=10, seconds=10))
        for _ in range(150):
            high.begin().counted()
            time.now += 0.05
        assert high.delay() == 0
        assert low.delay() == pytest.approx(10 - 10 * 0.05, abs=0.1)

    def test_a_thread_that_waits_at_a_low_rate_keeps_nobody_at_a_higher_one(self):
        _, (high, low) = self.windows(DEFAULT_RATE, Rate(requests=1, seconds=3600))
        low.begin().counted()
        delays = []

        def interrupted(seconds):
            delays.extend((seconds, high.delay()))
            raise KeyboardInterrupt

        low._sleep = interrupted
        with pytest.raises(KeyboardInterrupt):
            low.begin()
        assert delays == [pytest.approx(3600, abs=0.1), 0]

    def test_what_only_a_longer_window_remembers_lets_nobody_jump_the_line(self):
        time, (short, _) = self.windows(
            Rate(requests=1, seconds=10), Rate(requests=300, seconds=3600)
        )
        short.begin().counted()
        time.now += 100
        short.book.lines[short.rate] += ["one who waits", "another"]
        assert short.delay() == pytest.approx(10, abs=0.1)  # to look again then

    def test_a_hold_at_one_rate_holds_all(self):
        _, (high, low) = self.windows(DEFAULT_RATE, Rate(requests=1, seconds=1))
        low.hold(45)
        assert high.delay() == 45

    def test_a_long_window_does_not_make_the_book_grow_without_end(self):
        time, (high, _) = self.windows(DEFAULT_RATE, Rate(requests=300, seconds=86_400))
        for _ in range(2000):
            high.begin().counted()
        assert len(high.book.taken) <= 301
        assert time.now > 1000 + 9 * 10

    @given(
        rates=st.lists(
            st.builds(Rate, requests=st.integers(1, 4), seconds=st.sampled_from((0.5, 2, 10))),
            min_size=2,
            max_size=3,
        ),
        calls=st.lists(
            st.tuples(st.integers(0, 2), st.integers(0, 30), st.none() | st.integers(0, 30)),
            max_size=40,
        ),
    )
    def test_no_rate_is_ever_passed_by_all_of_them_together_at_its_own_beginnings(
        self, rates, calls
    ):
        time, windows = self.windows(*rates)
        begun = []
        for number, gap, answer in calls:
            if gap:
                time.sleep(gap / 10)
            window = windows[number % len(windows)]
            slot = window.begin()
            begun.append(time.now)
            if answer is not None:
                time.plan(answer / 10, slot.counted)
            time.plan(0, lambda slot=slot: slot.counted(SETTLE_S))
            span = window.rate.seconds
            assert sum(time.now - span <= moment for moment in begun) <= window.rate.requests


class TestHold:
    def test_everybody_waits_as_long_as_asked(self):
        throttle, time = window(5)
        throttle.hold(45)
        assert throttle.delay() == 45
        throttle.begin()
        assert time.slept == [45]

    def test_a_shorter_wait_does_not_end_a_longer_one(self):
        throttle, _ = window()
        throttle.hold(45)
        throttle.hold(1)
        assert throttle.delay() == 45

    def test_it_holds_those_too_who_wait_for_a_slot(self):
        throttle, time = window(1)
        throttle.begin().counted()
        time.plan(5, lambda: throttle.hold(45))
        throttle.begin()
        assert time.now == pytest.approx(1050)

    def test_it_runs_while_somebody_waits_by_himself_and_is_not_waited_for_twice(self):
        throttle, time = window()
        throttle.hold(45)
        time.sleep(45)
        throttle.begin()
        assert time.slept == [45]

    def test_the_user_is_told_once_why_nothing_happens(self, caplog):
        throttle, time = window()
        throttle.hold(1)
        assert caplog.messages == []
        for _ in range(32):
            throttle.hold(45)
            time.now += 0.1
        assert caplog.messages == ["Nothing is sent with this key for 45 s: the API's limit"]


class TestRegistry:
    def test_one_book_for_an_address_and_a_key(self):
        registry = Registry()
        one = registry.window(URL, KEY, DEFAULT_RATE)
        one.hold(45)
        others = [
            registry.window(f"{URL}/2", KEY, DEFAULT_RATE),
            registry.window(URL.replace("https", "http"), KEY, DEFAULT_RATE),
            registry.window(URL.replace("/rmbg", ":8443/rmbg"), KEY, DEFAULT_RATE),
            registry.window(URL.replace("rmbg", "RMBG"), KEY, DEFAULT_RATE),
            registry.window(URL, f"{KEY}2", DEFAULT_RATE),
        ]
        assert [other.delay() for other in others] == [0] * 5

    @pytest.mark.parametrize(
        "spelling",
        [
            "https://API.Example/rmbg", "HTTPS://api.example/rmbg", "https://api.example:443/rmbg",
            "https://api.example:0443/rmbg/", "https://api.example/rmbg?x=1",
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("rate", [DEFAULT_RATE, Rate(requests=100, seconds=5)], ids=str)
    def test_another_spelling_or_rate_is_the_same_book(self, spelling, rate):
        registry = Registry()
        registry.window(URL, KEY, DEFAULT_RATE).hold(45)
        assert registry.window(spelling, KEY, rate).delay() == pytest.approx(45, abs=5)

    def test_it_knows_no_key_in_clear_nor_a_digest_that_others_could_compare(self):
        names = []
        for _ in range(2):
            registry = Registry()
            kept = registry.window(URL, KEY, DEFAULT_RATE)
            assert KEY not in repr((vars(registry), vars(kept), vars(kept.book), kept))
            assert KEY[:8] not in repr(vars(registry))
            names.append(next(iter(registry._kept)))
        assert names[0] != names[1]

    def test_a_book_outlives_its_client_while_its_slots_are_taken(self):
        registry = Registry()
        registry.window(URL, KEY, Rate(requests=1, seconds=3600)).begin()
        assert registry.window(URL, KEY, Rate(requests=1, seconds=3600)).delay() > 0

    def test_it_forgets_idle_books_only(self):
        registry = Registry(most=10)
        busy = registry.window(URL, "busy", DEFAULT_RATE)
        busy.begin()
        held = registry.window(URL, "held", DEFAULT_RATE)
        held.hold(3600)
        busy, held = id(busy.book), id(held.book)
        mine = registry.window(URL, "mine", DEFAULT_RATE)
        for number in range(100):
            registry.window(URL, f"key-{number}", DEFAULT_RATE)
        assert len(registry._known) <= 12
        assert id(registry.window(URL, "busy", DEFAULT_RATE).book) == busy
        assert id(registry.window(URL, "held", DEFAULT_RATE).book) == held
        again = registry.window(URL, "mine", DEFAULT_RATE)
        assert again.book is mine.book, "a client still has it"


def test_clearing_frees_every_slot_and_ends_every_hold_of_books_in_use():
    registry = Registry()
    mine = registry.window(URL, KEY, Rate(requests=1, seconds=10))
    mine.begin()
    mine.hold(3000)
    registry.clear()
    assert mine.delay() == 0
    assert registry.window(URL, KEY, mine.rate).book is mine.book


def test_a_client_may_ask_for_a_rate_for_a_throttle_of_its_own_or_for_none():
    headers = {"x-api-key": KEY}
    shared = throttle_for(DEFAULT_RATE, URL, headers)
    assert throttle_for(DEFAULT_RATE, URL, {**headers}).book is shared.book
    other = throttle_for(DEFAULT_RATE, URL, {"Authorization": f"Bearer {KEY}"})
    assert other.book is not shared.book
    own: Throttle = Window(DEFAULT_RATE)
    assert throttle_for(own, URL, headers) is own
    assert isinstance(throttle_for(None, URL, headers), Unlimited)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # other tests' threads
class TestFork:
    def child(self, work):
        """The exit code of a child process that does some work."""
        child = os.fork()
        if child == 0:
            status = 1
            try:
                signal.alarm(PATIENCE_S)
                status = 0 if work() else 2
            finally:
                os._exit(status)  # the child must not go on with the tests
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def test_a_child_does_not_wait_for_its_parents_threads(self):
        throttle, _ = window(1)
        throttle.book.lines[throttle.rate].append("a thread of the parent's")

        def work():
            throttle.begin()
            REGISTRY.window(URL, KEY, DEFAULT_RATE).begin()
            return throttle.waiting == 0

        with throttle.book.lock, REGISTRY._lock:
            assert self.child(work) == 0
        assert throttle.waiting == 1

    def test_a_child_knows_what_its_parent_sent(self):
        throttle, _ = window(2)
        throttle.begin().counted()
        throttle.begin()
        expected = pytest.approx(10, abs=0.1)
        assert self.child(lambda: throttle.delay() == expected) == 0

    def test_a_child_does_not_wait_for_answers_that_only_its_parent_gets(self):
        throttle, time = window(1)
        throttle.begin()

        def work():
            throttle.begin()
            return time.now == pytest.approx(1000 + SETTLE_S + 10, abs=0.1)

        assert self.child(work) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="its signals are others")
def test_an_interruption_ends_the_wait_at_once():
    code = """
import signal, time
from rembg_plugins.api.window import Window
from rembg_plugins.core.rate import Rate

def sleep(seconds):
    print("asleep", flush=True)
    time.sleep(seconds)

signal.signal(signal.SIGINT, signal.default_int_handler)  # the tests may run where it is ignored
throttle = Window(Rate(requests=1, seconds=3600), sleep=sleep)
throttle.begin()
try:
    throttle.begin()
except KeyboardInterrupt:
    print("interrupted", throttle.waiting, flush=True)
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "asleep\n"
        process.send_signal(signal.SIGINT)
        try:
            printed, _ = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert printed == "interrupted 0\n"
