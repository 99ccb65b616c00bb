"""The exceptions that leave this package.

::

    RembgError
    ├── ValidationError (ValueError)
    ├── ConfigurationError
    ├── CutoutPendingError
    ├── SpendingError
    └── APIError
        ├── APIConnectionError
        │   └── APITimeoutError
        ├── ConnectionSetupError
        ├── APIStatusError
        │   ├── BadRequestError                 400
        │   │   ├── InvalidRequestError         (+ ValidationError)
        │   │   └── ConflictingCredentialsError (+ ConfigurationError)
        │   ├── AuthenticationError             401
        │   ├── PaymentRequiredError            402
        │   ├── PermissionDeniedError           403
        │   │   └── EmailNotVerifiedError
        │   ├── EndpointError                   3xx, 404, 405 (+ ConfigurationError)
        │   ├── RequestTooLargeError            413
        │   ├── RateLimitError                  429
        │   │   └── QuotaExceededError
        │   │       ├── DailyQuotaError
        │   │       └── MonthlyQuotaError
        │   └── InternalServerError             5xx
        └── APIResponseError                    200, unusable
            ├── NotAnImageError
            └── DownscaledResultError

What a class means to a command line, to HTTP, to a form or to a watcher stands in
:mod:`rembg_plugins.core.outcomes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rembg_plugins.core.result import Result

Sent = Literal["nothing", "part", "all"]
"""How much of the request's body left this machine, counted by the object that streams it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One thing that is wrong with one field of a request.

    Attributes:
        field: The API's name of the field (``image``, ``w``, ...), or None for the whole request.
        message: One sentence; where the API documents a text, that text.
        code: A short, stable name of the problem, for programs: ``too_wide``.
    """

    field: str | None
    message: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseInfo:
    """What is kept of an HTTP answer that was an error.

    Attributes:
        status: The HTTP status.
        body: The first 2 kB of the body as text, with the key scrubbed out of it.
        content_type: The ``Content-Type`` header, or an empty string.
        retry_after: What ``Retry-After`` asks for, in s; None where absent or nonsense.
    """

    status: int
    body: str = ""
    content_type: str = ""
    retry_after: float | None = None


class RembgError(Exception):
    """Every error that this package raises on purpose.

    All classes are made alike, so that they combine and pickle: a message, then keywords that
    all have defaults.

    Attributes:
        errors: The single problems, where there are several or where they belong to fields.
        sent: How much of the request's body left this machine.
        billed: Whether a credit was spent: True, False, or None where nobody can know.
        response: What is kept of the HTTP answer, if there was one.
        result: The answer's bytes, where the API answered 200 with something unusable.
        final: True where the same request cannot succeed now, whatever its status says:
            a refused certificate, a spent daily or monthly quota.
    """

    def __init__(
        self,
        message: str = "",
        *,
        errors: Iterable[FieldError] = (),
        sent: Sent = "nothing",
        billed: bool | None = False,
        response: ResponseInfo | None = None,
        result: Result | None = None,
        final: bool = False,
    ) -> None:
        """Keep what is known about the failure."""
        super().__init__(message)
        self.errors: tuple[FieldError, ...] = tuple(errors)
        self.sent: Sent = sent
        self.billed = billed
        self.response = response
        self.result = result
        self.final = final

    @property
    def message(self) -> str:
        """The sentence that ``str(error)`` gives."""
        return str(self.args[0])

    @property
    def status(self) -> int | None:
        """The HTTP status of the answer, or None where there was none."""
        return None if self.response is None else self.response.status


class ValidationError(RembgError, ValueError):
    """The picture or the options break a rule; ``errors`` names each field that does.

    Raised before anything is sent or spent.
    """

    def __init__(self, message: str = "", **context: object) -> None:
        """Make the message of the single errors where none is given."""
        super().__init__(message, **context)  # type: ignore[arg-type]  # the keywords of RembgError
        if not message and self.errors:
            self.args = (" ".join(_sentence(error.message) for error in self.errors),)


class ConfigurationError(RembgError):
    """The set-up is wrong: no key, an unknown engine, a bad URL."""


class CutoutPendingError(RembgError):
    """The cut-out is not there yet: it is being made, or waits for its turn or for a person."""


class SpendingError(RembgError):
    """A rule of this site forbids the call: its budget, or the attempts for one picture."""


class APIError(RembgError):
    """The hosted API could not be used, or refused; see ``sent`` and ``billed``."""


class APIConnectionError(APIError):
    """No answer came: refused, reset, or not resolved."""


class APITimeoutError(APIConnectionError):
    """No answer came in time."""


class ConnectionSetupError(APIError):
    """The connection cannot be made as configured: TLS verification or the proxy refused."""


class APIStatusError(APIError):
    """The API answered with a status other than 200."""


class BadRequestError(APIStatusError):
    """400: the API refuses the request."""


class InvalidRequestError(BadRequestError, ValidationError):
    """400 with field errors: the API refuses the picture or an option."""


class ConflictingCredentialsError(BadRequestError, ConfigurationError):
    """400: an API key and a user token were sent together."""


class AuthenticationError(APIStatusError):
    """401: the API does not know the key."""


class PaymentRequiredError(APIStatusError):
    """402: no credits are left."""


class PermissionDeniedError(APIStatusError):
    """403: the key may not do this."""


class EmailNotVerifiedError(PermissionDeniedError):
    """403: the account's e-mail address is not verified."""


class EndpointError(APIStatusError, ConfigurationError):
    """3xx, 404 or 405: the configured URL is not the API's."""


class RequestTooLargeError(APIStatusError):
    """413: the API, or a proxy before it, refuses the size of the upload."""


class RateLimitError(APIStatusError):
    """429: too many requests in a short time."""


class QuotaExceededError(RateLimitError):
    """429: a limit that does not pass within minutes."""


class DailyQuotaError(QuotaExceededError):
    """429: the daily limit of the anonymous tier is used up."""


class MonthlyQuotaError(QuotaExceededError):
    """429: the credits of the month are used up."""


class InternalServerError(APIStatusError):
    """5xx: the API, or a proxy before it, failed."""


class APIResponseError(APIError):
    """200, but the answer cannot be used; ``result`` holds its bytes."""


class NotAnImageError(APIResponseError):
    """200, but the answer is no picture, or a picture that was cut short."""


class DownscaledResultError(APIResponseError):
    """200, but the picture was shrunk to 460 × 460 px, as for an account without credits.

    Source: seen by users of the API in production; not documented.
    """


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
