from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rembg_plugins.api.retry_after import parse_retry_after

NOW = datetime(2026, 10, 21, 7, 28, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("45", 45), ("45s", 45), (" 45 S ", 45), ("0", 0), ("1.5", 1.5), ("7200", 7200),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30), ("Wednesday, 21-Oct-26 07:29:00 GMT", 60),
        ("Wed Oct 21 07:28:10 2026", 10), ("Wed, 21 Oct 2026 07:28:05 -0000", 5),
        ("Thu, 22 Oct 2026 07:28:00 GMT", 86400), ("Wed, 21 Oct 2026 07:28:00 GMT", 0),
        ("Wed, 21 Oct 2026 07:27:59 GMT", None), ("-5", None), ("soon", None), ("", None),
        (None, None), ("nan", None), ("inf", None), ("1e9", None), ("45m", None), ("45 45", None),
        ("٤٥", None), ("9" * 400, None), ("Wed, 99 Oct 2026 07:28:30 GMT", None),
        ("Wed, 21 Oct 99999 07:28:30 GMT", None), ("Wed, 21 Oct 2026", None), (",", None),
    ],
)  # fmt: skip
def test_the_three_known_forms_are_read_and_nonsense_is_not(value, seconds):
    assert parse_retry_after(value, now=NOW) == seconds


def test_a_date_is_read_against_the_clock_where_no_time_is_given():
    assert parse_retry_after("Fri, 01 Jan 2100 00:00:00 GMT") > 86400
