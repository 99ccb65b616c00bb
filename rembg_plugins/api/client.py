"""The client of the hosted RemBG API: the only place that opens a connection."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, NoReturn

import requests
from urllib3.exceptions import HTTPError

from rembg_plugins.api.answer import (
    LONGEST_ANSWER,
    Answer,
    picture_in,
    read_report_body,
    receive,
)
from rembg_plugins.api.authentication import Authentication, scrub, scrub_bytes
from rembg_plugins.api.body import Cancelled, MultipartBody, UploadTimeout
from rembg_plugins.api.causes import purge
from rembg_plugins.api.deadline import timed_reader
from rembg_plugins.api.error_mapping import (
    SUCCESSES,
    map_exception,
    map_response,
    response_info,
)
from rembg_plugins.api.progress import Meter
from rembg_plugins.api.report import read_report
from rembg_plugins.api.route import find_route
from rembg_plugins.api.session import Session
from rembg_plugins.api.throttle import SETTLE_S, UploadMeter, heed, settle
from rembg_plugins.api.window import throttle_for
from rembg_plugins.core import paid_calls
from rembg_plugins.core.errors import APIError, APIResponseError, NotAnImageError
from rembg_plugins.core.options import form_fields
from rembg_plugins.core.rate import DEFAULT_RATE
from rembg_plugins.core.result import Result
from rembg_plugins.core.setting import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.api.throttle import Throttle
    from rembg_plugins.core.engine import OnProgress
    from rembg_plugins.core.errors import ResponseInfo
    from rembg_plugins.core.rate import Rate
    from rembg_plugins.core.request import Request

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 120.0
CALL_TIMEOUT_S = 900.0
_ENGINE = "api"
_SHOWN = 4096  # bytes of an unusable answer that are looked at for its error


class Client:
    """Sends pictures to one URL; safe to use from several threads, and after a fork.

    Not picklable: it holds the credentials, which its ``repr`` does not show.

    Args:
        url: https, or http to this machine.
        api_key: The API key; without key and token, the anonymous tier is used.
        user_token: A user token instead.
        connect_timeout_s: For making a connection, in s.
        read_timeout_s: For each wait for the other side, in s.
        call_timeout_s: For sending all of a picture, and again for all of the answer, in s.
        longest_answer: Bytes that are read of an answer at most.
        throttle: When requests may begin. A rate bounds what all clients of this process send to
            this address with these credentials, whatever their own rates; None lets every request
            begin at once.
        clock: Gives the time in s, for the rate in progress events.
        now: Gives the date, for a date in ``Retry-After``.

    Raises:
        ConfigurationError: The URL, the key or the environment's certificates cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        user_token: str | None = None,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
        call_timeout_s: float = CALL_TIMEOUT_S,
        longest_answer: int = LONGEST_ANSWER,
        throttle: Throttle | Rate | None = DEFAULT_RATE,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Find the way to the API; no connection is made yet."""
        self._authentication = Authentication(api_key=api_key, user_token=user_token)
        self._route = find_route(url)
        self._secrets = self._authentication.secrets + self._route.secrets
        self._timeouts = (connect_timeout_s, read_timeout_s)
        self._call_timeout_s = call_timeout_s
        self._longest_answer = longest_answer
        self._throttle = throttle_for(throttle, url, self._authentication.headers())
        self._clock = clock
        self._now = now
        self._open_session()

    def __repr__(self) -> str:
        return f"Client({self._route!r}, {self._authentication!r})"

    def __reduce__(self) -> NoReturn:
        message = "a client is not picklable: it holds the credentials; make one in each process"
        raise TypeError(message)

    @property
    def url(self) -> str:
        """Where pictures are sent."""
        return self._route.url

    @property
    def is_default(self) -> bool:
        """Whether that is the hosted API."""
        return self._route.url == SETTINGS["api_url"].default

    @property
    def anonymous(self) -> bool:
        """Whether it sends neither key nor token."""
        return self._authentication.anonymous

    def delay(self) -> float:
        """How long a call would wait now for its turn, in s; it does not wait, and sends nothing.

        For queues that have something else to do meanwhile. 0 where there is no throttle.
        """
        return self._throttle.delay()

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._session.close()

    def remove(
        self,
        request: Request,
        *,
        on_progress: OnProgress | None = None,
        sink: BinaryIO | None = None,
    ) -> Result:
        """Make one attempt, when its turn has come; nothing is repeated here.

        Args:
            request: What to cut out.
            on_progress: Called for each piece that was sent or received. What it raises cancels
                the call and comes out as it is.
            sink: Gets the bytes of an answer 200 as they come, before anything judges them.

        Returns:
            The API's picture, untouched; base64, a data URL or JSON around one is undone.

        Raises:
            APIError: There is no picture; with ``sent``, ``billed``, and in ``result`` what was
                paid for.
            ValidationError: The source could not be read to its end.
            ConfigurationError: This is a test run, and the URL is not this machine's.

        Source: API reference, "POST /rmbg".
        """
        paid_calls.check(self.url)
        body = MultipartBody(request.source, fields=form_fields(request.options))
        slot = self._throttle.begin()
        try:
            body.meter = UploadMeter(len(body), on_progress, clock=self._clock, slot=slot)
            response = self._post(body)
            settle(slot)
        finally:
            body.close()
            settle(slot, SETTLE_S)
        try:
            if response.status_code not in SUCCESSES:
                raise self._refusal(response, body)
            return self._receive(response, body, on_progress, sink)
        except APIError as error:
            if self.anonymous:
                error.billed = False
            heed(self._throttle, error)
            raise
        finally:
            response.close()

    def _post(self, body: MultipartBody) -> requests.Response:
        """Send the body and wait for the answer's headers."""
        ends = self._clock() + self._call_timeout_s
        body.left = lambda: ends - self._clock()
        try:
            session = self._session_of_this_process()
            return session.upload(body, self._authentication.headers(), timeouts=self._timeouts)
        except Cancelled:
            pass
        except (requests.RequestException, HTTPError, OSError) as problem:
            raise self._mapped(problem, body) from problem
        if isinstance(body.problem, UploadTimeout):
            raise self._mapped(body.problem, body) from body.problem
        assert body.problem is not None  # noqa: S101 - for the type checker; Cancelled sets it
        raise body.problem  # out here, so that it has not Cancelled for a context

    def _refusal(self, response: requests.Response, body: MultipartBody) -> APIError:
        return map_response(
            response.status_code,
            response.headers,
            read_report_body(response.raw),
            sent=body.sent,
            secrets=self._secrets,
            now=self._now(),
        )

    def _receive(
        self,
        response: requests.Response,
        body: MultipartBody,
        on_progress: OnProgress | None,
        sink: BinaryIO | None,
    ) -> Result:
        total = response.raw.length_remaining
        meter = Meter("download", total, on_progress, clock=self._clock)
        answer = receive(response.raw, meter=meter, sink=sink, longest=self._longest_answer)
        picture = picture_in(answer.content)
        content = scrub_bytes(answer.content, self._secrets) if picture is None else picture
        # Without a key there is no account that a credit could be taken from.
        billed = not self.anonymous
        result = Result.from_bytes(content, engine=_ENGINE, sent=body.sent, billed=billed)
        if picture is not None and answer.whole:
            return result
        shown = content[:_SHOWN].decode(errors="replace") if picture is None else ""
        raise self._unusable(answer, result, response, shown) from answer.problem

    def _unusable(
        self, answer: Answer, result: Result, response: requests.Response, shown: str
    ) -> APIError:
        """The error of an answer that was paid for; it carries it in ``result``."""
        info = response_info(
            response.status_code, response.headers, shown, secrets=self._secrets, now=self._now()
        )
        if answer.failure is not None:
            error = map_exception(
                answer.failure,
                sent=result.sent,
                secrets=self._secrets,
                response=info,
                result=result,
            )
            purge(answer.failure, self._secrets)
            return error
        cls = APIResponseError
        if answer.too_long:
            text = f"The API's answer is longer than {self._longest_answer} bytes."
        elif not shown and answer.sink_failure is not None:
            text = f"The API's answer could not be written to the sink: {answer.sink_failure}"
        else:
            cls, text = NotAnImageError, scrub(_not_a_picture(info, result), self._secrets)
        return cls(text, sent=result.sent, billed=result.billed, response=info, result=result)

    def _mapped(self, problem: Exception, body: MultipartBody) -> APIError:
        error = map_exception(problem, sent=body.sent, secrets=self._secrets)
        if self.anonymous:
            error.billed = False
        purge(problem, self._secrets)
        return error

    def _open_session(self) -> None:
        wait_s = self._timeouts[1]
        reader = timed_reader(self._call_timeout_s, clock=self._clock, wait_s=wait_s)
        self._session = Session(self._route, read_timeout_s=wait_s, reader=reader)
        self._process = os.getpid()

    def _session_of_this_process(self) -> Session:
        """The session; a child process must not send over connections of its parent."""
        if self._process != os.getpid():
            self._open_session()
        return self._session


def _not_a_picture(info: ResponseInfo, result: Result) -> str:
    """What came instead, in one sentence."""
    if not result.content:
        return f"The API answered {info.status}, but with nothing at all."
    kind = f" ({info.content_type})" if info.content_type else ""
    said = read_report(info.body.encode()).sentence
    return f"The API answered {info.status}, but with no picture{kind}{': ' if said else '.'}{said}"
