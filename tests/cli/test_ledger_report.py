from __future__ import annotations

from pathlib import Path

import pytest

from rembg_plugins.cli.ledger_report import MOST_SHOWN, show
from rembg_plugins.watch.health import Spent
from rembg_plugins.watch.standing import Standing, Trouble
from rembg_plugins.watch.states import ContentState
from rembg_plugins.watch.warned import ToLookAt

LATER = 1_900_000_000.0
GATE = {"kind": "open", "reason": None, "remedy": None, "until": None, "running": 1, "width": 4}


@pytest.fixture
def shown(capsys):
    """The lines for an INBOX: to standard output, and to standard error."""

    def tell(status=None, **changes):
        facts = {"problems": (), "paths": {}, "contents": {}, "failed": (), "parked": ()}
        facts["is_running"] = status is not None
        show(
            Standing(
                folder=Path("state"),
                status=status,
                today=Spent(),
                month=Spent(credits=1, in_doubt=2),
                **{**facts, **changes},
            )
        )
        out, err = capsys.readouterr()
        return out.splitlines(), err.splitlines()

    return tell


def test_without_a_watcher_only_the_ledger_speaks(shown):
    out, err = shown()
    assert out == [
        "Names         none",
        "Pictures      none",
        "Spent today   0 credits",
        "This month    1 credit, 2 in doubt (UTC)",
        "Sending       no, no watcher runs",
    ]
    assert err == []


@pytest.mark.parametrize(
    ("changes", "start", "end"),
    [
        ({}, "Sending       yes, 1 of 4 calls at once under way", ""),
        (
            {"kind": "paused", "reason": "Too many.", "remedy": "Wait.", "until": LATER},
            "Sending       paused until 2030-03-1",
            ": Too many. Wait.",
        ),
        ({"kind": "closed", "reason": "No\x1b key."}, "Sending       stopped: No", r"\x1b key."),
    ],
)
def test_whether_pictures_are_sent_is_told_and_why_not(shown, changes, start, end):
    out, _ = shown({"gate": GATE | changes})
    assert out[-1].startswith(start)
    assert out[-1].endswith(end)


def test_a_watcher_that_runs_no_more_sends_nothing_whatever_it_said_last(shown):
    out, _ = shown({"gate": GATE}, is_running=False)
    assert out[-1] == "Sending       no, no watcher runs"
    closed = GATE | {"kind": "closed", "reason": "No key."}
    out, _ = shown({"gate": closed}, is_running=False)
    assert out[-1] == "Sending       no, no watcher runs; before that stopped: No key."


def test_a_watcher_that_has_not_said_yet_whether_it_sends_is_no_error(shown):
    out, _ = shown({})
    assert out[-1] == "Sending       not known yet"


def test_the_last_scan_and_error_are_told(shown):
    scan = {"at": LATER, "files": 1, "hints": False, "why": "it lies on nfs4"}
    error = {"time": LATER, "source": "a\n.jpg", "message": "No."}
    out, _ = shown({"scan": scan, "last_error": error})
    assert out[-2] == "Last scan     0 s ago, 1 file; it lies on nfs4"
    assert out[-1].startswith("Last error    2030-03-1")
    assert out[-1].endswith(r", a\n.jpg: No.")
    out, _ = shown({"scan": scan | {"hints": True}, "last_error": error | {"source": None}})
    assert out[-2] == "Last scan     0 s ago, 1 file"
    assert out[-1].endswith(", No.")


def test_names_in_trouble_are_told_but_not_all_of_a_thousand(shown):
    trouble = Trouble(source=b"\xff.jpg", sha256=None, code="incomplete", reason=None)
    out, err = shown(failed=(trouble,) * MOST_SHOWN, parked=(trouble,), problems=("It hangs.",))
    assert out.count(r"  \xff.jpg: incomplete") == MOST_SHOWN + 1
    assert "  and maybe others; --json tells of all." in out
    assert out[-1] == r"  \xff.jpg: incomplete"
    assert err == ["It hangs."]


def test_outputs_that_look_wrong_are_counted_and_named(shown):
    one = {"output": "a\n.png", "warnings": ["It is empty.", "Look."]}
    out, _ = shown(to_look_at=ToLookAt(count=2, outputs=(one,)))
    assert "To look at    2 outputs" in out
    at = out.index("To look at")
    assert out[at + 1] == r"  a\n.png: It is empty. Look."
    assert "and others" in out[at + 2]
    assert "OUTBOX/.rembg-plugins/warnings/" in out[at + 3]


def test_what_was_being_sent_is_called_doubtful_once_nobody_sends(shown):
    sending = {ContentState.SENDING: 1}
    assert not any("paid for" in line for line in shown({}, contents=sending)[0])
    out, _ = shown(contents=sending)
    assert out[2] == (
        "In doubt      1 picture was being sent when the watcher ended: may have been paid for"
    )
