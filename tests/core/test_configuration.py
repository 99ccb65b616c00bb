from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import pytest
from core.settings import KEY, OTHER_KEY, settings
from hypothesis import given
from hypothesis import strategies as st

from rembg_plugins.core.configuration import Configuration, Setting, configure
from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.rate import Rate, parse_rate
from rembg_plugins.core.setting import SETTINGS

URL = "https://proxy.example/rmbg"

# Three good values for each setting, to tell three places apart.
VALUES = {
    "api_key": ("key-a", "key-b", "key-c"),
    "user_token": ("token-a", "token-b", "token-c"),
    "api_url": ("https://a.example", "https://b.example", "https://c.example"),
    "usage_url": ("https://a.example/u", "https://b.example/u", "https://c.example/u"),
    "engine": ("local", "api", "rembg:u2net"),
    "store": ("memory:", "file:/b", "file:/c"),
    "connect_timeout_s": ("1", "2", "3"),
    "read_timeout_s": ("4.5", "5.5", "6.5"),
    "call_timeout_s": ("7", "8", "9"),
    "rate": ("1/2", "3/4.5", "off"),
}


def test_every_setting_is_a_field_and_has_a_variable_of_its_own():
    assert [field.name for field in fields(Configuration)] == list(SETTINGS) == list(VALUES)
    assert len({info.variable for info in SETTINGS.values()}) == len(SETTINGS)


def test_nothing_set_gives_the_defaults():
    found = settings()
    assert {setting.origin for setting in vars_of(found).values()} == {"default"}
    assert found.api_url.value == "https://api.rembg.com/rmbg"
    assert found.api_key.value is None
    assert (found.connect_timeout_s.value, found.read_timeout_s.value) == (10, 120)
    assert found.call_timeout_s.value == 900
    assert found.rate.value == Rate(requests=200, seconds=10)


def vars_of(configuration):
    return {field.name: getattr(configuration, field.name) for field in fields(configuration)}


@pytest.mark.parametrize("name", VALUES)
def test_arguments_win_over_the_environment_and_that_over_dotenv(name, dotenv):
    first, second, third = VALUES[name]
    variable = SETTINGS[name].variable
    path = dotenv(**{variable: third})
    environ = {variable: second}
    typed = parse_rate if name == "rate" else float if name.endswith("_s") else str

    def found(**places):
        setting = getattr(settings(**places), name)
        return setting.value, setting.origin

    assert found(dotenv=path) == (typed(third), str(path))
    assert found(dotenv=path, environ=environ) == (typed(second), "environment")
    argument = {name: typed(first)}
    assert found(dotenv=path, environ=environ, **argument) == (typed(first), "argument")


@pytest.mark.parametrize("empty", ["", " ", "\t\n"], ids=repr)
@pytest.mark.parametrize("name", VALUES)
def test_empty_text_counts_as_not_set(name, empty, dotenv):
    variable = SETTINGS[name].variable
    path = dotenv(**{variable: VALUES[name][0]})
    setting = getattr(settings(environ={variable: empty}, dotenv=path, **{name: empty}), name)
    assert setting.origin == str(path)


def test_a_name_alone_in_dotenv_is_not_set(dotenv):
    assert settings(dotenv=dotenv("REMBG_API_KEY\n")).api_key.value is None


def test_blanks_around_a_value_are_no_part_of_it():
    assert settings({"REMBG_API_KEY": f" {KEY}\n"}).api_key.value == KEY


def test_the_environment_of_the_process_is_read_when_asked(monkeypatch):
    monkeypatch.setenv("REMBG_STORE", "memory:")
    assert configure().store == Setting("memory:", "environment")
    monkeypatch.delenv("REMBG_STORE")
    assert configure().store.origin == "default"


def test_equal_settings_have_equal_hashes_and_others_do_not():
    one, two = (settings({"REMBG_API_KEY": KEY}) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
    assert one != settings({"REMBG_API_KEY": OTHER_KEY})
    assert one != settings(api_key=KEY)  # the origin counts: doctor prints it


def test_an_unknown_setting_is_a_mistake_of_the_programmer():
    with pytest.raises(TypeError, match="colour"):
        configure(colour="red")


# --- .env -----------------------------------------------------------------------------------


def test_dotenv_is_only_read_when_named(tmp_path, monkeypatch, dotenv):
    dotenv(REMBG_API_KEY=KEY)
    monkeypatch.chdir(tmp_path)
    assert settings().api_key.value is None
    found = settings(dotenv=Path(".env")).api_key
    assert (found.value, found.origin) == (KEY, str(tmp_path / ".env"))


def test_dotenv_leaves_the_environment_alone(dotenv):
    before = dict(os.environ)
    settings(dotenv=dotenv(REMBG_API_KEY=KEY, HTTPS_PROXY="http://evil.example"))
    assert dict(os.environ) == before


def test_dotenv_does_not_read_the_environment_into_a_value(dotenv, monkeypatch):
    monkeypatch.setenv("SECRET_OF_MINE", "hunter2")
    path = dotenv(REMBG_API_URL="https://evil.example/${SECRET_OF_MINE}")
    assert "hunter2" not in str(settings(dotenv=path).api_url.value)


def test_the_usual_spellings_of_dotenv_are_understood(dotenv):
    text = f"\ufeffexport REMBG_API_KEY='{KEY}' # comment\n# mine\nREMBG_ENGINE = \"api\"\n"
    found = settings(dotenv=dotenv(text))
    assert (found.api_key.value, found.engine.value) == (KEY, "api")


@pytest.mark.parametrize("kind", ["absent", "folder"])
def test_no_dotenv_file_is_no_mistake(kind, tmp_path):
    path = tmp_path / ".env"
    if kind == "folder":  # as some name their virtual environment
        path.mkdir()
    assert settings(dotenv=path).api_key.origin == "default"


@pytest.mark.parametrize("content", [b"\xff\xfeR\x00E\x00", b"REMBG_API_KEY=\xe9"], ids=repr)
def test_a_dotenv_that_is_no_text_is_named(content, tmp_path):
    path = tmp_path / ".env"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="not UTF-8") as caught:
        settings(dotenv=path)
    assert str(path) in str(caught.value)


def test_a_malformed_line_of_dotenv_is_left_out_with_a_message(dotenv, caplog):
    path = dotenv(f"REMBG_STORE='never closed\nREMBG_API_KEY={KEY}\n")
    found = settings(dotenv=path)
    assert found.api_key.value == KEY
    assert found.store.value is None
    assert "line 1" in caplog.text


@given(content=st.binary(max_size=200))
def test_no_bytes_in_dotenv_make_a_crash(content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.env"
    path.write_bytes(content)
    try:
        settings(dotenv=path)
    except ConfigurationError as error:
        assert str(path) in str(error) or "REMBG_" in str(error)


# --- numbers --------------------------------------------------------------------------------

BAD_SECONDS = ["0", "-1", "abc", "nan", "inf", "1_0", "86401", "1e999", "10 s"]


@pytest.mark.parametrize("name", ["connect_timeout_s", "read_timeout_s", "call_timeout_s"])
@pytest.mark.parametrize("bad", BAD_SECONDS)
def test_a_bad_number_is_named_with_its_value_and_a_remedy(name, bad):
    variable = SETTINGS[name].variable
    with pytest.raises(ConfigurationError) as caught:
        settings({variable: bad})
    text = str(caught.value)
    assert f"{variable} (from environment) is '{bad}'" in text
    assert f"as in {variable}={SETTINGS[name].default:.0f}" in text


@pytest.mark.parametrize("bad", [True, 0, -2.5, float("nan"), [1], 10**400], ids=str)
def test_a_bad_number_among_the_arguments_is_refused(bad):
    with pytest.raises(ConfigurationError, match="read_timeout_s"):
        settings(read_timeout_s=bad)


@given(seconds=st.floats(0, 86_400, exclude_min=True))
def test_good_seconds_are_read_exactly(seconds):
    found = settings({"REMBG_READ_TIMEOUT": repr(seconds)}, read_timeout_s=None)
    assert found.read_timeout_s.value == seconds


# --- the rate -------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["off", "OFF", " Off "])
def test_the_rate_can_be_off(text):
    found = settings({"REMBG_RATE": text}).rate
    assert (found.value, found.shown, found.origin) == (None, "off", "environment")


def test_a_rate_may_be_an_argument_and_is_shown_as_it_is_written():
    found = settings({"REMBG_RATE": "off"}, rate=Rate(requests=5, seconds=1)).rate
    assert (found.value, found.shown, found.origin) == (parse_rate("5/1"), "5/1", "argument")


@pytest.mark.parametrize("bad", ["fast", "200", "0/10", "200/0", "10001/1", "1/86401", "-1/10"])
def test_a_bad_rate_is_named_with_its_value_and_the_form(bad):
    with pytest.raises(ConfigurationError) as caught:
        settings({"REMBG_RATE": bad})
    text = str(caught.value)
    assert text.startswith(f"REMBG_RATE (from environment) is '{bad}': give REQUESTS/SECONDS, as")
    assert "as in 200/10" in text
    assert "or 'off'" in text


@pytest.mark.parametrize("bad", [True, 200, 2.5, [1], object], ids=str)
def test_a_bad_rate_among_the_arguments_is_refused(bad):
    with pytest.raises(ConfigurationError, match=r"^rate \(from the argument\)"):
        settings(rate=bad)


@pytest.mark.parametrize(
    ("name", "value"),
    [("engine", 5), ("api_key", b"0123456789abcdef"), ("api_url", 1.5), ("store", {})],
)
def test_an_argument_that_is_no_text_is_named_without_its_value(name, value):
    with pytest.raises(ConfigurationError) as caught:
        configure(environ={}, **{name: value})
    assert (
        str(caught.value)
        == f"{name} (from the argument) must be text, not of type {type(value).__name__}."
    )
