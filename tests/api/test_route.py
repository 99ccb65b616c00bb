from __future__ import annotations

import pytest

from rembg_plugins.api.route import address_of, checked_url, find_route
from rembg_plugins.core.errors import ConfigurationError

API = "https://api.example/rmbg"
LOCAL = "http://127.0.0.1:8000/rmbg"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.rembg.com/rmbg", "https://api.example:8443/x?y=1", "HTTPS://api.example/",
        "https://bücher.example/", "https://[2001:db8::1]/x", "https://10.0.0.1/",
        "http://127.0.0.1:8000/rmbg", "http://localhost/", "http://LOCALHOST:1/",
        "http://[::1]:8000/", "http://127.8.9.1/",
    ],
)  # fmt: skip
def test_https_and_this_machine_are_fine(url):
    assert checked_url(url).hostname


@pytest.mark.parametrize(
    "url",
    [
        "http://api.rembg.com/rmbg", "http://10.0.0.1/", "http://0.0.0.0/", "http://localhost.evil/",
        "http://127.0.0.1.evil/", "http://0x7f.1/", "http://2130706433/", "http://[::2]/",
        "ftp://localhost/", "file:///etc/passwd", "api.rembg.com/rmbg", "//localhost/x", "",
        "https://", "https:///x", "https://a b/", "https://a/b c", "https://a\n.b/",
        "\thttps://a/", "https://a\\@b/", "https://a:port/", "https://a:99999/", "https://[half/",
        "http://127.0.0.1:80\\.evil/", "https://a:1:2/", "https://%41/",
    ],
)  # fmt: skip
def test_other_urls_are_refused(url):
    with pytest.raises(ConfigurationError, match="URL"):
        checked_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:pa55word@api.example/", "https://pa55word@api.example/",
        "http://127.0.0.1\\:pa55word@evil.example/", "http://x:pa55word@localhost/",
    ],
)  # fmt: skip
def test_a_password_in_the_url_is_refused_and_not_repeated(url):
    with pytest.raises(ConfigurationError) as caught:
        checked_url(url)
    assert "pa55word" not in f"{caught.value!s}{caught.value!r}{vars(caught.value)}"


@pytest.mark.parametrize("odd", [5, b"https://s3cret.example/", None, ["s3cret"]], ids=repr)
def test_what_is_no_text_is_no_url_and_not_repeated(odd):
    kind = type(odd).__name__
    with pytest.raises(ConfigurationError, match=f"URL must be text, not of type {kind}") as caught:
        find_route(odd)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("HTTPS://API.Example/a/B/?c=d#e", "https://api.example:443/a/B"),
        ("https://api.example:443", "https://api.example:443"),
        ("http://LOCALHOST/", "http://localhost:80"),
        ("http://[::1]:8000/x", "http://::1:8000/x"),
    ],
)
def test_every_spelling_of_an_address_is_the_same_text(url, address):
    assert checked_url(url)
    assert address_of(url) == address


def test_a_query_is_not_shown():
    assert "pa55word" not in repr(find_route(f"{API}?token=pa55word"))
    with pytest.raises(ConfigurationError) as caught:
        checked_url("http://api.example/?token=pa55word")
    assert "pa55word" not in str(caught.value)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_the_proxy_of_the_environment_is_taken(monkeypatch, name):
    monkeypatch.setenv(name, "http://proxy.example:3128")
    assert find_route(API).proxy == "http://proxy.example:3128"


@pytest.mark.parametrize("without", ["*", "api.example", ".example", "other,api.example"])
def test_no_proxy_is_honoured(monkeypatch, without):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", without)
    assert find_route(API).proxy is None


@pytest.mark.parametrize("proxy", ["http://proxy.example:3128", "localhost:3128", "broken://"])
@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("url", [LOCAL, "https://LOCALHOST:8443/", "https://[::1]/"])
def test_no_proxy_is_on_the_way_to_this_machine(monkeypatch, url, name, proxy):
    monkeypatch.setenv(name, proxy)
    assert find_route(url).proxy is None


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_certificates_of_the_environment_are_taken(monkeypatch, tmp_path, name):
    monkeypatch.setenv(name, str(tmp_path))
    assert find_route(API).certificates == str(tmp_path)


def test_certificates_that_are_not_there_are_a_mistake(monkeypatch, tmp_path):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with pytest.raises(ConfigurationError, match="REQUESTS_CA_BUNDLE"):
        find_route(API)


def test_the_password_of_a_proxy_is_a_secret(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://me:pa%2055word@proxy.example:3128")
    route = find_route(API)
    assert {"pa%2055word", "pa 55word"} < set(route.secrets)
    assert "55word" not in repr(route)


@pytest.mark.parametrize(
    "proxy",
    [
        "http://me:pa55word@:3128/", "http://me:pa55word@", "ftp://me:pa55word@proxy.example/",
        "http://me:pa55word@[half", "http://me:pa55word@proxy.example:port", "me:pa55word@",
    ],
)  # fmt: skip
def test_a_broken_proxy_is_a_mistake_and_not_repeated(monkeypatch, proxy):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ConfigurationError, match="proxy") as caught:
        find_route(API)
    assert "pa55word" not in f"{caught.value!s}{caught.value.__cause__}"
