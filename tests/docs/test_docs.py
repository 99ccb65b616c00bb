"""The pages are complete and true: what the code has, they tell, and with the same numbers."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib

import click
import pytest
from click.testing import CliRunner
from doc_pages import DOCS, PAGES, README, ROOT, anchors, blocks, flowing, name_of, section, text_of
from PIL import Image, ImageChops, ImageStat

from rembg_plugins.api.answer import LONGEST_ANSWER
from rembg_plugins.api.error_mapping import KEPT_OF_BODY
from rembg_plugins.api.throttle import HOLD_S
from rembg_plugins.cli import cli
from rembg_plugins.cli.batch import GRACE_S
from rembg_plugins.core import encoding, errors, expected_size, limits, outcomes, result, retry
from rembg_plugins.core.folder_store import DEFAULT_MAX_BYTES
from rembg_plugins.core.options import MAX_SIDE, OPTIONS
from rembg_plugins.core.paid_calls import ASK_ABOVE, JOBS
from rembg_plugins.core.rate import DEFAULT_RATE
from rembg_plugins.core.setting import SETTINGS
from rembg_plugins.core.store import MemoryStore
from rembg_plugins.django import ledger
from rembg_plugins.sandbox import account, calls
from rembg_plugins.sandbox.settings import Settings
from rembg_plugins.watch.failpoints import VARIABLE as FAILPOINT
from rembg_plugins.watch.settings import SETTINGS as WATCH_SETTINGS
from rembg_plugins.watch.settings import variable_of

REFERENCE = DOCS / "reference"
PACKAGE = ROOT / "rembg_plugins"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WEIGHTS = PACKAGE / "engines" / "weights" / "u2netp.onnx"


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tables = load(DOCS / "tables.py")


@pytest.mark.parametrize("name", tables.hook_functions())
def test_a_hook_is_documented_with_its_signature(name):
    call = tables.call_of(name, tables.hook_functions()[name])
    assert f"### {call}\n" in text_of(REFERENCE / "hooks.md")


@pytest.mark.parametrize("cls", tables.error_types(), ids=lambda cls: cls.__name__)
def test_an_error_class_is_in_every_table_of_errors(cls):
    page = text_of(REFERENCE / "errors.md")
    for heading in ("Classes", "What they mean elsewhere"):
        assert f"| `{cls.__name__}` |" in section(REFERENCE / "errors.md", f"## {heading}")
    assert re.search(rf"─ {cls.__name__}\b|^{cls.__name__}$", page, re.MULTILINE), "not in the tree"


def test_the_classes_of_errors_are_found():
    assert errors.RembgError in tables.error_types()
    assert errors.DownscaledResultError in tables.error_types()


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_is_in_the_table_and_in_the_command_s_help(name):
    assert f"| `{name}` |" in text_of(REFERENCE / "options.md")
    flag = name.replace("_", "-")
    assert re.search(rf"--(\[no-\])?{flag}\b", text_of(REFERENCE / "command-line.md"))


def test_every_exit_code_is_explained():
    constants = {value for name, value in vars(outcomes).items() if name.startswith("EXIT_")}
    codes = constants | {row.exit_code for row in outcomes.OUTCOMES.values()}
    assert set(tables.EXIT_CODES) == codes
    page = section(REFERENCE / "command-line.md", "## Exit codes")
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)} == codes


def test_every_variable_that_the_code_names_is_in_the_page_of_settings():
    named = {info.variable for info in SETTINGS.values()}
    for module in PACKAGE.rglob("*.py"):
        source = module.read_text(encoding="utf-8")
        named |= set(re.findall(r"\bREMBG_[A-Z][A-Z_]*[A-Z]\b", source))
        named |= set(re.findall(r"environ(?:\.get\(|\[)[\"']([A-Z0-9_]+)[\"']", source))
    page = text_of(REFERENCE / "configuration.md")
    assert not {name for name in named if f"`{name}`" not in page}


def test_the_page_on_wagtail_has_every_finding_of_its_checks():
    modules = (PACKAGE / "wagtail").glob("*.py")
    given = {
        one
        for module in modules
        for one in re.findall(r'id="(rembg_wagtail\.[EW]\d+)"', module.read_text(encoding="utf-8"))
    }
    page = text_of(DOCS / "how-to" / "wagtail.md")
    listed = re.findall(r"^\| `(rembg_wagtail\.\w+)` \|", page, re.MULTILINE)
    assert len(given) > 5
    assert listed == sorted(given)


def test_no_page_names_a_variable_that_the_code_does_not_read():
    known = {info.variable for info in SETTINGS.values()}
    known |= {variable_of(name) for name in (*WATCH_SETTINGS, *OPTIONS, "config")} | {FAILPOINT}
    named = {name for page in PAGES for name in re.findall(r"\bREMBG_[A-Z_]*[A-Z]", text_of(page))}
    assert named <= known


def test_the_readme_has_exactly_two_commands():
    assert section(README, "## Two commands").count("```sh\n") == 2
    assert text_of(README).count("\n## Two commands\n") == 1


def links():
    for page in PAGES:
        bare = re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\(<?([^)\s>]+)>?\)", bare):
            if not re.match(r"[a-z]+:", target):
                yield pytest.param(page, target, id=f"{name_of(page)}->{target}")


@pytest.mark.parametrize(("page", "target"), list(links()))
def test_a_link_leads_somewhere(page, target):
    path, _, anchor = target.partition("#")
    there = (page.parent / path).resolve() if path else page
    assert there.exists()
    assert not anchor or anchor in anchors(there)


def megabytes(length):
    return str(length // 2**20)


POLICY = retry.Retry()
PNG, WEBP, JPEG = (encoding._SETTINGS[name] for name in ("PNG", "WEBP", "JPEG"))
FACTS = {
    r"at most (\d+) MB and": megabytes(limits.MAX_BYTES),
    r"the (\d+) MB of an upload": megabytes(limits.MAX_BYTES),
    r"(\d+) × 2²⁰ when refusing": megabytes(limits.MAX_BYTES),
    r"and (\d+) px on each side": str(MAX_SIDE),
    r"answer \| (\d+) MB": megabytes(LONGEST_ANSWER),
    r"first (\d+) kB of the body": str(KEPT_OF_BODY // 1024),
    r"waited (\d+) s for a connection": f"{SETTINGS['connect_timeout_s'].default:g}",
    r"and (\d+) s for the next bytes": f"{SETTINGS['read_timeout_s'].default:g}",
    r"picture may take (\d+) s": f"{SETTINGS['call_timeout_s'].default:g}",
    r"process begins at most (\d+) requests": str(DEFAULT_RATE.requests),
    r"or else for (\d+) s": f"{HOLD_S:g}",
    r"after (\d+) calls in a day": str(Settings().anonymous_a_day),
    r"subscription, (\d+) days before": str(account._SUBSCRIBED_BEFORE_S // 86_400),
    r"the last ([\d,]+), oldest first": f"{calls.MOST_CALLS:,}",
    r"There are (\w+) tries": {4: "four"}.get(POLICY.attempts),
    r"at most (\d+) tries": str(POLICY.attempts),
    r"waited ([\d.]+) s, then twice": f"{POLICY.base_s:g}",
    r"(\d+) s at most, and longer": f"{POLICY.max_s:g}",
    r"asks for it, up to (\d+) s": f"{retry.LONGEST_RETRY_AFTER_S:g}",
    r"fit into (\d+ × \d+) px": f"{expected_size.FREE_SIDE} × {expected_size.FREE_SIDE}",
    r"sources of at most (\d+) px": str(expected_size._NEARLY_FREE),
    r"by more than (\d+) px": str(expected_size.TOLERANCE),
    r"within (\d+) px of any reading": str(expected_size.TOLERANCE),
    r"Below ([\d.]+) or above [\d.]+ the": str(result._EMPTY_BELOW),
    r"Below [\d.]+ or above ([\d.]+) the": str(result._FULL_ABOVE),
    r"small network of ([\d.]+) MB": f"{WEIGHTS.stat().st_size / 1e6:.1f}",
    r"folder holds at most (\d+) MB": megabytes(DEFAULT_MAX_BYTES),
    r"memory at most (\d+) MB": megabytes(MemoryStore().max_bytes),
    r"PNG at level (\d)": str(PNG["compress_level"]),
    r"WebP at quality (\d+)": str(WEBP["quality"]),
    r"JPEG at quality (\d+)": str(JPEG["quality"]),
    r"[Mm]ore than (\d+) (?:paid )?pictures": str(ASK_ABOVE),
    r"under way have (\d+) s": f"{GRACE_S:g}",
    r"With the API, (\d+) pictures are worked on at once": str(JOBS),
    r"At most (\w+) calls for one picture may be paid": {2: "two"}.get(ledger.ATTEMPTS),
    r"at most (\w+) cut-outs of one picture are paid for in a day": {3: "three"}.get(ledger.LOST),
    r"You need Python (3\.\d+)": PROJECT["requires-python"].removeprefix(">="),
}
"""What the pages say in passing, and what the code says."""


@pytest.mark.parametrize(("pattern", "value"), FACTS.items())
def test_a_fact_is_the_code_s(pattern, value):
    told = [found for page in PAGES for found in re.findall(pattern, flowing(page))]
    assert told, "no page says so any more: remove the row"
    assert set(told) == {value}


def test_every_extra_that_the_pages_name_exists():
    told = {
        extra
        for page in PAGES
        for found in re.findall(r"(?:rembg-plugins|\.)\[([a-z,]+)\]", text_of(page))
        for extra in found.split(",")
    }
    assert told
    assert told <= set(PROJECT["optional-dependencies"])


GENERATED = re.compile(
    r"<!-- \[\[\[cog\nimport cog, tables\ncog\.out\(tables\.(\w+)\(\)\)\n\]\]\] -->\n"
    r"(.*?)<!-- \[\[\[end\]\]\] -->",
    re.DOTALL,
)


@pytest.mark.parametrize("page", [page for page in PAGES if "[[[cog" in text_of(page)], ids=name_of)
def test_the_generated_parts_of_a_page_are_current(page):
    parts = GENERATED.findall(text_of(page))
    assert len(parts) == text_of(page).count("[[[cog")
    for function, text in parts:
        assert getattr(tables, function)() == text, "run: cog -I docs -r docs/reference/*.md"


def test_the_picture_of_the_readme_is_what_the_engine_makes():
    script = load(DOCS / "images" / "make_before_after.py")
    with Image.open(script.PICTURE) as kept:
        difference = ImageStat.Stat(ImageChops.difference(kept, script.make()))
    # Processors round differently: a level here and there, no more.
    assert max(difference.mean) < 0.5


def test_the_fields_of_the_json_output_are_those_of_the_page(tmp_path):
    arguments = [str(DOCS / "images"), "-o", str(tmp_path), "--engine", "offline", "--json"]
    printed = CliRunner().invoke(cli, ["remove", *arguments]).stdout
    bad = CliRunner().invoke(cli, ["remove", str(README), "--engine", "offline", "--json"]).stdout
    facts = [json.loads(line) for line in (printed + bad).splitlines()]
    for kind, heading in (("picture", "Field of a picture"), ("summary", "Field of the run")):
        sent = {name for fact in facts if fact["type"] == kind for name in fact}
        table = text_of(REFERENCE / "command-line.md").split(f"| {heading} |")[1].split("\n\n")[0]
        cells = re.findall(r"^\| (`.+?`) \|", table, re.MULTILINE)
        assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == sent


def test_every_command_of_the_pages_is_understood():
    lines = [
        line.removeprefix(".venv/bin/")
        for page in PAGES
        for block in blocks(page, "sh")
        for line in re.split(r"\n| \| | && ", block.code)
    ]
    calls = [line.split() for line in lines if line.startswith("rembg-plugins ")]
    assert len(calls) >= 10
    program = click.Context(cli, **cli.context_settings)  # click keeps what a context made
    for _, command, *arguments in calls:
        words = [word.strip('"') for word in arguments[: _end_of(arguments)]]
        cli.commands[command].make_context(command, words, parent=program)


def _end_of(words):
    return next((i for i, word in enumerate(words) if word.startswith((">", "|"))), len(words))
