from __future__ import annotations

import copy
import gzip
import json
import logging
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from api.conftest import KEY
from api.server import answer, head, raw_answer
from api.test_secrecy import KEY as ODD_KEY
from api.test_secrecy import assert_clean, cut_short, echo, everything
from doc_pages import DOCS, blocks

from rembg_plugins.api.account import Account
from rembg_plugins.core import errors
from rembg_plugins.core.configuration import configure

CONTRACT = Path(__file__).parents[1] / "contract"
USAGE = (CONTRACT / "usage.json").read_bytes()
CYCLES = (CONTRACT / "billing-cycles.json").read_bytes()
JSON_TYPE = {"Content-Type": "application/json"}


def account_of(server, **options):
    return Account(options.pop("api_key", KEY), usage_url=server.url, **options)


@pytest.fixture
def ask(serve):
    """Ask a server with a script for the usage; gives what came of it."""

    def usage(script, **options):
        return account_of(serve(script), **options).usage()

    return usage


@pytest.fixture
def refused(ask):
    """The same, where an error is to come of it, which costs nothing whatever it is."""

    def error_of(script, kind=errors.APIError, **options):
        with pytest.raises(kind) as caught:
            ask(script, **options)
        assert (caught.value.sent, caught.value.billed) == ("nothing", False)
        assert type(caught.value) is kind or kind is errors.APIError
        return caught.value

    return error_of


class TestQuestion:
    def test_a_usage_is_one_get_with_the_key_in_its_header(self, serve):
        server = serve(answer(200, USAGE))
        found = account_of(server).usage()
        assert (found.membership, found.remaining) == ("Premium-20000", 11200)
        (request,) = server.requests
        assert request.line == "GET /rmbg?expand=billing_cycle HTTP/1.1"
        assert request.headers["x-api-key"] == KEY
        assert not {"authorization", "cookie", "content-length"} & set(request.headers)
        assert [name for name, value in request.headers.items() if KEY in value] == ["x-api-key"]

    def test_the_billing_cycles_are_asked_for_alone(self, serve):
        server = serve(answer(200, CYCLES))
        (cycle,) = account_of(server).billing_cycles()
        assert (cycle.period_start_unix, cycle.api_usage) == (1774268612, 880)
        assert server.requests[0].line == "GET /rmbg?listBillingCycles=1 HTTP/1.1"

    @pytest.mark.parametrize(
        ("arguments", "query"),
        [
            ({"billing_cycle": False}, ""),
            ({"year": 2026, "month": 3}, "?year=2026&month=3&expand=billing_cycle"),
            ({"month": 3, "billing_cycle": False}, "?month=3"),
            ({"period_start": 1740441600}, "?periodStartUnix=1740441600&expand=billing_cycle"),
            (
                {"period_start": datetime(2025, 2, 25, tzinfo=UTC), "billing_cycle": False},
                "?periodStartUnix=1740441600",
            ),
        ],
    )
    def test_arguments_become_the_api_s_parameters(self, serve, arguments, query):
        server = serve(answer(200, USAGE))
        account_of(server).usage(**arguments)
        assert server.requests[0].line == f"GET /rmbg{query} HTTP/1.1"

    def test_a_period_of_the_list_can_be_asked_for_by_its_start(self, serve):
        (cycle,) = account_of(serve(answer(200, CYCLES))).billing_cycles()
        server = serve(answer(200, USAGE))
        account_of(server).usage(period_start=cycle.period_start, billing_cycle=False)
        assert server.requests[0].line == "GET /rmbg?periodStartUnix=1774268612 HTTP/1.1"

    @pytest.mark.parametrize(
        ("arguments", "fields"),
        [
            ({"month": 13}, ["month"]),
            ({"year": 0, "month": 0}, ["year", "month"]),
            ({"period_start": -1}, ["periodStartUnix"]),
            ({"period_start": 1, "month": 1}, ["periodStartUnix"]),
            ({"period_start": 1, "year": 2026}, ["periodStartUnix"]),
            ({"period_start": datetime(2025, 2, 25)}, ["periodStartUnix"]),  # noqa: DTZ001 - the mistake
            ({"month": "March"}, ["month"]),
        ],
    )
    def test_a_mistake_is_refused_before_anything_is_sent(self, serve, arguments, fields):
        server = serve(answer(200, USAGE))
        with pytest.raises(errors.ValidationError) as caught:
            account_of(server).usage(**arguments)
        assert [problem.field for problem in caught.value.errors] == fields
        assert server.connections == 0

    def test_many_threads_may_ask_at_once(self, serve):
        account = account_of(serve(answer(200, USAGE)))
        with ThreadPoolExecutor(8) as pool:
            left = [pool.submit(account.usage) for _ in range(24)]
            assert {one.result().remaining for one in left} == {11200}


class TestSetUp:
    def test_without_a_key_nothing_is_asked(self):
        for make in (Account, lambda: Account.configured(configure(environ={}))):
            with pytest.raises(errors.ConfigurationError, match="REMBG_API_KEY"):
                make()

    def test_a_token_does_not_do(self):
        with pytest.raises(errors.ConfigurationError, match="set REMBG_API_KEY.* token does not"):
            Account.configured(configure(environ={"REMBG_USER_TOKEN": "a-token"}))

    def test_the_settings_are_used(self, serve):
        server = serve(answer(200, USAGE))
        environ = {"REMBG_API_KEY": KEY, "REMBG_MEMBERSHIP_USAGE_URL": server.url}
        assert Account.configured(configure(environ=environ)).usage().credits == 18500
        assert server.requests[0].headers["x-api-key"] == KEY

    def test_the_hosted_api_is_asked_by_default(self):
        shown = repr(Account(KEY))
        assert shown.startswith("Account(Route('https://www.rembg.com/api/membership-usage')")

    @pytest.mark.parametrize(
        "url", ["http://example.com/usage", "https://me:pa55@example.com/", "usage", "ftp://a/b"]
    )
    def test_a_url_that_must_not_get_the_key_is_refused_with_the_setting_s_name(self, url):
        with pytest.raises(errors.ConfigurationError, match="REMBG_MEMBERSHIP_USAGE_URL") as caught:
            Account(KEY, usage_url=url)
        assert "pa55" not in str(caught.value)

    @pytest.mark.parametrize("odd", ["", " ", "a b", f"{KEY}\n", "schlüssel"])
    def test_a_key_that_no_header_can_carry_is_refused_unseen(self, odd):
        with pytest.raises(errors.ConfigurationError, match="API key cannot be sent") as caught:
            Account(odd)
        assert not odd.strip() or odd.strip() not in str(caught.value)

    @pytest.mark.parametrize(
        "arguments", [{"api_key": 5}, {"api_key": b"s3cret-key"}, {"usage_url": b"s3cret"}]
    )
    def test_what_is_no_text_is_refused_unseen(self, arguments):
        with pytest.raises(errors.ConfigurationError, match="must be text, not of ty") as caught:
            Account(**{"api_key": KEY, **arguments})
        assert "s3cret" not in str(caught.value)


def test_the_functions_of_the_page_work(serve, monkeypatch, capsys):
    (example,) = blocks(DOCS / "how-to" / "credits.md", "python")
    names = {}
    exec(compile(example.code, "credits.md", "exec"), names)  # noqa: S102 - our own page
    monkeypatch.setenv("REMBG_API_KEY", KEY)
    monkeypatch.setenv("REMBG_MEMBERSHIP_USAGE_URL", serve(answer(200, USAGE)).url)
    assert names["can_pay_for"](11200)
    assert not names["can_pay_for"](11201)
    assert capsys.readouterr().out.startswith("11200 credits until 2025-03-27 00:00:00+00:00\n")
    monkeypatch.setenv("REMBG_MEMBERSHIP_USAGE_URL", serve(answer(200, CYCLES)).url)
    assert names["credits_by_period"]() == {"2026-03-23": 1000}


class TestRefusal:
    @pytest.mark.parametrize(
        ("status", "text", "kind"),
        [
            (400, "no such month", errors.BadRequestError),
            (401, "invalid api key", errors.AuthenticationError),
            (402, "", errors.PaymentRequiredError),
            (403, "Email address not verified", errors.EmailNotVerifiedError),
            (404, "", errors.EndpointError),
            (429, "You're making requests too quickly", errors.RateLimitError),
            (429, "You've reached your monthly limit.", errors.MonthlyQuotaError),
            (500, "oops", errors.InternalServerError),
            (503, "", errors.InternalServerError),
        ],
    )
    def test_a_status_is_the_error_that_it_is_elsewhere(self, refused, status, text, kind):
        body = json.dumps({"error": text, "status": status}).encode()
        error = refused(answer(status, body, {**JSON_TYPE, "Retry-After": "45s"}), kind)
        assert text in str(error)
        assert (error.status, error.response.retry_after) == (status, 45)

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_a_redirect_is_not_followed_and_names_the_setting(self, serve, refused, status):
        elsewhere = serve(answer(200, USAGE))
        error = refused(answer(status, b"", {"Location": elsewhere.url}), errors.EndpointError)
        assert elsewhere.connections == 0
        assert str(error).endswith("check REMBG_MEMBERSHIP_USAGE_URL.")

    def test_nobody_at_the_address_is_a_connection_error(self):
        with pytest.raises(errors.APIConnectionError) as caught:
            Account(KEY, usage_url="http://127.0.0.1:9/").usage()
        assert (caught.value.sent, caught.value.billed) == ("nothing", False)

    @pytest.mark.parametrize(
        "script",
        [
            lambda exchange: exchange.reset(),
            lambda exchange: exchange.close(),
            raw_answer(b"no HTTP at all\r\n\r\n"),
            raw_answer(head(200, {"Content-Length": "999"}) + USAGE),
            raw_answer(head(200, {"Transfer-Encoding": "chunked"}) + b"5\r\n{"),
        ],
        ids=["reset", "closed", "no HTTP", "cut short", "cut short in a chunk"],
    )
    def test_a_broken_connection_may_be_tried_again(self, refused, script):
        assert refused(script, errors.APIConnectionError).final is False

    def test_no_answer_in_time_is_a_timeout(self, serve):
        server = serve(lambda exchange: exchange.server.released.wait(60))
        with pytest.raises(errors.APITimeoutError) as caught:
            account_of(server, read_timeout_s=0.05).usage()
        assert (caught.value.sent, caught.value.billed) == ("nothing", False)

    def test_an_answer_that_drips_is_given_up(self, refused):
        def drip(exchange):
            exchange.send(head(200, {"Content-Length": str(len(USAGE))}))
            exchange.send(USAGE[:9])
            exchange.server.released.wait(60)

        ticks = count(0, 30)  # s between two looks at the clock
        error = refused(drip, errors.APITimeoutError, clock=lambda: next(ticks), read_timeout_s=60)
        assert "did not come to an end in 60 s" in str(error)


class TestAnswer:
    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b"", "no JSON object in it"),
            (b"null", "no JSON object in it"),
            (b'["a"]', "no JSON object in it"),
            (b'"usage"', "no JSON object in it"),
            (b"{", "no JSON object in it"),
            (b'{"credits": NaN}', "no JSON object in it"),
            (b'{"credits": 1e999}', "no JSON object in it"),
            (b"\xff\xfe\x00", "no JSON object in it"),
            (b"[" * 100_000, "no JSON object in it"),
            (b"<html><title>Sign in</title>", "no JSON object in it (Sign in)"),
            (b"{}", "no billingCycle in it"),
            (b'{"error": "try later"}', "no billingCycle in it (try later)"),
            (USAGE.replace(b"18500", b'"many"'), "credits is not a whole number: 'many'"),
            (USAGE.replace(b"api_usage", b"used"), "no api_usage in it"),
        ],
    )
    def test_one_that_tells_no_usage_says_what_is_lacking(self, refused, body, said):
        error = refused(answer(200, body, {"Content-Type": "text/x"}), errors.APIResponseError)
        assert str(error).startswith("The API answered 200, but not with the usage of an account: ")
        assert error.args[0].endswith("Check REMBG_MEMBERSHIP_USAGE_URL.")
        assert error.status == 200
        assert error.response.content_type == "text/x"
        assert f": {said}" in str(error)

    def test_another_status_of_success_is_an_answer_too(self, ask, refused):
        assert ask(answer(203, USAGE)).credits == 18500
        no_content = raw_answer(head(204))
        assert "answered 204" in str(refused(no_content, errors.APIResponseError))

    def test_a_list_that_is_none_says_so(self, serve):
        with pytest.raises(errors.APIResponseError, match="no billingCycles in it"):
            account_of(serve(answer(200, USAGE))).billing_cycles()

    def test_a_long_list_is_read(self, serve):
        one = json.loads(CYCLES)["billingCycles"][0]
        body = json.dumps({"billingCycles": [one] * 600}).encode()
        assert len(account_of(serve(answer(200, body))).billing_cycles()) == 600

    def test_it_may_be_compressed_or_lack_its_length(self, ask):
        packed = answer(200, gzip.compress(USAGE), {"Content-Encoding": "gzip"})
        assert ask(packed).credits == 18500
        assert ask(raw_answer(head(200) + USAGE)).credits == 18500
        assert ask(answer(200, b"\xef\xbb\xbf" + USAGE)).credits == 18500

    def test_what_cannot_be_unpacked_is_unusable(self, refused):
        refused(answer(200, b"no gzip", {"Content-Encoding": "gzip"}), errors.APIResponseError)

    @pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}], ids=["plain", "packed"])
    def test_one_without_an_end_is_given_up(self, refused, headers):
        body = b" " * 2**20 + USAGE
        script = answer(200, gzip.compress(body) if headers else body, headers)
        assert "longer than 1048576 bytes" in str(refused(script, errors.APIResponseError))

    def test_unknown_members_are_kept(self, ask):
        found = ask(answer(200, USAGE.replace(b"{", b'{"seats": [1, {"a": 0.5}], ', 1)))
        assert found.extra == {"seats": [1, {"a": 0.5}]}
        assert found.remaining == 11200


class TestSecrecy:
    @pytest.mark.parametrize(
        "script",
        [
            echo,
            cut_short,
            answer(200, f"<html><title>{ODD_KEY}</title>".encode()),
            answer(200, f"[{'[' * 300}{ODD_KEY}".encode(), {"Content-Type": ODD_KEY}),
            answer(200, f'{{"error": "{ODD_KEY}"}}'.encode()),
            answer(200, b"x" * 2034 + ODD_KEY.encode()),
            answer(200, USAGE.replace(b"18500", json.dumps(ODD_KEY).encode())),
            answer(302, b"", {"Location": f"http://evil.example/{ODD_KEY}"}),
            answer(400, f'{{"error": "{ODD_KEY}", "field": "{ODD_KEY}"}}'.encode()),
            answer(429, b"", {"Retry-After": ODD_KEY}),
            raw_answer(ODD_KEY.encode() + b"\r\n"),
            lambda exchange: exchange.reset(),
        ],
        ids=[
            "echo", "cut short", "HTML 200", "no JSON 200", "JSON 200", "cut off", "number",
            "redirect", "field", "Retry-After", "no HTTP", "reset",
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("through", ["straight", "proxy"])
    def test_no_error_shows_the_key(self, serve, request, script, through):
        if through == "proxy":
            request.getfixturevalue("tunnel")(script)
            url = "https://api.example/usage"
        else:
            url = serve(script).url
        with pytest.raises(errors.RembgError) as caught:
            Account(ODD_KEY, usage_url=url).usage()
        for text in everything(caught.value):
            assert_clean(text)

    def test_no_usage_shows_the_key_however_it_is_spelt(self, ask):
        spelt = "".join(f"\\u{ord(char):04x}" for char in ODD_KEY)
        members = f'{{"{spelt}": ["{spelt}", {{"a": "{spelt}"}}], "plan": "{spelt}", '.encode()
        body = USAGE.replace(b"{", members, 1).replace(b"Premium-20000", spelt.encode())
        found = ask(answer(200, body), api_key=ODD_KEY)
        assert_clean(repr(found))
        assert_clean(pickle.dumps(found))
        assert found.membership == "***"
        assert found.extra == {"***": ["***", {"a": "***"}], "plan": "***"}

    def test_numbers_are_not_taken_for_the_key(self, ask):
        assert ask(answer(200, USAGE), api_key="18500").credits == 18500

    def test_no_repr_shows_the_key(self):
        account = Account(ODD_KEY)
        assert_clean(repr(account) + str(account))
        assert "***" in repr(account)

    @pytest.mark.parametrize("preserve", [pickle.dumps, copy.copy, copy.deepcopy])
    def test_what_holds_the_key_is_not_preserved(self, preserve):
        with pytest.raises(TypeError, match="not picklable"):
            preserve(Account(KEY))

    def test_no_log_shows_the_key(self, ask, caplog):
        caplog.set_level(logging.DEBUG)
        ask(answer(200, USAGE), api_key=ODD_KEY)
        assert caplog.records  # urllib3 does log
        assert_clean(caplog.text)

    def test_the_environment_s_netrc_is_not_asked(self, serve, tmp_path, monkeypatch):
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login me password pa55word\n")
        monkeypatch.setenv("NETRC", str(netrc))
        server = serve(answer(200, USAGE))
        account_of(server).usage()
        assert "authorization" not in server.requests[0].headers
