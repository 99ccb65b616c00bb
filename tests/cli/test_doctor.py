from __future__ import annotations

import pytest

from rembg_plugins.core.errors import APITimeoutError, AuthenticationError
from rembg_plugins.core.setting import SETTINGS

KEY = "0123456789abcdefWXYZ"


def lines(done):
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


def test_every_setting_is_shown_with_its_origin_and_the_key_is_masked(run, monkeypatch, folder):
    monkeypatch.setenv("REMBG_API_KEY", KEY)
    (folder / ".env").write_text("REMBG_READ_TIMEOUT=7\n")
    done = run("doctor")
    assert done.exit_code == 0
    shown = lines(done)
    assert "REMBG_API_KEY ****WXYZ (environment)" in shown
    assert f"REMBG_READ_TIMEOUT 7 ({folder / '.env'})" in shown
    assert "REMBG_API_URL https://api.rembg.com/rmbg (default)" in shown
    for info in SETTINGS.values():
        assert any(line.startswith(info.variable) for line in shown)
    assert KEY not in done.output
    assert "The engine to be used is api (chosen by what is there)." in shown


def test_engines_say_whether_they_would_work_and_why_not(run, paid, monkeypatch):
    monkeypatch.setattr("rembg_plugins.engines.find_spec", lambda name: None)
    shown = lines(run("doctor"))
    assert "paid can work: For tests: paid." in shown
    assert any(line.startswith("local cannot work here: onnxruntime and numpy") for line in shown)
    assert any(line.startswith("api can work without a key") for line in shown)
    assert any(line.startswith("local The engine 'local' cannot work here") for line in shown)


def test_an_engine_that_cannot_be_made_says_why(run, plugin):
    def offer(register):
        def make(configuration, variant):
            raise OSError("no such\nmodel")

        register("odd", make)

    plugin(rembg_register_engines=offer)
    assert "odd cannot work here: OSError: no such\\nmodel" in lines(run("doctor"))


def test_the_embedded_engine_is_tried(run):
    pytest.importorskip("onnxruntime")
    assert "local works: PNG, 64 × 64 px" in lines(run("doctor"))


def test_nothing_is_spent_unless_asked_for(run, paid, monkeypatch):
    monkeypatch.setenv("REMBG_ENGINE", "paid")
    done = run("doctor")
    assert done.exit_code == 0
    assert paid.calls == []
    assert "The engine to be used is paid (from environment)." in lines(done)
    assert "Nothing was sent; --spend makes one real call on this engine." in lines(done)
    done = run("doctor", "--spend")
    assert paid.calls == [(64, 64)]
    assert "A real call worked: works: PNG, 64 × 64 px; 1 credit was spent." in lines(done)


def test_a_real_call_goes_past_the_store_and_is_never_repeated(run, paid, monkeypatch):
    monkeypatch.setenv("REMBG_ENGINE", "paid")
    monkeypatch.setenv("REMBG_STORE", "file:cutouts")
    run("doctor", "--spend")
    run("doctor", "--spend")
    assert len(paid.calls) == 2
    paid.script = {"each": APITimeoutError("lost", sent="all", billed=None)}
    done = run("doctor", "--spend")
    assert done.exit_code == 69
    assert "1 credit may have been spent." in done.stderr
    assert len(paid.calls) == 3


def test_a_refused_key_ends_with_its_code(run, paid, monkeypatch):
    monkeypatch.setenv("REMBG_ENGINE", "paid")
    paid.script = {1: AuthenticationError("unknown key")}
    done = run("doctor", "--spend")
    assert done.exit_code == 77
    assert "Error: unknown key" in done.stderr
    assert "credit" not in done.stderr


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"REMBG_ENGINE": "lokal"}, "There is no engine 'lokal'"),
        ({"REMBG_API_KEY": KEY, "REMBG_USER_TOKEN": "t" * 20}, "both API key and user token"),
        ({"REMBG_READ_TIMEOUT": "soon"}, "REMBG_READ_TIMEOUT (from environment) is 'soon'"),
        ({"REMBG_STORE": "ftp:x"}, "There is no store 'ftp:x'"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_told_after_all_settings_and_fails(run, monkeypatch, settings, text):
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    done = run("doctor")
    assert done.exit_code == 78
    assert text in done.stderr
    assert any(line.startswith("REMBG_CONNECT_TIMEOUT") for line in lines(done))
    assert KEY not in done.output


def test_without_any_engine_it_fails_and_names_both_ways(run, monkeypatch):
    monkeypatch.setattr("rembg_plugins.engines.find_spec", lambda name: None)
    done = run("doctor")
    assert done.exit_code == 78
    assert "REMBG_API_KEY" in done.stderr
    assert "pip install 'rembg-plugins[local]'" in done.stderr
