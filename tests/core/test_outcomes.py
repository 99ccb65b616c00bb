from __future__ import annotations

import inspect

import pytest

from rembg_plugins.core import errors
from rembg_plugins.core.errors import RembgError
from rembg_plugins.core.outcomes import OUTCOMES, outcome

CLASSES = [
    cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, RembgError)
]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_has_a_row_of_its_own(cls):
    assert cls in OUTCOMES
    row = outcome(cls("text"))
    assert row is outcome(cls) is OUTCOMES[cls]
    assert row.remedy.endswith(".")
    assert row.exit_code in {65, 69, 70, 75, 76, 77, 78}
    assert 400 <= row.http_status < 600


def test_a_subclass_of_somebody_else_takes_its_parents_row():
    class MyQuota(errors.MonthlyQuotaError):
        pass

    assert outcome(MyQuota()) is OUTCOMES[errors.MonthlyQuotaError]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FileExistsError(), 73),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError(), 70),
        (MemoryError(), 70),
    ],
)
def test_what_is_no_error_of_ours_has_a_row_too(error, code):
    assert outcome(error).exit_code == code


def test_what_fails_for_every_picture_stops_or_parks():
    alike = [
        errors.AuthenticationError,
        errors.ConflictingCredentialsError,
        errors.DailyQuotaError,
        errors.DownscaledResultError,
        errors.EmailNotVerifiedError,
        errors.EndpointError,
        errors.MonthlyQuotaError,
        errors.PaymentRequiredError,
        errors.RateLimitError,
    ]
    assert all(outcome(cls).watcher in {"stop", "park"} for cls in alike)
    single = [errors.ValidationError, errors.InvalidRequestError, errors.RequestTooLargeError]
    assert all(outcome(cls).watcher == "fail" for cls in single)
