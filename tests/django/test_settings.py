from __future__ import annotations

import ast
import sys
from types import SimpleNamespace

import pytest

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.options import Options
from rembg_plugins.django.setting_values import Budget
from rembg_plugins.django.settings import SETTINGS, RembgSettings, current, read

KEY = "0123456789abcdef-of-tests"


def key_of_tests():
    """Give a key, as a site's own function does."""
    return KEY


def test_nothing_need_be_set(settings):
    settings.REMBG = {}
    assert current() == RembgSettings()
    assert (current().store, current().lock_cache, current().budget) == (
        "rembg",
        "default",
        Budget(),
    )


def test_a_changed_setting_is_read_again(settings):
    settings.REMBG = {"ENGINE": "local"}
    assert current().engine == "local"
    settings.REMBG = {"ENGINE": " offline "}
    assert current().engine == "offline"


def test_another_setting_changes_nothing(settings):
    before = current()
    settings.LANGUAGE_CODE = "de"
    assert current() is before


@pytest.mark.parametrize("name", SETTINGS)
def test_the_example_of_a_key_is_one_that_it_takes(name, settings, monkeypatch):
    module = "test_settings_of_a_shop"
    example = SETTINGS[name].example.replace('"shop.secrets.rembg_key"', f'"{module}.rembg_key"')
    example = example.replace('"shop.pictures.may_be_paid_for"', f'"{module}.may_be_paid_for"')
    example = example.replace('"shop.tasks.enqueue"', f'"{module}.enqueue"')
    monkeypatch.setitem(sys.modules, module, _shop())
    _, errors = read({name: ast.literal_eval(example)})
    assert errors == ()


def _shop():
    return SimpleNamespace(
        rembg_key=key_of_tests, may_be_paid_for=lambda picture: True, enqueue=print
    )


@pytest.mark.parametrize("name", SETTINGS)
def test_none_stands_for_not_given(name):
    found, errors = read({name: None})
    assert (found, errors) == (RembgSettings(), ())


@pytest.mark.parametrize("name", SETTINGS)
def test_no_key_takes_any_object(name):
    _, (error,) = read({name: object()})
    assert (error.field, error.code) == (name, "bad_value")
    assert error.message.startswith(f"REMBG[{name!r}]: give")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENGINE", " "),
        ("STORE", 5),
        ("LOCK_WAIT", -1),
        ("LOCK_WAIT", float("inf")),
        ("LOCK_WAIT", float("nan")),
        ("LOCK_WAIT", True),
        ("LOCK_WAIT", 10**400),
        ("TIMEOUT", 0),
        ("TIMEOUT", 86_401),
        ("TIMEOUT", "60"),
        ("TIMEOUT", 10**400),
        ("DEFER", 1),
        ("ON_ERROR", "ignore"),
        ("ON_ERROR", ["a"]),
        ("BUDGET", {"week": 5}),
        ("BUDGET", {"hour": -1}),
        ("BUDGET", {"hour": True}),
        ("BUDGET", {"day": 2.5}),
        ("BUDGET", {"day": 10**10}),
        ("AUTO", "nowhere.at_all"),
        ("AUTO", "json.nothing"),
        ("ENQUEUE", "nowhere.at_all"),
        ("ENQUEUE", 5),
        ("PROFILES", {"no name": {}}),
        ("PROFILES", {5: {}}),
        ("PROFILES", {"product": "PNG"}),
        ("PROFILES", {"product": {"w": -5}}),
        ("PROFILES", {"product": {"colour": "red"}}),
        ("API_KEY", "nowhere.at_all"),
        ("API_KEY", 5),
    ],
)
def test_a_value_that_cannot_be_is_refused(name, value):
    _, errors = read({name: value})
    assert [(error.field, error.code) for error in errors] == [(name, "bad_value")]


@pytest.mark.parametrize("name", [one for one in SETTINGS if one not in {"API_KEY", "API_URL"}])
def test_a_number_that_python_does_not_write_out_is_refused_like_any(name):
    _, (error,) = read({name: 10**5000})
    assert error.code == "bad_value"
    assert error.message.endswith("got: int.")


@pytest.mark.parametrize(
    "value", [b"https://somebody:hunter2@example", ["https://somebody:hunter2@example"]]
)
def test_a_url_that_is_no_text_is_refused_and_not_shown(value):
    _, (error,) = read({"API_URL": value})
    assert (error.code, "hunter2" in error.message) == ("bad_value", False)
    assert error.message == f"REMBG['API_URL']: give text, got: {type(value).__name__}."


@pytest.mark.parametrize("name", ["AUTO", "ENQUEUE", "API_KEY"])
def test_a_path_that_leads_nowhere_is_told_and_shown_where_it_cannot_be_a_key(name):
    _, (error,) = read({name: "json.nothing_of_that_name"})
    assert "nothing under the dotted path that is given" in error.message
    assert ("nothing_of_that_name" in error.message) is (name != "API_KEY")


def test_all_mistakes_are_told_at_once_and_the_rest_is_read(settings):
    settings.REMBG = {"ENGINE": 5, "engine": "local", "DEFER": "yes", "STORE": "private"}
    found, errors = read(settings.REMBG)
    assert {error.field for error in errors} == {"ENGINE", "engine", "DEFER"}
    assert found.store == "private"
    with pytest.raises(ConfigurationError, match="Did you mean 'ENGINE'") as caught:
        current()
    assert caught.value.errors == errors


def test_a_mistake_is_told_again_until_it_is_mended(settings):
    settings.REMBG = {"ENGINE": 5}
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            current()


@pytest.mark.parametrize("value", [None, "text", [("ENGINE", "api")]])
def test_what_is_no_mapping_is_refused_and_not_shown(value):
    _, (error,) = read(value)
    assert error.code == "not_a_mapping"
    assert "text" not in error.message


@pytest.mark.parametrize("value", [KEY, KEY.encode(), "abc"])
def test_a_key_in_the_settings_is_refused_and_not_shown(value, settings):
    settings.REMBG = {"API_KEY": value}
    _, (error,) = read(settings.REMBG)
    assert error.code == "key_in_settings"
    with pytest.raises(ConfigurationError) as caught:
        current()
    assert KEY not in repr(caught.value.errors)
    assert KEY not in str(caught.value)


def test_a_key_with_dots_is_not_shown_even_by_the_cause():
    _, (error,) = read({"API_KEY": "part_one.part_two"})
    assert "part_one" not in error.message


def test_a_function_that_gives_the_key_is_taken_by_itself_or_by_its_path(monkeypatch):
    monkeypatch.setitem(sys.modules, "test_settings_of_a_shop", _shop())
    by_path, _ = read({"API_KEY": "test_settings_of_a_shop.rembg_key"})
    by_itself, _ = read({"API_KEY": key_of_tests})
    assert by_path.api_key() == by_itself.api_key() == KEY
    assert KEY not in repr(by_path)


def test_a_function_that_cannot_be_imported_is_told_whatever_its_module_raises(
    tmp_path, monkeypatch
):
    (tmp_path / "broken_module_of_a_site.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("API_KEY", "AUTO"):
        _, (error,) = read({name: "broken_module_of_a_site.function"})
        assert error.code == "bad_value"


def test_a_bound_may_be_left_open():
    found, errors = read({"BUDGET": {"hour": None, "day": 0}})
    assert (found.budget, errors) == (Budget(day=0), ())


def test_a_profile_that_does_not_exist_is_told_with_those_that_do(settings):
    settings.REMBG = {"PROFILES": {"product": {"w": 400}}}
    assert current().profile("product") == Options(w=400)
    assert current().profile(None) == Options()
    with pytest.raises(ConfigurationError, match="profiles: product"):
        current().profile("portrait")
