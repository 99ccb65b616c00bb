"""What operators copy from the pages is right: unit, image file, settings, command lines."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from doc_pages import blocks, text_of
from operator_files import (
    EXAMPLES,
    FOLDER,
    IMAGE,
    PROJECT,
    SERVICE,
    SETTINGS_FILE,
    UNIT,
    cron_line,
    health_check,
    parse,
    read_image,
    read_unit,
)

from rembg_plugins.core import outcomes
from rembg_plugins.core.options import OPTIONS
from rembg_plugins.core.setting import SETTINGS
from rembg_plugins.watch import health, watcher
from rembg_plugins.watch.configuration import read_settings
from rembg_plugins.watch.settings import DEFAULTS, variable_of


@pytest.fixture(scope="module")
def unit():
    return read_unit(text_of(UNIT))


@pytest.fixture(scope="module")
def image():
    return read_image(text_of(IMAGE))


@pytest.fixture(scope="module")
def start(unit):
    """The words of ``ExecStart``."""
    return shlex.split(unit["Service"]["ExecStart"])


# The unit.


def test_the_unit_has_its_three_sections_and_no_directive_twice(unit):
    assert list(unit) == ["Unit", "Service", "Install"]
    assert unit["Service"]["Type"] == "notify"
    assert unit["Install"]["WantedBy"] == "multi-user.target"


def test_systemd_understands_the_unit_where_it_is_installed(tmp_path, start):
    verify = shutil.which("systemd-analyze")
    copy = tmp_path / UNIT.name
    # The program lies elsewhere on this machine, and systemd looks whether it is there.
    copy.write_text(text_of(UNIT).replace(start[0], sys.executable), encoding="utf-8")
    if verify is None:
        assert read_unit(text_of(copy))["Service"]["ExecStart"].startswith(sys.executable)
        return
    done = subprocess.run([verify, "verify", copy], capture_output=True, text=True, check=False)
    about = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert not about
    assert done.returncode == 0, done.stderr


def test_the_unit_starts_a_command_that_is_understood(start):
    assert Path(start[0]).name in PROJECT["scripts"]
    context = parse(start[1:])
    assert context.command.name == "watch"
    assert context.params["config"].endswith(f"/{SETTINGS_FILE.name}")


def test_the_unit_may_write_where_its_command_does(unit, start):
    service = unit["Service"]
    inbox, outbox = start[2:4]
    assert service["ReadWritePaths"].split() == [inbox, outbox]
    assert unit["Unit"]["RequiresMountsFor"].split() == [inbox, outbox]
    state = tomllib.loads(text_of(SETTINGS_FILE))["state"]
    assert state == f"/var/lib/{service['StateDirectory']}"


def test_the_unit_gives_the_watcher_the_time_that_it_takes(unit):
    service = unit["Service"]
    assert int(service["TimeoutStopSec"]) >= watcher.DRAIN_S + 20
    slowest = sum(SETTINGS[f"{kind}_timeout_s"].default for kind in ("connect", "read"))
    assert int(service["WatchdogSec"]) >= slowest + 2 * health.EVERY_S


def test_the_unit_knows_the_exit_codes(unit):
    ends = {outcomes.EXIT_INTERRUPTED, outcomes.EXIT_TERMINATED}
    assert set(map(int, unit["Service"]["SuccessExitStatus"].split())) == ends
    assert int(unit["Service"]["RestartPreventExitStatus"]) == outcomes.EXIT_USAGE


def test_the_page_installs_what_the_unit_uses(unit, start):
    told = "\n".join(block.code for block in blocks(SERVICE, "sh"))
    service = unit["Service"]
    assert f"useradd --system {service['User']}\n" in told
    for path in (*start[2:4], Path(start[0]).parents[1], service["EnvironmentFile"].lstrip("-")):
        assert re.search(rf"{re.escape(str(path))}\b", told), path


# The settings.


def test_the_example_of_settings_is_read_without_a_complaint(tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    state = {"state": str(tmp_path / "state")}  # not into this machine's /var
    settings = read_settings(inbox, tmp_path / "outbox", state, environ={}, config=SETTINGS_FILE)
    given = tomllib.loads(text_of(SETTINGS_FILE))
    for name, value in given.items():
        if name == "state":
            continue
        found = getattr(settings.options if name in OPTIONS else settings, name)
        kept = list(found) if isinstance(found, tuple) else found
        assert (kept if isinstance(value, list | bool | int) else str(kept)) == value
        assert name in OPTIONS or found != DEFAULTS[name] or name == "in_doubt"


# The image.


def test_the_image_installs_extras_that_exist(image):
    (line,) = [value for name, value in image if name == "RUN" and "pip install" in value]
    extras = re.search(rf'"{PROJECT["name"]}\[([a-z,]+)\]"', line)[1].split(",")
    assert "watch" in extras
    assert set(extras) <= set(PROJECT["optional-dependencies"])


def test_the_image_starts_a_command_that_is_understood(image):
    (start,) = [json.loads(value) for name, value in image if name == "ENTRYPOINT"]
    assert start[0] in PROJECT["scripts"]
    context = parse(start[1:])
    volumes = json.loads(dict(image)["VOLUME"])
    state = dict(image)["ENV"].removeprefix(f"{variable_of('state')}=")
    assert volumes == [context.params["inbox"], context.params["outbox"], state]


def test_the_image_does_not_run_as_root(image):
    names = [name for name, _ in image]
    assert dict(image)["USER"] == "rembg"
    assert names.index("RUN") < names.index("USER") < names.index("ENTRYPOINT")
    assert f'useradd --uid "$UID" --create-home {dict(image)["USER"]}' in text_of(IMAGE)


def test_the_health_check_asks_for_what_the_image_watches(image):
    context = parse(health_check())
    assert context.info_name == "status"
    assert context.params["only_check"] is True
    assert context.params["inbox"] in dict(image)["VOLUME"]


def test_the_page_gives_a_container_the_time_to_drain():
    told = re.findall(r"--stop-timeout (\d+)|(?:period: |Seconds: )(\d+)", text_of(SERVICE))
    assert len(told) >= 4
    assert {int(seconds) for pair in told for seconds in pair if seconds} == {90}
    assert watcher.DRAIN_S < 90


# The commands of the page that operators run.


def lines_with_the_program():
    for block in blocks(SERVICE, "sh"):
        for line in block.code.splitlines():
            found = re.match(r"(?:sudo |docker exec rembg-watch )(\S*rembg-plugins) (.+)", line)
            if found:
                yield found[2]


@pytest.mark.parametrize("line", list(lines_with_the_program()))
def test_a_command_behind_another_one_is_understood(line):
    assert parse(shlex.split(line)).info_name in {"status", "retry"}


def test_what_stands_behind_the_image_s_name_is_understood(image):
    (start,) = [json.loads(value) for name, value in image if name == "ENTRYPOINT"]
    runs = re.findall(r"docker run .* rembg-watch( .*)?$", text_of(SERVICE), re.MULTILINE)
    assert len(runs) == 2
    assert any(runs)
    for words in runs:
        parse([*start[1:], *shlex.split(words)])


def test_the_line_for_cron_is_understood():
    context = parse(cron_line())
    assert context.params["once"] is True
    assert context.params["yes"] is True


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_an_example_is_shown_on_a_page_that_links_to_it(path):
    told = text_of(FOLDER) + text_of(SERVICE)
    assert f"{{literalinclude}} ../examples/{path.name}\n" in told
    assert f"](../examples/{path.name})" in told
