from __future__ import annotations

import pytest

from rembg_plugins.cli.record import Record, Tally
from rembg_plugins.cli.targets import Target
from rembg_plugins.core.errors import AuthenticationError, RembgError, ValidationError
from rembg_plugins.core.outcomes import outcome

TARGET = Target(source="a.png", output=None)


def tally_of(*records, **facts):
    tally = Tally(**facts)
    for status, error in records:
        tally.add(Record(target=TARGET, status=status, error=error))
    return tally


BAD = ("failed", ValidationError("bad"))
GOOD = ("done", None)


@pytest.mark.parametrize(
    ("tally", "code"),
    [
        (tally_of(), 0),
        (tally_of(GOOD, ("skipped", None)), 0),
        (tally_of(GOOD, BAD), 1),
        (tally_of(BAD, BAD), 1),
        (tally_of(BAD), 65),
        (tally_of(("failed", OSError())), 73),
        (tally_of(("failed", ZeroDivisionError())), 70),
        (tally_of(GOOD, BAD, stopped_by=AuthenticationError()), 77),
        (tally_of(GOOD, ("not_started", None), limited=True), 75),
        (tally_of(GOOD, BAD, stopped_by=AuthenticationError(), signalled=130), 130),
        (tally_of(signalled=143), 143),
    ],
    ids=str,
)
def test_a_cause_has_its_own_exit_code_only_where_it_ended_the_run_or_was_alone(tally, code):
    assert tally.exit_code == code


def test_a_bug_of_ours_is_no_usage_error():
    assert outcome(RembgError).exit_code == 70
