"""The one error-mapping layer: HTTP and the exceptions below, to :mod:`rembg_plugins.core.errors`.

Two things are told of each failure beside its class: how much was ``sent`` and whether it was
``billed``. Source of statuses and texts: API reference, "Error Reference"; 402 and the forms
of ``Retry-After`` were seen by users of the API in production.
"""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING

import requests.exceptions as below
from requests.structures import CaseInsensitiveDict
from urllib3 import exceptions as deeper

from rembg_plugins.api.authentication import scrub
from rembg_plugins.api.causes import chain, reason_of, shorten
from rembg_plugins.api.report import Report, read_report
from rembg_plugins.api.retry_after import parse_retry_after
from rembg_plugins.core import errors
from rembg_plugins.core.setting import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from rembg_plugins.core.result import Result

KEPT_OF_BODY = 2048  # characters
_BAD_REQUESTS = {400, 422}
_SERVER_ERRORS = range(500, 600)
_NOT_WORKING = 503  # no work was done: the money rules repeat it freely
SUCCESSES = range(200, 300)

STATUSES: Mapping[int, type[errors.APIError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    402: errors.PaymentRequiredError,
    403: errors.PermissionDeniedError,
    404: errors.EndpointError,
    405: errors.EndpointError,
    407: errors.ConnectionSetupError,  # only a proxy asks for its own password
    413: errors.RequestTooLargeError,
    422: errors.BadRequestError,
    429: errors.RateLimitError,
}
"""The class of each status that has its own; 3xx and 5xx are ranges."""

_WORDINGS: tuple[tuple[int, str, type[errors.APIError]], ...] = (
    (400, r"both api key and user token", errors.ConflictingCredentialsError),
    (403, r"e-?mail (address )?(is )?not verified", errors.EmailNotVerifiedError),
    (429, r"\bdaily (limit|quota)", errors.DailyQuotaError),
    (429, r"\bmonthly (limit|quota)", errors.MonthlyQuotaError),
)
"""What only the sentence tells apart; another wording has the class of its status."""

_FINAL = (errors.QuotaExceededError, errors.PaymentRequiredError, errors.ConnectionSetupError)

EXCEPTIONS: Mapping[type[Exception], tuple[type[errors.APIError], str]] = {
    below.RequestException: (errors.APIConnectionError, "The request failed"),
    below.ConnectionError: (errors.APIConnectionError, "The connection to the API failed"),
    below.ProxyError: (errors.ConnectionSetupError, "The proxy refused the connection"),
    below.SSLError: (errors.ConnectionSetupError, "No secure connection to the API can be made"),
    below.Timeout: (errors.APITimeoutError, "The API did not answer in time"),
    below.ConnectTimeout: (errors.APITimeoutError, "The API could not be reached in time"),
    below.ReadTimeout: (errors.APITimeoutError, "The API did not answer in time"),
    below.ChunkedEncodingError: (errors.APIConnectionError, "The API's answer broke off"),
    below.ContentDecodingError: (errors.APIResponseError, "The answer cannot be decoded"),
    below.StreamConsumedError: (errors.APIResponseError, "The answer cannot be read"),
    below.InvalidJSONError: (errors.APIResponseError, "The answer cannot be read"),
    below.JSONDecodeError: (errors.APIResponseError, "The answer cannot be read"),
    below.HTTPError: (errors.APIConnectionError, "The request failed"),
    below.RetryError: (errors.APIConnectionError, "The request failed"),
    below.UnrewindableBodyError: (errors.APIConnectionError, "The request failed"),
    below.TooManyRedirects: (errors.EndpointError, "The API's URL redirects"),
    below.URLRequired: (errors.ConnectionSetupError, "The API's URL cannot be used"),
    below.MissingSchema: (errors.ConnectionSetupError, "The API's URL cannot be used"),
    below.InvalidSchema: (
        errors.ConnectionSetupError,
        "The API's URL or the proxy's cannot be used",
    ),
    below.InvalidURL: (errors.ConnectionSetupError, "The API's URL cannot be used"),
    below.InvalidProxyURL: (errors.ConnectionSetupError, "The proxy's URL cannot be used"),
    below.InvalidHeader: (errors.ConnectionSetupError, "A header cannot be used"),
}
"""Class and beginning of the message for each exception of requests; the first in the MRO wins."""

_VERIFICATION = (ssl.SSLCertVerificationError, ssl.CertificateError)
_HUNG_UP = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError)
_TIMEOUTS = (below.Timeout, deeper.TimeoutError, TimeoutError)


def map_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    sent: errors.Sent = "all",
    secrets: Iterable[str] = (),
    now: datetime | None = None,
    setting: str = SETTINGS["api_url"].variable,
) -> errors.APIError:
    """The error that an answer other than 2xx stands for.

    Args:
        status: The HTTP status.
        headers: The answer's headers.
        body: Its body, or the beginning of it.
        sent: How much of the request had left.
        secrets: What must not be repeated.
        now: The time against which a date in ``Retry-After`` is read.
        setting: The variable that holds the URL, for who has to correct it.
    """
    secrets = tuple(secrets)
    report = read_report(body, secrets)
    cls = _class_of_status(status, report)
    return cls(
        _sentence(status, report, cls, setting),
        errors=report.errors,
        sent=sent,
        billed=_billed(status, sent),
        response=response_info(status, headers, report.text, secrets=secrets, now=now),
        final=issubclass(cls, _FINAL),
    )


def map_exception(
    problem: BaseException,
    *,
    sent: errors.Sent = "nothing",
    secrets: Iterable[str] = (),
    response: errors.ResponseInfo | None = None,
    result: Result | None = None,
) -> errors.APIError:
    """The error that an exception of requests, or of what lies below it, stands for.

    Args:
        problem: The exception.
        sent: How much of the request had left.
        secrets: What must not be repeated.
        response: Status and headers, where they had come before the failure.
        result: What had come of a 200 by then.
    """
    cls, text, final = _class_of_exception(problem, sent)
    status = None if response is None else response.status
    if status in SUCCESSES and not issubclass(cls, errors.APITimeoutError):
        cls, final = _class_of_broken_answer(problem), False
        text = "The API's answer was cut short, or cannot be decoded; it was paid for"
    return cls(
        f"{text}: {reason_of(problem, secrets)}",
        sent=sent,
        billed=_billed(status, sent),
        response=response,
        result=result,
        final=final,
    )


def response_info(
    status: int,
    headers: Mapping[str, str],
    text: str,
    *,
    secrets: Iterable[str] = (),
    now: datetime | None = None,
) -> errors.ResponseInfo:
    """What is kept of an answer; the secrets are masked before anything is cut off."""
    found = CaseInsensitiveDict(headers)
    return errors.ResponseInfo(
        status=status,
        body=scrub(text, secrets)[:KEPT_OF_BODY],
        content_type=shorten(scrub(found.get("Content-Type") or "", secrets)),
        retry_after=parse_retry_after(found.get("Retry-After"), now=now),
    )


def _billed(status: int | None, sent: errors.Sent) -> bool | None:
    """Whether a credit was spent: yes with any 2xx, no with 3xx, 4xx and 503, else nobody knows."""
    if status in SUCCESSES:
        return True
    unknown = status is None or (status in _SERVER_ERRORS and status != _NOT_WORKING)
    return None if unknown and sent != "nothing" else False


def _class_of_status(status: int, report: Report) -> type[errors.APIError]:
    for known, wording, cls in _WORDINGS:
        if status == known and re.search(wording, report.sentence, re.IGNORECASE):
            return cls
    if status in _BAD_REQUESTS and report.errors:
        return errors.InvalidRequestError
    if status in STATUSES:
        return STATUSES[status]
    if status in _SERVER_ERRORS:
        return errors.InternalServerError
    return errors.EndpointError if status in range(300, 400) else errors.APIStatusError


def _sentence(status: int, report: Report, cls: type[errors.APIError], setting: str) -> str:
    if issubclass(cls, errors.InvalidRequestError):
        return "" if report.several else report.sentence  # "" is made of the single errors
    if issubclass(cls, errors.EndpointError):
        said = f": {report.sentence}" if report.sentence else ""
        return (
            f"The URL answered {status}, so it is not the API's{said}. Redirects are not "
            f"followed; check {setting}."
        )
    if report.sentence and status not in _SERVER_ERRORS:
        return report.sentence
    said = f": {report.sentence}" if report.sentence else "."
    return f"The API answered {status}{said}"


def _class_of_exception(
    problem: BaseException, sent: errors.Sent
) -> tuple[type[errors.APIError], str, bool]:
    """Class, beginning of the message, and whether a repeat is of no use."""
    links = tuple(chain(problem))
    row = next((EXCEPTIONS[cls] for cls in type(problem).__mro__ if cls in EXCEPTIONS), None)
    cls, text = row or EXCEPTIONS[below.ConnectionError]
    refused = any(isinstance(link, _VERIFICATION) for link in links)
    if issubclass(cls, errors.ConnectionSetupError) or refused:
        return _class_of_setup(problem, links, sent, refused=refused)
    if any(_is_timeout(link) for link in links) and not issubclass(cls, errors.APITimeoutError):
        cls, text = EXCEPTIONS[below.Timeout]
    return cls, text, issubclass(cls, errors.EndpointError)


def _class_of_setup(
    problem: BaseException,
    links: tuple[BaseException, ...],
    sent: errors.Sent,
    *,
    refused: bool,
) -> tuple[type[errors.APIError], str, bool]:
    """A connection that cannot be made as configured, or one that merely broke."""
    if refused:
        return errors.ConnectionSetupError, "The API's certificate is refused", True
    if isinstance(problem, below.ProxyError):
        unreachable = any(isinstance(link, deeper.NewConnectionError) for link in links)
        if unreachable or any(_is_timeout(link) for link in links):
            return errors.ConnectionSetupError, "The proxy cannot be reached", False
    broke = sent != "nothing" or any(isinstance(link, _HUNG_UP) for link in links)
    if isinstance(problem, below.SSLError) and broke:
        return errors.APIConnectionError, EXCEPTIONS[below.ConnectionError][1], False
    text = next(EXCEPTIONS[cls][1] for cls in type(problem).__mro__ if cls in EXCEPTIONS)
    return errors.ConnectionSetupError, text, True


def _class_of_broken_answer(problem: BaseException) -> type[errors.APIResponseError]:
    undecodable = (deeper.DecodeError, below.ContentDecodingError)
    if isinstance(problem, undecodable):
        return errors.APIResponseError
    return errors.NotAnImageError


def _is_timeout(link: BaseException) -> bool:
    """Refused connections descend from time-outs in urllib3, for old times' sake."""
    return isinstance(link, _TIMEOUTS) and not isinstance(link, deeper.NewConnectionError)
