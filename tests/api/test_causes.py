from __future__ import annotations

import requests
import urllib3

from rembg_plugins.api.causes import chain, purge, reason_of, shorten

KEY = "sk-0123456789abcdef"


def caught(raising):
    try:
        raising()
    except Exception as problem:  # noqa: BLE001 - whatever it is
        return problem
    return None


def test_the_chain_follows_causes_and_what_is_wrapped_but_no_context():
    def raising():
        try:
            {}["somebody else's"]
        except KeyError:
            raise ValueError(OSError("wrapped")) from TypeError("cause")

    problem = caught(raising)
    assert [type(link) for link in chain(problem)] == [ValueError, OSError, TypeError]


def test_a_ring_of_causes_ends():
    one, two = ValueError(), ValueError()
    one.__cause__, two.__cause__ = two, one
    assert list(chain(one)) == [one, two]


def test_nothing_that_leads_to_the_headers_stays():
    pool = urllib3.HTTPConnectionPool("localhost", headers={"x-api-key": KEY})
    inner = urllib3.exceptions.MaxRetryError(pool, f"/{KEY}", ValueError(KEY.encode()))
    request = requests.Request("POST", "https://a/", headers={"x-api-key": KEY})
    low = OSError(5, f"low {KEY}", f"/{KEY}")
    problem = requests.ConnectionError(inner, {"key": KEY}, request=request)
    problem.__cause__ = low
    purge(problem, [KEY])
    assert problem.request is None
    assert inner.pool is None
    assert inner.url == "/***"
    assert problem.args[1:] == ("{'key': '***'}",)
    assert (low.errno, low.strerror, low.filename) == (5, "low ***", "/***")
    for link in chain(problem):
        assert KEY not in f"{link!s}{link!r}{vars(link)}"


def test_the_reason_is_the_innermost_text():
    assert reason_of(OSError(111, "Connection refused"), []) == "Connection refused"
    assert reason_of(OSError(KeyError("a")), []) == "'a'"
    assert reason_of(ValueError(), []) == "ValueError"
    assert reason_of(ValueError(f"a\n{KEY}"), [KEY]) == "a ***"


def test_texts_are_cut_at_their_end():
    assert shorten("a" * 20, 10) == "aaaaaaa..."
    assert shorten("a\x00\tb") == "a b"
