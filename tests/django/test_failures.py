from __future__ import annotations

import json

import pytest
from core.kept import key

from rembg_plugins.core import errors
from rembg_plugins.core.errors import FieldError, ResponseInfo, ValidationError
from rembg_plugins.core.outcomes import outcome
from rembg_plugins.django import cutouts
from rembg_plugins.django.failures import Failures

pytestmark = pytest.mark.django_db


class Clock:
    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def failures(site, clock):
    """Makes what an engine has for failures; each as in a process of its own."""

    def make(engine="api"):
        return Failures(cutouts.store(), engine=engine, now=clock)

    return make


def answer(status, retry_after=None):
    return ResponseInfo(status=status, retry_after=retry_after)


def concerns(make, number=1):
    """What is raised for a picture, in another process."""
    try:
        make().check(key(number))
    except errors.RembgError as error:
        return type(error)
    return None


@pytest.mark.parametrize(
    "cls",
    [one for one in vars(errors).values() if isinstance(one, type)
     and issubclass(one, errors.RembgError)],
    ids=lambda cls: cls.__name__,
)  # fmt: skip
def test_each_failure_is_remembered_for_the_time_in_the_table(failures, clock, cls):
    failures().remember(key(1), cls("That went wrong.", sent="all"))
    remember_s = outcome(cls).remember_s
    assert concerns(failures) is (cls if remember_s else None)
    clock.now += max(0, remember_s - 0.5)
    assert concerns(failures) is (cls if remember_s else None)
    clock.now += 0.5
    assert concerns(failures) is None


@pytest.mark.parametrize(
    ("error", "all_"),
    [
        (errors.AuthenticationError("no", response=answer(401)), True),
        (errors.PaymentRequiredError("no", response=answer(402)), True),
        (errors.PermissionDeniedError("no", response=answer(403)), True),
        (errors.RateLimitError("no", response=answer(429)), True),
        (errors.MonthlyQuotaError("no", response=answer(429)), True),
        (errors.EndpointError("no", response=answer(404)), True),
        (errors.APIConnectionError("refused", sent="nothing"), True),
        (errors.InternalServerError("busy", response=answer(503)), True),
        (errors.APITimeoutError("slow", sent="all"), True),
        (errors.APIConnectionError("reset", sent="part"), False),
        (errors.InternalServerError("oops", response=answer(500)), True),
        (errors.InvalidRequestError("bad", response=answer(400)), False),
        (errors.NotAnImageError("what"), False),
    ],
    ids=lambda value: f"{type(value).__name__}-{value}" if value not in {True, False} else None,
)
def test_what_would_happen_to_all_pictures_is_remembered_for_all(failures, error, all_):
    failures().remember(key(1), error)
    assert concerns(failures, 1) is type(error)
    assert concerns(failures, 2) is (type(error) if all_ else None)


def test_it_is_raised_as_it_was_but_as_nothing_sent(failures):
    problem = FieldError(field="image", message="Too dark.", code="too_dark")
    error = errors.InvalidRequestError(
        "Too dark.", errors=[problem], sent="all", billed=None, response=answer(400), final=True
    )
    failures().remember(key(1), error)
    with pytest.raises(errors.InvalidRequestError, match=r"^Too dark\.$") as caught:
        failures().check(key(1))
    raised = caught.value
    assert isinstance(raised, ValidationError)
    assert (raised.errors, raised.final) == ((problem,), True)
    assert (raised.sent, raised.billed, raised.response) == ("nothing", False, None)


@pytest.mark.parametrize(
    ("retry_after", "seconds"), [(None, 10), (3.0, 10), (45.0, 45), (10.0**9, 86_400)]
)
def test_the_api_may_ask_for_more_time(failures, clock, retry_after, seconds):
    error = errors.RateLimitError("slow", response=answer(429, retry_after))
    failures().remember(key(1), error)
    clock.now += seconds - 0.5
    assert concerns(failures) is errors.RateLimitError
    clock.now += 0.5
    assert concerns(failures) is None


def test_another_engine_and_another_account_are_not_kept_from_trying(failures):
    failures("api 1 account").remember(key(1), errors.PaymentRequiredError("no"))
    failures("local 1").check(key(1))
    failures("api 1 another").check(key(1))
    with pytest.raises(errors.PaymentRequiredError):
        failures("api 1 account").check(key(2))


def test_a_person_can_have_it_tried_again(failures):
    failures().remember(key(1), errors.PaymentRequiredError("no"))
    failures().remember(key(1), errors.NotAnImageError("what"))
    failures().forget(key(1))
    failures().forget(key(1))
    assert concerns(failures) is None


def test_an_error_of_a_plugin_s_own_is_remembered_as_what_it_comes_from(failures):
    class BrokeError(errors.PaymentRequiredError):
        pass

    failures().remember(key(1), BrokeError("no"))
    assert concerns(failures) is errors.PaymentRequiredError


GOOD = {"class": "APIError", "message": "x", "errors": [], "until": 1_800_000_060.0}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\x00",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        *(json.dumps({**GOOD, **change}).encode()
          for change in (
              {"class": "annotations"}, {"class": "Literal"}, {"class": "FieldError"},
              {"class": "__name__"}, {"class": 7}, {"class": []}, {"until": "soon"},
              {"until": None}, {"until": 10.0**300}, {"errors": 7}, {"errors": [{"a": 1}]},
              {"errors": ["x"]},
          )),
        json.dumps(GOOD).replace("1800000060.0", "NaN").encode(),
    ],
)  # fmt: skip
def test_a_damaged_one_is_none(failures, content):
    failures().remember(key(1), errors.APIError("x"))
    (name,) = cutouts.store().storage.listdir("failures/00")[1]
    cutouts.store().write(f"failures/00/{name}", content)
    assert concerns(failures) is None
    failures().remember(key(1), errors.APIError("x"))
    assert concerns(failures) is errors.APIError


def test_one_that_cannot_be_kept_or_read_does_no_harm(failures, tmp_path, caplog):
    (tmp_path / "cutouts").mkdir()
    (tmp_path / "cutouts" / "failures").write_text("in the way")
    failures().remember(key(1), errors.APIError("x"))
    assert concerns(failures) is None
    assert "Cannot keep" in caplog.text
    assert "Cannot read" in caplog.text
