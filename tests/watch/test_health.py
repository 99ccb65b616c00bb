from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from rembg_plugins.watch import health
from rembg_plugins.watch.health import LastError, Scan, Spent, Status, check
from rembg_plugins.watch.news import GateState

NOW = 1_900_000_000.0


def status_of(tmp_path, **changes):
    facts = {
        "inbox": tmp_path / "in",
        "outbox": tmp_path / "out",
        "engine": "api 1",
        "is_paid": True,
        "started": NOW - 1000,
        "state": "running",
        "gate": GateState(),
    }
    return Status(**{**facts, **changes})


def written(tmp_path, *, at=NOW, **changes):
    assert health.write_status(tmp_path, status_of(tmp_path, **changes), at)
    return health.read_status(tmp_path)


def test_what_is_written_is_read_back_with_every_documented_field(tmp_path):
    found = written(
        tmp_path,
        queue={"queued": 3},
        month=Spent(credits=5, in_doubt=1),
        scan=Scan(at=NOW - 2, elapsed_s=0.5, files=9, every_s=30.0, hints=True),
        last_error=LastError(time=NOW - 9, message="No.", code="too_large", source=b"a/\xff.jpg"),
        gate=GateState(kind="paused", reason="Later.", until=NOW + 60, width=4),
    )
    for name in found:
        assert f"``{name}``" in health.__doc__
    assert found["spent"]["month"] == {"credits": 5, "in_doubt": 1}
    assert found["spent"].keys() == {"run", "today", "month"}
    assert found["scan"]["files"] == 9
    assert found["last_error"]["source"] == "a/\udcff.jpg"
    assert found["gate"] == {
        "kind": "paused", "reason": "Later.", "remedy": None, "until": NOW + 60, "running": 0,
        "width": 4,
    }  # fmt: skip
    assert {one.name for one in fields(Scan)} == found["scan"].keys()


def test_the_file_is_replaced_and_no_other_is_left(tmp_path):
    written(tmp_path, at=NOW)
    assert written(tmp_path, at=NOW + 5)["written"] == NOW + 5
    assert [path.name for path in tmp_path.iterdir()] == [health.FILE]


def test_a_folder_that_is_gone_stops_nobody(tmp_path):
    assert not health.write_status(tmp_path / "gone", status_of(tmp_path), NOW)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"version": 2}'])
def test_a_file_that_is_no_status_counts_as_none(tmp_path, content):
    (tmp_path / health.FILE).write_bytes(content)
    assert health.read_status(tmp_path) is None


READ = {
    "": ("outbox", "engine", "state", "written", "is_paid", "gate", "scan", "last_error"),
    "gate": ("kind", "reason", "remedy", "until", "running", "width"),
    "scan": ("at", "every_s", "files", "hints", "why"),
    "last_error": ("time", "message", "source"),
}


@pytest.mark.parametrize(("part", "name"), [(part, name) for part in READ for name in READ[part]])
def test_a_status_that_lacks_something_or_has_something_else_there_counts_as_none(
    tmp_path, part, name
):
    scan = Scan(at=NOW, elapsed_s=0.1, files=1, every_s=30.0)
    whole = written(tmp_path, scan=scan, last_error=LastError(time=NOW, message="No."))
    path = tmp_path / health.FILE
    inner = dict(whole[part] if part else whole)
    for changed in ({key: inner[key] for key in inner if key != name}, inner | {name: ["odd"]}):
        path.write_text(json.dumps(whole | {part: changed} if part else changed))
        assert health.read_status(tmp_path) is None
    path.write_text(json.dumps(whole | {"of a later version": 1}))
    assert health.read_status(tmp_path) is not None


def test_a_watcher_that_goes_on_has_no_problem(tmp_path):
    scan = Scan(at=NOW - 40, elapsed_s=0.1, files=1, every_s=30.0)
    assert check(written(tmp_path, scan=scan), NOW + 6) == ()


def test_a_gate_that_opens_by_itself_is_no_problem(tmp_path):
    found = written(tmp_path, gate=GateState(kind="paused", reason="Slow down.", until=NOW + 9))
    assert check(found, NOW) == ()


@pytest.mark.parametrize(
    ("changes", "later", "word"),
    [
        pytest.param({}, 31, "31 s ago", id="not written any more"),
        pytest.param({}, -31, "ahead of the clock", id="the clock was set back"),
        pytest.param({"state": "stopped"}, 0, "has stopped", id="stopped"),
        pytest.param(
            {"scan": Scan(at=NOW - 151, elapsed_s=0.1, files=1, every_s=30.0)},
            0,
            "not since",
            id="looks at INBOX no more",
        ),
        pytest.param(
            {"gate": GateState(kind="closed", reason="No such key.", remedy="Set it.")},
            0,
            "Nothing is sent: No such key. Set it.",
            id="nothing is sent",
        ),
    ],
)
def test_what_needs_a_person_is_told(tmp_path, changes, later, word):
    problems = check(written(tmp_path, **changes), NOW + later)
    assert len(problems) == 1
    assert word in problems[0]


def test_a_long_interval_between_scans_is_no_problem(tmp_path):
    scan = Scan(at=NOW - 5000, elapsed_s=0.1, files=1, every_s=3600.0)
    assert check(written(tmp_path, scan=scan), NOW) == ()


def test_no_status_at_all_is_a_problem():
    assert check(None, NOW) == ("There is no status: nothing has watched this folder.",)


def test_the_file_is_plain_json(tmp_path):
    written(tmp_path)
    assert json.loads((tmp_path / health.FILE).read_text())["version"] == 1
    assert replace(status_of(tmp_path), state="draining").facts(NOW)["state"] == "draining"
