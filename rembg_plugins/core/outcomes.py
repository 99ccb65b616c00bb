"""What each class of error means: to a command line, to HTTP, to a form, to a watcher.

The one table of its kind. :func:`outcome` walks the class's MRO; the first class with a row
wins, hence every class that has two parents among the errors has a row of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rembg_plugins.core import errors

WatcherAction = Literal["retry", "park", "fail", "stop"]
"""Try the file again, hold the queue for a while, give the file up, or stop sending."""

EXIT_OK = 0
EXIT_SOME_FAILED = 1
EXIT_USAGE = 2
EXIT_WORK_LEFT = 3  # pictures wait for a person, or for another run
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an error means outside.

    Attributes:
        exit_code: For a command that it stopped; the numbers of ``sysexits.h``.
        http_status: For a web server that has to answer for it.
        form_code: The error's code in a form.
        remember_s: For how many seconds a failure may be answered from memory, in s.
        watcher: What a folder watcher does.
        remedy: What the user can do, one sentence.
    """

    exit_code: int
    http_status: int
    form_code: str
    remember_s: int
    watcher: WatcherAction
    remedy: str


def outcome(error: BaseException | type[BaseException]) -> Outcome:
    """The row of an error, or of a class of errors.

    Args:
        error: Anything that can be raised; what is no error of ours is a bug, or an ``OSError``.
    """
    cls = error if isinstance(error, type) else type(error)
    return next(OUTCOMES[base] for base in cls.__mro__ if base in OUTCOMES)


def _row(  # noqa: PLR0917 - the columns of the table below, in their order
    exit_code: int,
    http_status: int,
    form_code: str,
    remember_s: int,
    watcher: WatcherAction,
    remedy: str,
) -> Outcome:
    return Outcome(
        exit_code=exit_code,
        http_status=http_status,
        form_code=form_code,
        remember_s=remember_s,
        watcher=watcher,
        remedy=remedy,
    )


_DAY = 86_400
_SUPPORT = "If it lasts, write to the support of the API."
_CREDITS = "Buy credits or wait for the renewal; pictures that failed so far cost nothing."

OUTCOMES: dict[type[BaseException], Outcome] = {
    errors.ValidationError: _row(
        65, 400, "invalid", _DAY, "fail", "Mend what the message names; nothing was sent."
    ),
    errors.ConfigurationError: _row(
        78, 500, "configuration", 60, "stop", "See `rembg-plugins doctor` for every setting."
    ),
    errors.CutoutPendingError: _row(
        75, 503, "pending", 0, "retry", "Wait until it is made; nothing was sent."
    ),
    errors.SpendingError: _row(
        75, 503, "budget", 0, "park", "Raise the budget, or wait until it begins anew."
    ),
    errors.APIError: _row(69, 502, "unavailable", 60, "retry", _SUPPORT),
    errors.APIConnectionError: _row(
        69, 503, "unavailable", 30, "retry", "Check the network, then try again."
    ),
    errors.APITimeoutError: _row(
        69,
        504,
        "timeout",
        30,
        "retry",
        "Try again later, or raise REMBG_READ_TIMEOUT or REMBG_CALL_TIMEOUT.",
    ),
    errors.ConnectionSetupError: _row(
        78, 502, "configuration", 60, "stop", "Check HTTPS_PROXY and the certificates in use."
    ),
    errors.APIStatusError: _row(76, 502, "refused", 60, "fail", _SUPPORT),
    errors.BadRequestError: _row(
        65, 400, "invalid", _DAY, "fail", "Mend what the message names; no credit was spent."
    ),
    errors.InvalidRequestError: _row(
        65, 400, "invalid", _DAY, "fail", "Mend what the message names; no credit was spent."
    ),
    errors.ConflictingCredentialsError: _row(
        78, 400, "configuration", 60, "stop", "Set REMBG_API_KEY or REMBG_USER_TOKEN, not both."
    ),
    errors.AuthenticationError: _row(
        77,
        401,
        "authentication",
        600,
        "stop",
        "Check REMBG_API_KEY; `rembg-plugins doctor` says where it comes from.",
    ),
    errors.PaymentRequiredError: _row(75, 402, "quota", 600, "park", _CREDITS),
    errors.PermissionDeniedError: _row(
        77, 403, "permission", 600, "stop", "Check what the account of this key may do."
    ),
    errors.EmailNotVerifiedError: _row(
        77,
        403,
        "email_not_verified",
        600,
        "stop",
        "Open the link in the message that the API sent to the account's address.",
    ),
    errors.EndpointError: _row(
        78,
        502,
        "configuration",
        60,
        "stop",
        "Check the URL that the message names; no redirect is followed.",
    ),
    errors.RequestTooLargeError: _row(
        65, 413, "too_large", _DAY, "fail", "Send a smaller file, or ask who runs the proxy."
    ),
    errors.RateLimitError: _row(
        75, 429, "rate_limit", 10, "park", "Wait, or use fewer jobs at once."
    ),
    errors.QuotaExceededError: _row(75, 429, "quota", 600, "park", _CREDITS),
    errors.DailyQuotaError: _row(
        75, 429, "quota", 3600, "park", "Set REMBG_API_KEY, or wait until tomorrow."
    ),
    errors.MonthlyQuotaError: _row(75, 429, "quota", 3600, "park", _CREDITS),
    errors.InternalServerError: _row(69, 502, "unavailable", 30, "retry", "Try again later."),
    errors.APIResponseError: _row(
        76, 502, "bad_answer", 60, "fail", "What was paid for is in the error's `result`."
    ),
    errors.NotAnImageError: _row(
        76, 502, "bad_answer", 60, "fail", "Check that REMBG_API_URL is the API's."
    ),
    errors.DownscaledResultError: _row(
        75,
        402,
        "quota",
        600,
        "stop",
        "The account has probably no credits left: buy some, or "
        "accept small pictures (accept_downscaled).",
    ),
    errors.RembgError: _row(70, 500, "error", 60, "fail", "Please report this."),
    OSError: _row(
        73, 500, "output", 10, "retry", "Check that the folder exists, is writable and has space."
    ),
    KeyboardInterrupt: _row(EXIT_INTERRUPTED, 503, "interrupted", 0, "stop", "Start it again."),
    BaseException: _row(70, 500, "error", 60, "fail", "This is a bug: please report it."),
}
