from __future__ import annotations

import inspect
import ssl

import pytest
import requests
import urllib3

from rembg_plugins.api.error_mapping import EXCEPTIONS, map_exception
from rembg_plugins.core import errors

KEY = "sk-0123456789abcdef"


def _exceptions():
    return [
        cls
        for _, cls in inspect.getmembers(requests.exceptions, inspect.isclass)
        if issubclass(cls, requests.RequestException)
    ]


def _made(cls):
    if cls is requests.exceptions.JSONDecodeError:
        return cls("m", "doc", 0)
    return cls("m")


def test_every_exception_of_requests_has_a_row():
    assert set(EXCEPTIONS) == set(_exceptions())


@pytest.mark.parametrize("sent", ["nothing", "part", "all"])
@pytest.mark.parametrize("cls", _exceptions(), ids=lambda cls: cls.__name__)
def test_every_exception_of_requests_is_mapped(cls, sent):
    error = map_exception(_made(cls), sent=sent)
    assert isinstance(error, errors.APIError)
    assert (error.sent, error.billed) == (sent, False if sent == "nothing" else None)
    assert error.response is None
    assert "m" in str(error)


def _chained(outer, *inner):
    """Exceptions as requests and urllib3 wrap them."""
    pool = urllib3.HTTPConnectionPool("localhost")
    problem = inner[-1]
    for cls in reversed(inner[:-1]):
        if cls is urllib3.exceptions.MaxRetryError:
            problem = cls(pool, "/rmbg", problem)
        elif cls is urllib3.exceptions.NewConnectionError:
            problem = cls(urllib3.connection.HTTPConnection("localhost"), str(problem))
        else:
            problem = cls("text", problem)
    return outer(problem)


E = requests.exceptions
U = urllib3.exceptions
VERIFY = ssl.SSLCertVerificationError(1, "certificate verify failed")


@pytest.mark.parametrize(
    ("problem", "sent", "cls", "final"),
    [
        (E.ConnectionError("x"), "nothing", errors.APIConnectionError, False),
        (E.ConnectionError("x"), "all", errors.APIConnectionError, False),
        (E.ConnectTimeout("x"), "nothing", errors.APITimeoutError, False),
        (E.ReadTimeout("x"), "all", errors.APITimeoutError, False),
        (E.SSLError("x"), "nothing", errors.ConnectionSetupError, True),
        (E.SSLError("x"), "part", errors.APIConnectionError, False),
        (E.ProxyError("x"), "nothing", errors.ConnectionSetupError, True),
        (E.InvalidProxyURL("x"), "nothing", errors.ConnectionSetupError, True),
        (E.InvalidSchema("no SOCKS"), "nothing", errors.ConnectionSetupError, True),
        (E.TooManyRedirects("x"), "all", errors.EndpointError, True),
        (
            _chained(E.ConnectionError, U.ProtocolError, TimeoutError("write")),
            "part", errors.APITimeoutError, False,
        ),
        (
            _chained(E.ConnectionError, U.MaxRetryError, U.NewConnectionError, OSError("no")),
            "nothing", errors.APIConnectionError, False,
        ),
        (
            _chained(E.SSLError, U.MaxRetryError, U.SSLError, VERIFY),
            "nothing", errors.ConnectionSetupError, True,
        ),
        (
            _chained(E.SSLError, U.MaxRetryError, U.SSLError, ssl.SSLEOFError(8, "EOF")),
            "nothing", errors.APIConnectionError, False,
        ),
        (
            _chained(E.ProxyError, U.MaxRetryError, U.ProxyError, OSError("407")),
            "nothing", errors.ConnectionSetupError, True,
        ),
        (
            _chained(E.ProxyError, U.MaxRetryError, U.ProxyError, U.NewConnectionError, OSError()),
            "nothing", errors.ConnectionSetupError, False,
        ),
        (U.ProtocolError("x"), "all", errors.APIConnectionError, False),
        (OSError("x"), "part", errors.APIConnectionError, False),
    ],
)  # fmt: skip
def test_what_an_exception_means(problem, sent, cls, final):
    error = map_exception(problem, sent=sent)
    assert type(error) is cls
    assert error.final is final


@pytest.mark.parametrize(
    ("problem", "cls"),
    [
        (U.ProtocolError("broken"), errors.NotAnImageError),
        (U.IncompleteRead(3, 5), errors.NotAnImageError),
        (U.SSLError("bad record"), errors.NotAnImageError),
        (U.DecodeError("gzip"), errors.APIResponseError),
        (U.ReadTimeoutError(None, "/", "slow"), errors.APITimeoutError),
        (E.ChunkedEncodingError("x"), errors.NotAnImageError),
        (E.ContentDecodingError("x"), errors.APIResponseError),
    ],
)
def test_what_breaks_a_200_is_paid(problem, cls):
    info = errors.ResponseInfo(status=200)
    error = map_exception(problem, sent="all", response=info, result="the result")
    assert type(error) is cls
    assert (error.billed, error.final, error.result) == (True, False, "the result")
    assert error.response is info


def test_the_message_names_the_innermost_reason():
    inner = OSError(111, "Connection refused")
    problem = E.ConnectionError(U.ProtocolError("Connection aborted.", inner))
    assert str(map_exception(problem)) == "The connection to the API failed: Connection refused"


def test_a_secret_in_an_exception_is_masked():
    error = map_exception(E.InvalidHeader(f"bad header {KEY}"), secrets=[KEY])
    assert KEY not in str(error)
