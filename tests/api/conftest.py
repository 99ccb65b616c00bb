"""Fixtures of the client's tests: a clean environment, servers, a certificate, a request."""

from __future__ import annotations

import io
import shutil
import ssl
import subprocess

import pytest
from api.server import Server, head, next_exchange
from PIL import Image

from rembg_plugins.api.client import Client
from rembg_plugins.core import paid_calls
from rembg_plugins.core.validation import validate

KEY = "sk-0123456789abcdef"
_OF_THE_ENVIRONMENT = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in _OF_THE_ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def picture():
    """A PNG of 12 x 8 px."""
    file = io.BytesIO()
    Image.new("RGBA", (12, 8), (200, 30, 30, 255)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def request_(picture):
    return validate(picture, format="PNG")


@pytest.fixture
def serve():
    """Starts a server for a script; all of them are stopped after the test."""
    servers = []

    def start(script, **options):
        server = Server(script, **options)
        servers.append(server)
        return server.__enter__()

    yield start
    for server in servers:
        server.__exit__()


@pytest.fixture
def connect():
    """Makes a client for a URL; all of them are closed after the test."""
    clients = []

    def make(url, **options):
        client = Client(url, **{"api_key": KEY, "read_timeout_s": 20, **options})
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Paths of a self-signed certificate for localhost and api.example, and of its key."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("needs the openssl program")
    folder = tmp_path_factory.mktemp("tls")
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,DNS:api.example"]
    kind = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run(
        [program, "req", *kind, *names, "-keyout", "key.pem", "-out", "certificate.pem"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder / "certificate.pem", folder / "key.pem"


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def elsewhere():
    """A URL that only a proxy leads to: no name server knows it."""
    with paid_calls.refused(refuse=False):
        yield "https://api.example:4430/rmbg"


@pytest.fixture
def tunnel(serve, tls, certificate, monkeypatch):
    """Puts a script behind a proxy with a password; gives that proxy. Any https URL leads there."""

    def start(script):
        def pass_on(exchange):
            exchange.send(head(200))
            exchange.upgrade(tls)
            inner = next_exchange(exchange.server, exchange.sock, 1)
            script(inner)
            if inner.closed:
                exchange.sock.close()
                exchange.close()

        proxy = serve(pass_on)
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:pa55%2Fword@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
        return proxy

    return start


@pytest.fixture
def large(tmp_path):
    """A request of 24 MB: more than the buffers of two sockets hold."""
    path = tmp_path / "large.bmp"
    Image.new("RGB", (4000, 2000)).save(path)
    return validate(path)
