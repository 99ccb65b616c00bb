"""News of the system that something was changed in INBOX: they only wake the scan.

No library tells of everything: trees that are moved in, folders that are filled as soon as they
are made, and floods of changes are told of in part. What is told is looked at at once, a new
folder again a little later, and the scan finds the rest.
"""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rembg_plugins.watch.records import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

STEP_MS = 20
"""For how long nothing must be changed before news are told, in ms."""

DEBOUNCE_MS = 100
"""After how many ms they are told in any case."""

AGAIN_S = (0.0, 1.0, 5.0)
"""When a new folder is looked at, in s after it was told of: it may be filled meanwhile."""

RETRY_S = 600.0
"""After how many s news are asked for again where they failed, in s."""

MANY = 1_000
"""From how many files or folders on all of INBOX is looked at instead."""

_IDLE_MS = 500  # after how long without news the library lets us look around
_FAREWELL_S = 2.0
_MISSING = "watchfiles is not installed"


@dataclass(slots=True)
class News:
    """What is to be looked at.

    Attributes:
        places: Files.
        trees: Folders below INBOX, with all that lies in them.
        everything: Whether all of INBOX is.
    """

    places: set[Place] = field(default_factory=set)
    trees: set[bytes] = field(default_factory=set)
    everything: bool = False


class Hints:
    """Listens in a thread of its own, as long as that works.

    Args:
        inbox: The real path of INBOX.
        clock: Gives the time in s.
        wake: Called when there is news; from the thread.
        tell: Told in one sentence, with the path below INBOX, of what a person should know.
        off: Why not to listen at all; None to listen.

    Attributes:
        why: Why there are no news just now; None where there are.
    """

    def __init__(
        self,
        inbox: str | os.PathLike[str],
        *,
        clock: Callable[[], float],
        wake: Callable[[], None],
        tell: Callable[[str, bytes], None],
        off: str | None = None,
    ) -> None:
        """Nothing is listened to yet."""
        self.why: str | None = off or "the watcher has just begun"
        self._is_off = off is not None
        self._inbox = os.fspath(inbox)
        self._clock = clock
        self._wake = wake
        self._tell = tell
        self._lock = threading.Lock()
        self._news = News()
        self._due: dict[bytes, list[float]] = {}
        self._everything_due: list[float] = []
        self._listener: _Listener | None = None
        self._identity: tuple[int, int] | None = None
        self._retry_at = 0.0
        self._told: str | None = None

    @property
    def is_on(self) -> bool:
        """Whether news come."""
        return self._listener is not None and self._listener.is_ready

    def check(self, identity: tuple[int, int] | None) -> None:
        """Listen, if that is not what is done already; called again and again.

        Args:
            identity: Device and inode of INBOX; who listens to one that was made anew hears
                nothing.
        """
        if self._is_off:
            return
        listener = self._listener
        if listener is not None:
            problem = listener.problem
            if problem is None and identity == self._identity:
                return
            self.stop()
            if problem is not None:
                self._give_up(problem)
        if identity is None or self._clock() < self._retry_at:
            return
        self._identity = identity
        self._listener = _Listener(
            self._inbox, hear=self._hear, ready=self._be_ready, ended=self._wake
        )
        self._listener.start()

    def take(self) -> News:
        """What is due to be looked at now."""
        now = self._clock()
        with self._lock:
            news, self._news = self._news, News()
            for tree, times in list(self._due.items()):
                if times[0] <= now:
                    news.trees.add(tree)
                    self._due[tree] = [time for time in times if time > now]
            self._due = {tree: times for tree, times in self._due.items() if times}
            if self._everything_due and self._everything_due[0] <= now:
                news.everything = True
                self._everything_due = [time for time in self._everything_due if time > now]
        return news

    @property
    def next_due(self) -> float | None:
        """When something is to be looked at next, in s of the clock; None where nothing is."""
        with self._lock:
            if self._news.places or self._news.everything:
                return self._clock()
            times = [times[0] for times in self._due.values()] + self._everything_due[:1]
            return min(times, default=None)

    def turn_off(self, why: str) -> None:
        """Listen no more, and never again."""
        self._is_off, self.why = True, why
        self.stop()

    def stop(self) -> None:
        """Listen no longer."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.stop()

    def _give_up(self, problem: str) -> None:
        is_told = problem == self._told
        self.why = self._told = problem
        self._retry_at = self._clock() + RETRY_S
        if problem == _MISSING:
            self._is_off = True
        if is_told:
            return
        self._tell(
            f"The system's news of changes failed ({problem}): INBOX is looked at again and "
            "again instead.",
            b"",
        )

    def _be_ready(self) -> None:
        """What was changed before somebody listened is found by one more scan."""
        self.why = None
        with self._lock:
            self._news.everything = True
        self._wake()

    def _hear(self, paths: Iterable[tuple[str, bool]]) -> None:
        """Put down what is to be looked at: paths, and whether each is new."""
        start = len(self._inbox.rstrip(os.sep)) + 1
        now = self._clock()
        with self._lock:
            for path, is_new in paths:
                relative = os.fsencode(path[start:])
                if os.sep != "/":  # pragma: no cover - Windows
                    relative = relative.replace(os.fsencode(os.sep), b"/")
                self._put_down(relative, path, now, is_new=is_new)
            self._limit(now)
        self._wake()

    def _put_down(self, relative: bytes, path: str, now: float, *, is_new: bool) -> None:
        if not relative:
            self._identity = None  # it may have been made anew, even with the same inode
            self._news.everything = True
        elif _is_folder(path):
            if is_new:
                self._due[relative] = [now + later for later in AGAIN_S]
            else:  # its rights may have been changed
                self._due.setdefault(relative, [now])
        else:
            folder, _, name = relative.rpartition(b"/")
            self._news.places.add(Place(folder, name))

    def _limit(self, now: float) -> None:
        """Keep no long list: from some length on it is quicker to look at everything."""
        if len(self._news.places) > MANY:
            self._news.places.clear()
            self._news.everything = True
        if len(self._due) > MANY:
            self._due.clear()
            self._everything_due = [now + later for later in AGAIN_S]


class _Listener:
    """One watcher of the library, from its making to its end.

    Attributes:
        is_ready: Whether it listens.
    """

    def __init__(
        self,
        inbox: str,
        *,
        hear: Callable[[Iterable[tuple[str, bool]]], None],
        ready: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        self.is_ready = False
        self._inbox = inbox
        self._hear = hear
        self._ready = ready
        self._ended = ended
        self._problem: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rembg-plugins news", daemon=True)

    @property
    def problem(self) -> str | None:
        """Why it listens no more; None as long as it does."""
        if self._problem is None and not self._thread.is_alive():
            return "its thread has ended"
        return self._problem

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self.is_ready = False
        if self._thread is not threading.current_thread():
            self._thread.join(_FAREWELL_S)

    def _run(self) -> None:
        try:
            self._listen()
        except ImportError:
            self._problem = _MISSING
        except BaseException as error:  # noqa: BLE001 - a library in Rust: whatever it is, the scan goes on
            self._problem = str(error) or type(error).__name__
        finally:
            self.is_ready = False
            if not self._stop.is_set():
                self._ended()

    def _listen(self) -> None:
        from watchfiles import Change, watch  # noqa: PLC0415 - of an extra

        news = watch(
            Path(self._inbox),
            watch_filter=None,
            step=STEP_MS,
            debounce=DEBOUNCE_MS,
            rust_timeout=_IDLE_MS,
            yield_on_timeout=True,
            stop_event=self._stop,
            raise_interrupt=False,
            force_polling=False,
            # True would hide that there are too many folders to listen to. Observed with 1.3.0.
            ignore_permission_denied=False,
        )
        for changes in news:
            if self._stop.is_set():
                return
            if not self.is_ready:
                self.is_ready = True
                self._ready()
            if changes:
                self._hear([(path, change is Change.added) for change, path in changes])


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False
