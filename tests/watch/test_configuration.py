from __future__ import annotations

import tomllib

import pytest

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.watch.budget import Budget
from rembg_plugins.watch.configuration import read_settings, read_some
from rembg_plugins.watch.problems import TYPED
from rembg_plugins.watch.settings import SETTINGS, variable_of


@pytest.fixture
def read(tmp_path):
    """Read settings: ``read({"jobs": "4"}, environ={...}, toml="...")``."""
    (tmp_path / "in").mkdir()
    (tmp_path / "conf").mkdir()

    def reading(arguments=None, *, environ=None, toml=None):
        config = None
        if toml is not None:
            config = tmp_path / "conf" / "watch.toml"
            config.write_text(toml)
        given = {"state": str(tmp_path / "state"), **(arguments or {})}
        return read_settings(
            tmp_path / "in", tmp_path / "out", given, environ=environ or {}, config=config
        )

    return reading


def problems(call, *arguments, **settings):
    with pytest.raises(ConfigurationError) as caught:
        call(*arguments, **settings)
    assert all(one.message in str(caught.value) for one in caught.value.errors)
    return caught.value.errors


def test_without_anything_the_defaults_hold_and_folders_are_made(read, tmp_path):
    settings = read()
    assert settings.jobs is None
    assert settings.budget is None
    assert settings.folders.outbox == tmp_path / "out"
    assert (tmp_path / "out").is_dir()
    assert settings.folders.state.is_dir()


def test_flags_win_over_the_environment_and_that_over_the_file(read):
    toml = 'jobs = 2\nbudget = "10/day"\nw = 20\nname = "{stem}.{ext}"\n'
    environ = {"REMBG_WATCH_JOBS": "3", "REMBG_WATCH_BUDGET": "11", "REMBG_WATCH_H": "9"}
    settings = read({"jobs": "4", "w": "21"}, environ=environ, toml=toml)
    assert settings.jobs == 4
    assert settings.budget == Budget(limit=11)
    assert settings.name == "{stem}.{ext}"
    assert (settings.options.w, settings.options.h) == (21, 9)


def test_a_flag_that_was_not_given_wins_over_nothing(read):
    settings = read({"jobs": None, "include": ()}, environ={"REMBG_WATCH_INCLUDE": "*.jpg,*.png"})
    assert settings.include == ("*.jpg", "*.png")


def test_empty_text_counts_as_not_given(read):
    assert read(environ={"REMBG_WATCH_JOBS": " ", "REMBG_WATCH_ENGINE": ""}).jobs is None


def test_every_setting_can_come_from_the_environment(read, tmp_path):
    environ = {variable_of(name): info.example for name, info in SETTINGS.items()}
    environ[variable_of("failed")] = str(tmp_path / "bad")
    settings = read(environ=environ)
    assert settings.folders.failed == tmp_path / "bad"
    for name, info in SETTINGS.items():
        if name not in {"failed", "state"}:
            assert getattr(settings, name) == info.read(info.example)


def test_every_kind_of_value_can_come_from_a_file(read, tmp_path):
    settings = read(
        toml="jobs = 4\nsettle = 1.5\nrecursive = false\ninclude = ['*.jpg', '*.png']\n"
        "originals = 'move'\nbudget = 500\nbg_color = '#fff'\nfailed = 'bad'\nmin_credits = 0\n"
    )
    assert (settings.jobs, settings.settle, settings.recursive) == (4, 1.5, False)
    assert settings.include == ("*.jpg", "*.png")
    assert settings.originals == "move"
    assert settings.budget == Budget(limit=500)
    assert settings.options.bg_color == "#fff"
    assert settings.min_credits == 0


def test_folders_in_a_file_are_below_the_file(read, tmp_path):
    settings = read(toml="failed = 'bad'\n")
    assert settings.folders.failed == tmp_path / "conf" / "bad"
    assert settings.folders.failed_is_given


def test_all_mistakes_are_told_at_once_each_with_its_place_value_and_remedy(read, tmp_path):
    found = problems(
        read,
        {"jobs": "many", "w": "0.5"},
        environ={"REMBG_WATCH_KEEP_CUTOUTS": "lots", "REMBG_WATCH_BUDGET": "5/week"},
        toml="pol = 3\nname = '{nose}.png'\nmask = 'perhaps'\n",
    )
    texts = [one.message for one in found]
    file = tmp_path / "conf" / "watch.toml"
    assert f"pol (from {file}) is no setting; the nearest is poll." in texts
    assert "--jobs is 'many': give a whole number from 1 to 64, as in --jobs 4." in texts
    [cutouts] = [text for text in texts if "KEEP_CUTOUTS" in text]
    assert cutouts == (
        "REMBG_WATCH_KEEP_CUTOUTS (from environment) is 'lots': give a number from 0 to 100000 GB, "
        "as in REMBG_WATCH_KEEP_CUTOUTS=10."
    )
    [budget] = [text for text in texts if "BUDGET" in text]
    assert budget.startswith("REMBG_WATCH_BUDGET (from environment): it is '5/week': give N")
    [name] = [text for text in texts if text.startswith("name")]
    assert name.startswith(f"name (from {file}) is '{{nose}}.png': use no other fields than")
    assert name.endswith("as in name = '{dir}/{stem}.{ext}'.")
    assert any(text.startswith("--w: ") for text in texts)
    assert any(text.startswith(f"mask (from {file}): ") for text in texts)
    assert len(found) == 7
    assert not (tmp_path / "out").exists()


def test_what_is_advised_for_a_file_is_toml_of_the_right_kind(read):
    toml = "jobs = 0\nonce = 'perhaps'\nbudget = 'much'\noriginals = 'burn'\nkeep_cutouts = -1\n"
    advised = {
        one.field: one.message.rpartition(", as in ")[2].removesuffix(".")
        for one in problems(read, toml=toml)
        if one.field != "budget"  # which advises for itself
    }
    read_back = {name: tomllib.loads(text)[name] for name, text in advised.items()}
    assert read_back == {"jobs": 4, "once": True, "originals": "move", "keep_cutouts": 10}


def test_mistakes_in_folders_are_told_with_the_others(read, tmp_path):
    found = problems(read, {"jobs": "0", "failed": str(tmp_path / "in")})
    assert [one.code for one in found] == [TYPED, "folder"]


def test_what_was_typed_is_told_apart_from_what_was_set_up(read):
    assert {one.code for one in problems(read, {"jobs": "0"})} == {TYPED}
    assert {one.code for one in problems(read, environ={"REMBG_WATCH_JOBS": "0"})} == {"setting"}


def test_a_variable_that_is_no_setting_is_refused_since_it_may_be_a_misspelt_budget(read):
    [problem] = problems(read, environ={"REMBG_WATCH_BUGDET": "5"})
    assert problem.message == (
        "REMBG_WATCH_BUGDET (from environment) is no setting; the nearest is REMBG_WATCH_BUDGET."
    )


def test_rules_between_options_hold_wherever_those_come_from(read):
    [problem] = problems(read, {"mask": True}, environ={"REMBG_WATCH_BG_COLOR": "red"})
    assert "bg_color" in problem.message


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"jobs = ", "it is not TOML"), (b"\xff", "it is not UTF-8 text"), (None, "No such file")],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path, content, reason):
    path = tmp_path / "watch.toml"
    if content is not None:
        path.write_bytes(content)
    [problem] = problems(read_some, {}, environ={}, config=path)
    assert str(path) in problem.message
    assert reason in problem.message


def test_the_file_may_be_named_in_the_environment(tmp_path):
    (tmp_path / "watch.toml").write_text("jobs = 9")
    environ = {"REMBG_WATCH_CONFIG": str(tmp_path / "watch.toml")}
    found = read_some({}, environ=environ)
    assert found.keys() == SETTINGS.keys()
    assert (found["jobs"], found["yes"]) == (9, False)


def test_a_table_in_the_file_is_no_setting(tmp_path):
    (tmp_path / "watch.toml").write_text("[watch]\njobs = 9")
    [problem] = problems(read_some, {}, environ={}, config=tmp_path / "watch.toml")
    assert problem.message.startswith("watch (from ")
