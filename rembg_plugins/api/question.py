"""A question to the API: one GET that costs nothing, and its answer, bounded in bytes and time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import requests
from urllib3.exceptions import DecodeError, HTTPError

from rembg_plugins.api.answer import read_report_body, receive
from rembg_plugins.api.causes import purge
from rembg_plugins.api.deadline import timed_reader
from rembg_plugins.api.error_mapping import SUCCESSES, map_exception, map_response
from rembg_plugins.api.progress import Meter
from rembg_plugins.api.route import shown_url
from rembg_plugins.api.session import Session
from rembg_plugins.core.errors import APIResponseError, APITimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rembg_plugins.api.route import Route
    from rembg_plugins.core.errors import APIError


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Asks one URL; each question has a connection of its own, so threads and forks are no matter.

    Attributes:
        route: The way there.
        secrets: What must not be repeated.
        timeouts: For connecting, and for the whole answer, a refusal as well, from the first wait
            for its status to the last byte of its body; in s.
        longest: Bytes that are read of an answer at most.
        setting: The variable that holds the URL, for who has to correct it.
        clock: Gives the time in s.
        now: Gives the date, for a date in ``Retry-After``.
    """

    route: Route
    secrets: tuple[str, ...] = field(repr=False)
    timeouts: tuple[float, float]
    longest: int
    setting: str
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def ask(
        self, parameters: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[requests.Response, bytes]:
        """An answer 2xx, closed, and its body.

        Args:
            parameters: The members of the query string.
            headers: The credentials.

        Raises:
            APIError: There is no answer, a refusal, or no end of the answer.
        """
        longest_s = self.timeouts[1]
        reader = timed_reader(longest_s, clock=self.clock)
        with Session(self.route, read_timeout_s=longest_s, reader=reader) as session:
            try:
                response = session.fetch(parameters, headers, timeouts=self.timeouts)
            except (requests.RequestException, HTTPError, OSError) as problem:
                raise self._mapped(problem) from problem
            with response:
                if response.status_code not in SUCCESSES:
                    raise self._refusal(response)
                return response, self._receive(response)

    def _refusal(self, response: requests.Response) -> APIError:
        return map_response(
            response.status_code,
            response.headers,
            read_report_body(response.raw),
            sent="nothing",  # a question has no body, and costs nothing
            secrets=self.secrets,
            now=self.now(),
            setting=self.setting,
        )

    def _receive(self, response: requests.Response) -> bytes:
        place = shown_url(self.route.url)
        meter = Meter("download", response.raw.length_remaining, None)
        answer = receive(response.raw, meter=meter, longest=self.longest)
        if answer.failure is not None:
            error = self._mapped(answer.failure)
            if isinstance(error, APITimeoutError):
                seconds = f"{self.timeouts[1]:g} s"
                error = APITimeoutError(
                    f"The answer of {place} did not come to an end in {seconds}."
                )
            raise error from answer.failure
        if answer.too_long:
            message = (
                f"The answer of {place} is longer than {self.longest} bytes. Check {self.setting}."
            )
            raise APIResponseError(message)
        return answer.content

    def _mapped(self, problem: Exception) -> APIError:
        """The error of a question; nothing was sent or spent, whatever came of the answer."""
        if isinstance(problem, DecodeError):
            problem = requests.exceptions.ContentDecodingError(problem)
        error = map_exception(problem, sent="nothing", secrets=self.secrets)
        purge(problem, self.secrets)
        return error
