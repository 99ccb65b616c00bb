from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from api.server import Server, answer
from doc_pages import DOCS, blocks, text_of

from rembg_plugins.cli.usage import EXIT_TOO_FEW
from rembg_plugins.core import errors
from rembg_plugins.core.outcomes import outcome

CONTRACT = Path(__file__).parents[1] / "contract"
USAGE = json.loads((CONTRACT / "usage.json").read_text())
CYCLES = json.loads((CONTRACT / "billing-cycles.json").read_text())
KEY = "sk-0123456789abcdef"
LATER = 4_102_444_799  # the last second before the year 2100


@pytest.fixture(autouse=True)
def _terminal(monkeypatch):
    """80 columns, in Berlin."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def serve(monkeypatch):
    """Answer every question about the account so: ``serve(answer)``, ``serve(text, 401)``."""
    servers = []

    def start(document, status=200):
        server = Server(answer(status, json.dumps(document).encode())).__enter__()
        servers.append(server)
        monkeypatch.setenv("REMBG_MEMBERSHIP_USAGE_URL", server.url)
        monkeypatch.setenv("REMBG_API_KEY", KEY)
        return server

    yield start
    for server in servers:
        server.__exit__()


def cycle_with(**members):
    return {**USAGE, "billingCycle": {**USAGE["billingCycle"], **members}}


EMPTY = cycle_with(
    apiUsage=300, appUsage=0, includedCredits=300, prepaidCredits=0, usedIncludedCredits=300,
    remainingIncludedCredits=0,
)  # fmt: skip
PREPAID = cycle_with(
    apiUsage=0, appUsage=0, includedCredits=0, prepaidCredits=700, usedIncludedCredits=0,
    remainingIncludedCredits=0,
)  # fmt: skip


def test_what_is_left_is_shown_with_a_bar_and_the_renewal_in_local_time(run, serve):
    server = serve(USAGE)
    done = run("usage")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Plan                  Premium-20000",
        "Began                 2025-02-25 01:00 CET",
        "Renews                2025-03-27 01:00 CET",
        "Used through the API   5,100",
        "Used in the app        4,200",
        "Included              18,500",
        "Included, used         9,300",
        "Included, left         9,200",
        "Prepaid, left          2,000",
        "Left in all           11,200",
        "",
        "[###########.............] 9,300 used, 11,200 left",
    ]
    assert server.requests[0].line == "GET /rmbg?expand=billing_cycle HTTP/1.1"


@pytest.mark.parametrize("columns", [10, 20, 30, 41])
def test_a_narrow_terminal_gets_one_value_after_the_other(run, serve, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    serve(USAGE)
    shown = run("usage").stdout.splitlines()
    assert "Renews: 2025-03-27 01:00 CET" in shown
    assert "Left in all: 11,200" in shown
    assert shown[-1].endswith("9,300 used, 11,200 left")


@pytest.mark.parametrize("columns", [10, 24, 40, 80, 200])
@pytest.mark.parametrize("document", [USAGE, EMPTY, PREPAID], ids=["usual", "empty", "prepaid"])
def test_the_bar_fits_into_the_terminal(run, serve, monkeypatch, columns, document):
    monkeypatch.setenv("COLUMNS", str(columns))
    serve(document)
    (bar,) = [line for line in run("usage").stdout.splitlines() if line.startswith("[")]
    assert len(bar) <= columns


def test_an_empty_account_has_a_full_bar(run, serve):
    serve(EMPTY)
    shown = run("usage").stdout.splitlines()
    assert "Left in all             0" in shown
    assert shown[-1] == "[########################] 300 used, 0 left"


def test_prepaid_credits_alone_are_an_empty_bar(run, serve):
    serve(PREPAID)
    shown = run("usage").stdout.splitlines()
    assert "Prepaid, left         700" in shown
    assert shown[-1] == "[........................] 0 used, 700 left"


def test_an_account_that_never_had_credits_has_no_bar(run, serve):
    members = ("apiUsage", "appUsage", "includedCredits", "prepaidCredits", "usedIncludedCredits")
    serve({**cycle_with(remainingIncludedCredits=0, **dict.fromkeys(members, 0)), "membership": ""})
    shown = run("usage").stdout.splitlines()
    assert shown[0] == "Plan                  none"
    assert shown[-1] == "There are no credits left."


@pytest.mark.parametrize("columns", [30, 80])
def test_a_renewal_that_is_not_known_is_said(run, serve, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    serve(cycle_with(stripeBillingSynced=False))
    shown = run("usage").stdout
    assert "The renewal is not known yet: the numbers are those of the UTC calendar month" in (
        " ".join(shown.split())
    )
    assert "Renews" not in shown
    assert "Counted until" in shown
    told = shown.partition("left\n\n")[2].splitlines()
    assert told
    assert max(map(len, told)) <= columns


def test_a_month_is_asked_for_and_shown_without_what_is_left(run, serve):
    server = serve(USAGE)
    done = run("usage", "--month", "2026-3")
    assert server.requests[0].line == "GET /rmbg?year=2026&month=3 HTTP/1.1"
    assert done.stdout.splitlines() == [
        "Plan                  Premium-20000",
        "Month                 2026-03 (UTC)",
        "Used through the API  10,000",
        "Used in the app        8,500",
    ]


def test_a_period_that_is_over_has_nothing_left(run, serve):
    server = serve(USAGE)
    shown = run("usage", "--period", "1740441600").stdout
    query = "periodStartUnix=1740441600&expand=billing_cycle"
    assert server.requests[0].line == f"GET /rmbg?{query} HTTP/1.1"
    assert "Ended                 2025-03-27 01:00 CET\n" in shown
    assert "Included, left over    9,200\n" in shown
    assert not {"Prepaid", "Left", "Renews", "["} & set(shown.replace(",", "").split())


def test_the_period_of_now_is_shown_with_what_is_left(run, serve):
    serve(cycle_with(periodEndUnix=LATER))
    shown = run("usage", "--period", "1740441600").stdout
    assert "Renews                2100-01-01 01:00 CET\n" in shown
    assert "11,200 left\n" in shown


def test_the_billing_periods_are_listed_with_what_period_wants(run, serve):
    later = {
        **CYCLES["billingCycles"][0],
        "periodStartUnix": "1776947013",
        "periodEndUnix": 1779539012,
        "apiUsage": 12345,
    }
    server = serve({"billingCycles": [later, *CYCLES["billingCycles"]]})
    done = run("usage", "--cycles")
    assert done.stdout.splitlines() == [
        "--period    From                   Until                     API  App",
        "1776947013  2026-04-23 14:23 CEST  2026-05-23 14:23 CEST  12,345  120",
        "1774268612  2026-03-23 13:23 CET   2026-04-23 14:23 CEST     880  120",
    ]
    assert server.requests[0].line == "GET /rmbg?listBillingCycles=1 HTTP/1.1"


def test_the_billing_periods_fit_into_a_narrow_terminal(run, serve, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    serve(CYCLES)
    shown = run("usage", "--cycles").stdout.splitlines()
    assert shown == [
        "--period: 1774268612",
        "From: 2026-03-23 13:23 CET",
        "Until: 2026-04-23 14:23 CEST",
        "API: 880",
        "App: 120",
        "",
    ]


def test_no_billing_periods_are_a_sentence(run, serve):
    serve({"billingCycles": []})
    assert run("usage", "--cycles").stdout == "There are no billing periods yet.\n"
    assert json.loads(run("usage", "--cycles", "--json").stdout) == {"billing_cycles": []}


class TestFailUnder:
    def test_its_code_is_that_of_a_quota_that_is_used_up(self):
        assert outcome(errors.QuotaExceededError).exit_code == EXIT_TOO_FEW

    @pytest.mark.parametrize(("wanted", "code"), [(0, 0), (11199, 0), (11200, 0), (11201, 75)])
    def test_fewer_credits_than_wanted_have_an_exit_code(self, run, serve, wanted, code):
        serve(USAGE)
        done = run("usage", "--fail-under", wanted)
        assert done.exit_code == code
        assert done.stdout.endswith("9,300 used, 11,200 left\n")
        why = f"Too few: 11200 credits left, --fail-under wants {wanted} or more.\n"
        assert done.stderr == (why if code else "")

    def test_prepaid_credits_count(self, run, serve):
        serve(PREPAID)
        assert run("usage", "--fail-under", 700).exit_code == 0
        assert run("usage", "--fail-under", 701).exit_code == 75

    def test_json_is_printed_all_the_same(self, run, serve):
        serve(EMPTY)
        done = run("usage", "--json", "--fail-under", 1)
        assert done.exit_code == 75
        facts = json.loads(done.stdout)
        assert (facts["remaining"], facts["fail_under"], facts["exit_code"]) == (0, 1, 75)
        assert done.stderr == "Too few: 0 credits left, --fail-under wants 1 or more.\n"


class TestJson:
    def test_it_is_one_object_in_a_line(self, run, serve):
        serve({**USAGE, "seats": [5]})
        done = run("usage", "--json")
        assert (done.exit_code, done.stderr, done.stdout.count("\n")) == (0, "", 1)
        assert json.loads(done.stdout) == {
            "membership": "Premium-20000",
            "credits": 18500,
            "prepaid_credits": 2000,
            "app_usage": 8500,
            "api_usage": 10000,
            "remaining": 11200,
            "billing_cycle": {
                "period_start": "2025-02-25T00:00:00+00:00",
                "period_end": "2025-03-26T23:59:59+00:00",
                "renewal": "2025-03-27T00:00:00+00:00",
                "period_start_unix": 1740441600,
                "period_end_unix": 1743033599,
                "app_usage": 4200,
                "api_usage": 5100,
                "included_credits": 18500,
                "prepaid_credits": 2000,
                "used_included_credits": 9300,
                "remaining_included_credits": 9200,
                "stripe_billing_synced": True,
                "extra": {},
            },
            "extra": {"seats": [5]},
            "fail_under": None,
            "exit_code": 0,
        }

    def test_a_month_tells_nothing_of_what_is_left(self, run, serve):
        serve({name: value for name, value in USAGE.items() if name != "billingCycle"})
        facts = json.loads(run("usage", "--json", "--month", "2026-03").stdout)
        assert (facts["billing_cycle"], facts["remaining"]) == (None, None)
        assert facts["api_usage"] == 10000

    def test_the_billing_periods_are_a_list(self, run, serve):
        serve(CYCLES)
        assert json.loads(run("usage", "--json", "--cycles").stdout) == {
            "billing_cycles": [
                {
                    "period_start": "2026-03-23T12:23:32+00:00",
                    "period_end": "2026-04-23T12:23:32+00:00",
                    "renewal": "2026-04-23T12:23:33+00:00",
                    "period_start_unix": 1774268612,
                    "period_end_unix": 1776947012,
                    "app_usage": 120,
                    "api_usage": 880,
                    "extra": {},
                }
            ]
        }

    def test_nothing_is_printed_where_nothing_is_known(self, run, serve):
        serve({"error": "invalid api key", "status": 401}, 401)
        done = run("usage", "--json", "--fail-under", 5)
        assert (done.exit_code, done.stdout) == (77, "")


class TestUsageErrors:
    @pytest.mark.parametrize(
        "value", ["2026-13", "2026-00", "26-03", "March", "2026-03-01", "0000-01", "", "२०२६-०३"]
    )
    def test_a_bad_month_is_named_with_the_form_that_it_should_have(self, run, serve, value):
        server = serve(USAGE)
        done = run("usage", "--month", value)
        assert done.exit_code == 2
        assert f"Invalid value for '--month': {value!r} is no month" in done.stderr
        assert "write it like 2026-03." in done.stderr
        assert server.connections == 0

    def test_a_month_cannot_move_the_cursor(self, run):
        assert "\x1b" not in run("usage", "--month", "\x1b[2J").stderr

    @pytest.mark.parametrize(
        "arguments",
        [
            ("--month", "2026-03", "--period", "0"),
            ("--month", "2026-03", "--cycles"),
            ("--period", "0", "--cycles"),
            ("--fail-under", "0", "--cycles"),
            ("--fail-under", "0", "--period", "1"),
            ("--fail-under", "0", "--month", "2026-03"),
        ],
    )
    def test_what_excludes_each_other_is_refused(self, run, serve, arguments):
        server = serve(USAGE)
        done = run("usage", *arguments)
        assert done.exit_code == 2
        assert "Give only one of --month, --period, --cycles and --fail-under." in done.stderr
        assert server.connections == 0

    @pytest.mark.parametrize(
        "arguments",
        [("--period", "-1"), ("--period", "soon"), ("--period", 10**12), ("--fail-under", "-1")],
    )
    def test_what_is_out_of_range_is_refused(self, run, arguments):
        assert run("usage", *arguments).exit_code == 2


def test_without_a_key_it_says_which_setting_is_missing(run, monkeypatch):
    for token in ("", "a-token"):
        monkeypatch.setenv("REMBG_USER_TOKEN", token)
        done = run("usage")
        assert done.exit_code == 78
        assert "REMBG_API_KEY" in done.stderr


def test_the_wrong_address_names_its_own_setting(run, serve):
    serve({}, 404)
    done = run("usage")
    assert done.exit_code == 78
    assert "check REMBG_MEMBERSHIP_USAGE_URL." in done.stderr


def test_the_key_is_never_printed(run, serve):
    spelt = KEY.upper()
    for document in ({**USAGE, "membership": f"of {spelt}", "key": KEY}, {"error": KEY}):
        for arguments in ((), ("--json",), ("-v",), ("--cycles", "-v")):
            serve(document)
            output = run("usage", *arguments).output
            assert output
            assert KEY not in output.lower()


def test_a_label_cannot_move_the_cursor(run, serve):
    serve({**USAGE, "membership": "\x1b[2JPremium\n\u202e"})
    shown = run("usage").stdout
    assert "Plan                  \\x1b[2JPremium\\n\\u202e\n" in shown


class TestPage:
    PAGE = DOCS / "how-to" / "credits.md"

    def test_what_it_shows_is_what_is_shown(self, run, serve):
        serve(USAGE)
        assert run("usage").stdout == blocks(self.PAGE, "text")[0].code

    @pytest.mark.parametrize("kind", ["account", "period"])
    def test_it_explains_every_field_of_the_json(self, run, serve, kind):
        serve(USAGE)
        facts = json.loads(run("usage", "--json").stdout)
        table = text_of(self.PAGE).split(
            f"| Field of {'the' if kind == 'account' else 'a'} {kind} |"
        )
        cells = re.findall(r"^\| (`.+?`) \|", table[1].split("\n\n")[0], re.MULTILINE)
        told = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
        assert told == set(facts if kind == "account" else facts["billing_cycle"])


def test_help_needs_no_network_library():
    code = (
        "import sys; from click.testing import CliRunner; from rembg_plugins.cli import cli; "
        "done = CliRunner().invoke(cli, ['usage', '--help']); assert done.exit_code == 0; "
        "sys.exit('requests' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
