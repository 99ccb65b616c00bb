"""What the pages on the watched folder say in passing is what the code has."""

from __future__ import annotations

import re

import pytest
from doc_pages import flowing, section
from operator_files import EXPLANATION, FOLDER, SERVICE

from rembg_plugins.core import outcomes
from rembg_plugins.core.paid_calls import ASK_ABOVE, JOBS
from rembg_plugins.watch import finder, health, reading, settle, states, watcher
from rembg_plugins.watch.breaker import DOUBTS, JITTER_S
from rembg_plugins.watch.failpoints import FAILPOINTS
from rembg_plugins.watch.lock import EXIT_LOCKED, SILENCE_S
from rembg_plugins.watch.naming import DEFAULT_TEMPLATE, LONGEST_NAME
from rembg_plugins.watch.settings import DEFAULTS
from rembg_plugins.watch.verdict import DOUBT_WAIT_S

FACTS = {
    (FOLDER, r"at the latest after (\d+) s"): f"{watcher.DRAIN_S:g}",
    (FOLDER, r"waited for, up to (\d+) s"): f"{finder.ONCE_PATIENCE_S:g}",
    (FOLDER, r"the API, for (\d+) min"): f"{watcher._ONCE_PATIENCE_S / 60:g}",
    (FOLDER, r"If more than (\d+) paid pictures"): str(ASK_ABOVE),
    (FOLDER, r"a credit a picture, (\w+) at a time"): {4: "four"}[JOBS],
    (FOLDER, r"rests for (\d+) s without an end"): f"{reading.UNFINISHED_S:g}",
    (FOLDER, r"the default is `([^`]+)`"): DEFAULT_TEMPLATE,
    (FOLDER, r"more than (\d+) bytes is cut"): str(LONGEST_NAME),
    (FOLDER, r"Up to (\d+) GB of cut-outs"): f"{DEFAULTS['keep_cutouts']:g}",
    (FOLDER, r"looked at every (\d+) s instead"): f"{finder.POLLED_S:g}",
    (FOLDER, r"at rest for (\d+) s, since nobody"): f"{settle.NETWORK_S:g}",
    (FOLDER, r"with exit code (\d+)"): str(EXIT_LOCKED),
    (FOLDER, r"is replaced every (\d+) s"): f"{health.EVERY_S:g}",
    (SERVICE, r"under way are given (\d+) s"): f"{watcher.DRAIN_S:g}",
    (SERVICE, r"been at rest for (\d+) s"): f"{settle.LOCAL_S:g}",
    (SERVICE, r"s instead of ([\d.]+) s\."): f"{settle.CLOSED_S:g}",
    (SERVICE, r"first start takes (\d+) s longer"): f"{SILENCE_S:g}",
    (EXPLANATION, r"are given (\d+) s to end"): f"{watcher.DRAIN_S:g}",
    (EXPLANATION, r"A content has (\w+) attempts"): {2: "two"}[states.ATTEMPTS],
    (EXPLANATION, r"sent once more, after (\d+) s"): f"{DOUBT_WAIT_S:g}",
    (EXPLANATION, r"is looked at every (\d+) s nevertheless"): f"{finder.HINTED_S:g}",
    (EXPLANATION, r"it is every (\d+) s, and"): f"{finder.POLLED_S:g}",
    (EXPLANATION, r"costs ([\d.]+) % of a core at most"): f"{100 / finder.HINTED_SHARE:g}",
    (EXPLANATION, r"and (\d+) %\. If the news"): f"{100 / finder.POLLED_SHARE:g}",
    (EXPLANATION, r"two looks, ([\d.]+) s apart"): f"{settle.CLOSED_S:g}",
    (EXPLANATION, r"lease\); (\d+) s apart"): f"{settle.LOCAL_S:g}",
    (EXPLANATION, r"tell; (\d+) s on a network"): f"{settle.NETWORK_S:g}",
    (EXPLANATION, r"without an end for (\d+) s was never"): f"{reading.UNFINISHED_S:g}",
    (EXPLANATION, r"\| (\w+) calls in doubt in a row"): {3: "three"}[DOUBTS],
    (EXPLANATION, r"in UTC, and up to (\d+) min"): f"{JITTER_S / 60:g}",
}


@pytest.mark.parametrize(
    ("page", "pattern", "value"), [(*key, value) for key, value in FACTS.items()]
)
def test_a_figure_of_the_pages_is_the_code_s(page, pattern, value):
    assert set(re.findall(pattern, flowing(page))) == {value}


def test_the_table_of_crashes_has_every_place_in_the_order_of_the_code():
    table = section(EXPLANATION, "## What a crash may cost")
    assert re.findall(r"^\| when .+? \(`(\w+)`\) \|", table, re.MULTILINE) == list(FAILPOINTS)


def test_the_exit_codes_of_the_page_are_those_of_the_code():
    told = re.findall(r"^\| ([\d, ]+) \|", section(SERVICE, "## Exit codes"), re.MULTILINE)
    codes = {int(code) for cell in told for code in cell.split(",")}
    known = {row.exit_code for row in outcomes.OUTCOMES.values()}
    known |= {value for name, value in vars(outcomes).items() if name.startswith("EXIT_")}
    assert codes <= known | {watcher.EXIT_WORK_LEFT}
    assert {EXIT_LOCKED, watcher.EXIT_WORK_LEFT, outcomes.EXIT_TERMINATED} <= codes
