"""Credits, keys and limits, as a caller meets them."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from rembg_plugins.core.rate import Rate

MONTHLY = "You've reached your monthly limit. Consider purchasing more credits."


def image_of(response):
    assert response.status_code == 200, response.text
    return Image.open(io.BytesIO(response.content))


def usage(sandbox, **options):
    return sandbox.get("/api/membership-usage", **{"expand": "billing_cycle", **options}).json()


def left(sandbox):
    cycle = usage(sandbox)["billingCycle"]
    return cycle["remainingIncludedCredits"], cycle["prepaidCredits"]


def test_included_credits_go_before_prepaid_ones_and_then_there_are_none(start, picture):
    sandbox = start(credits=2)
    sandbox.control("accounts", {"key": "sandbox-key", "prepaid": 1})
    seen = [left(sandbox)]
    for _ in range(3):
        assert sandbox.post(picture).status_code == 200
        seen.append(left(sandbox))
    assert seen == [(2, 1), (1, 1), (0, 1), (0, 0)]
    response = sandbox.post(picture)
    assert (response.status_code, response.json()["error"]) == (429, MONTHLY)
    assert left(sandbox) == (0, 0)
    assert usage(sandbox)["api_usage"] == 3
    assert usage(sandbox)["billingCycle"]["apiUsage"] == 2  # prepaid use is not in it


def test_the_renewal_brings_the_included_credits_back_and_leaves_the_prepaid(start, picture):
    sandbox = start(credits=1)
    sandbox.control("accounts", {"key": "sandbox-key", "prepaid": 5})
    sandbox.post(picture)
    sandbox.post(picture)
    assert left(sandbox) == (0, 4)
    sandbox.clock.now = usage(sandbox)["billingCycle"]["periodEndUnix"] + 0.9
    assert left(sandbox) == (0, 4)
    sandbox.clock.now += 0.1
    assert left(sandbox) == (1, 4)


def test_a_refused_call_spends_nothing(start, picture):
    sandbox = start(credits=1)
    assert sandbox.post(picture, w="abc").status_code == 400
    assert sandbox.post(b"no picture").status_code == 400
    assert left(sandbox) == (1, 0)


def test_each_test_key_is_an_account_of_its_own(start, picture):
    sandbox = start(credits=1)
    assert sandbox.post(picture, key="sandbox-one").status_code == 200
    assert sandbox.post(picture, key="sandbox-one").status_code == 429
    assert sandbox.post(picture, key="sandbox-two").status_code == 200


def test_a_token_works_as_a_key_does(sandbox, picture):
    for token, status in (("sandbox-token", 200), ("sandbox-token-unverified", 403), ("x", 401)):
        headers = {"Authorization": f"Bearer {token}"}
        assert sandbox.post(picture, key=None, headers=headers).status_code == status
    for broken in ("Basic c2FuZGJveA==", "Bearer", "sandbox-token"):
        headers = {"Authorization": broken}
        assert sandbox.post(picture, key=None, headers=headers).status_code == 401


@pytest.mark.parametrize("key", [None, "sandbox-key-shrunken"])
@pytest.mark.parametrize(
    ("size", "options", "expected"),
    [
        ((1000, 500), {}, (460, 230)),
        ((500, 1000), {"format": "png"}, (230, 460)),
        ((300, 200), {}, (300, 200)),
        ((1000, 500), {"w": "2000", "h": "2000", "exact_resize": "true"}, (460, 460)),
        ((1000, 500), {"w": "100"}, (100, 50)),
        ((1000, 500), {"mask": "true", "format": "PNG"}, (460, 230)),
    ],
)
def test_the_free_tier_and_the_shrunken_key_get_460_px(
    sandbox, encode, key, size, options, expected
):
    response = sandbox.post(encode(size), key=key, **options)
    image = image_of(response)
    assert image.size == expected
    assert image.format == options.get("format", "webp").upper()
    assert sandbox.calls[0]["billed"] is False


def test_the_anonymous_tier_has_a_limit_a_day_in_utc(start, picture):
    sandbox = start(anonymous_a_day=2)
    assert [sandbox.post(picture, key=None).status_code for _ in range(3)] == [200, 200, 429]
    sandbox.clock.now += 12 * 3600 - 1  # a second before midnight
    assert sandbox.post(picture, key=None).status_code == 429
    sandbox.clock.now += 1
    assert sandbox.post(picture, key=None).status_code == 200


def test_the_short_term_limit_is_each_accounts_own_and_says_how_long(start, picture):
    sandbox = start(rate=Rate(requests=2, seconds=10))
    sandbox.post(picture)
    sandbox.clock.now += 3.5
    sandbox.post(picture)
    refused = sandbox.post(picture)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
    assert sandbox.post(picture, key="sandbox-two").status_code == 200
    sandbox.clock.now += 6.5
    assert sandbox.post(picture).status_code == 200
    assert sandbox.post(picture).status_code == 429


def test_credits_are_never_overdrawn_by_calls_at_the_same_time(start, picture):
    from concurrent.futures import ThreadPoolExecutor

    sandbox = start(credits=5)
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: sandbox.post(picture).status_code, range(16)))
    assert sorted(statuses) == [200] * 5 + [429] * 11
    assert left(sandbox) == (0, 0)


def test_an_account_can_be_put_into_any_state(sandbox, picture):
    change = {"key": "sandbox-key-empty", "included": 3, "app_usage": 1, "membership": "Premium"}
    assert sandbox.control("accounts", change).json() == {
        "account": "sandbox-key-empty",
        "state": "empty",
    }
    assert sandbox.post(picture, key="sandbox-key-empty").status_code == 200
    found = usage(sandbox, key="sandbox-key-empty")
    assert (found["membership"], found["credits"]) == ("Premium", 3)
    assert found["billingCycle"]["remainingIncludedCredits"] == 1


def test_reset_forgets_everything(start, picture):
    sandbox = start(credits=1)
    sandbox.post(picture)
    sandbox.fault("never", times=9)
    sandbox.control("reset")
    assert sandbox.calls == []
    assert left(sandbox) == (1, 0)
    assert sandbox.post(picture).status_code == 200
