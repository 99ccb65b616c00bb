from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from rembg_plugins import Retry, errors, remove
from rembg_plugins.sandbox import calls
from rembg_plugins.testing import Call, Sandbox

PHOTO = Path(__file__).parents[2] / "docs" / "images" / "rocket.jpg"


def test_a_call_tells_what_was_sent(rembg_sandbox):
    remove(PHOTO, format="PNG", w=20, angle=90)
    (call,) = rembg_sandbox.calls
    assert (call.id, call.endpoint, call.account) == (1, "/rmbg", rembg_sandbox.key)
    assert (call.filename, call.length) == ("rocket.jpg", PHOTO.stat().st_size)
    assert call.sha256 == hashlib.sha256(PHOTO.read_bytes()).hexdigest()
    assert {"format": "PNG", "w": "20"}.items() <= call.fields.items()
    assert (call.status, call.billed, call.fault) == (200, True, None)
    with pytest.raises(FrozenInstanceError):
        call.billed = False


def test_a_call_has_the_members_that_the_sandbox_keeps():
    listed = calls.Calls().begin("/rmbg", 0.0).listed()
    theirs = [(field.name, field.type) for field in fields(calls.Call) if field.name in listed]
    ours = [(field.name, field.type.replace("Mapping[", "dict[")) for field in fields(Call)]
    assert ours == theirs


def test_members_of_a_call_that_are_not_known_are_left_out():
    call = Call.of({"id": 1, "at": 2.0, "endpoint": "/rmbg", "shoe_size": 44})
    assert (call.id, call.endpoint, call.sha256) == (1, "/rmbg", None)


def test_a_fault_stands_in_the_way_once(rembg_sandbox):
    rembg_sandbox.faults("status", status=429, error="monthly_limit")
    with pytest.raises(errors.MonthlyQuotaError):
        remove(PHOTO)
    assert remove(PHOTO).billed
    assert [call.fault for call in rembg_sandbox.calls] == ["status", None]


def test_a_lost_answer_that_was_billed_shows_what_a_repeat_costs(rembg_sandbox):
    rembg_sandbox.faults("reset", when="after", billed=True)
    result = remove(PHOTO, retry=Retry(base_s=0.01))
    (times,) = rembg_sandbox.billed.values()
    assert (result.billed, times) == (True, 2)


def test_an_account_without_credits_is_made(rembg_sandbox):
    rembg_sandbox.account(included=1)
    remove(PHOTO)
    with pytest.raises(errors.APIStatusError):
        remove(PHOTO)
    rembg_sandbox.account(prepaid=1)
    assert remove(PHOTO).billed


@pytest.mark.parametrize(
    "mistake",
    [
        lambda sandbox: sandbox.faults("earthquake"),
        lambda sandbox: sandbox.faults("status", state=503),
        lambda sandbox: sandbox.account(shoe_size=44),
        lambda sandbox: sandbox.account(included=-1),
    ],
    ids=["kind", "member", "account", "value"],
)
def test_what_the_sandbox_does_not_know_is_refused(mistake, rembg_sandbox):
    with pytest.raises(ValueError, match="The sandbox does not take that"):
        mistake(rembg_sandbox)


def test_reset_forgets_calls_and_faults(rembg_sandbox):
    remove(PHOTO)
    rembg_sandbox.faults("status", status=401)
    rembg_sandbox.reset()
    assert (rembg_sandbox.calls, rembg_sandbox.billed) == ((), {})
    assert remove(PHOTO).billed


def test_a_program_of_the_test_uses_it_by_the_environment(rembg_sandbox, monkeypatch):
    environment = {**rembg_sandbox.environment, "PYTHONPATH": str(PHOTO.parents[2])}
    code = f"from rembg_plugins import remove; remove({str(PHOTO)!r})"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert len(rembg_sandbox.billed) == 1


def test_a_proxy_of_the_environment_is_passed_by(rembg_sandbox, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    sandbox = Sandbox(rembg_sandbox.url, key="sandbox-key")
    assert sandbox.calls == (), repr(sandbox)
