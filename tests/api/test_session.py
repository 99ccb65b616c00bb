from __future__ import annotations

import contextlib
import socket
import sys
import threading
from http.client import HTTPResponse

import pytest
import requests
from api.conftest import KEY
from api.server import answer, head

from rembg_plugins.api.route import Route, find_route
from rembg_plugins.api.session import Session
from rembg_plugins.core import errors


def test_a_block_may_take_the_read_timeout_to_leave(serve):
    """urllib3 would give the first upload of a connection its connect time-out."""
    route = find_route(serve(answer(200)).url)
    with Session(route, read_timeout_s=77) as session:
        request = session.prepare_request(requests.Request("POST", route.url))
        adapter = session.get_adapter(route.url)
        pool = adapter.get_connection_with_tls_context(request, verify=True)
        connection = pool._get_conn()
        connection.timeout = 5
        connection.connect()
        assert connection.sock.gettimeout() == 77
        assert connection.blocksize == 256 * 1024
        connection.close()


def test_the_environment_is_not_asked_again(serve, connect, request_, picture, monkeypatch):
    client = connect(serve(answer(200, picture)).url)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    assert client.remove(request_).content == picture


class TestTls:
    def test_a_certificate_that_nobody_vouches_for_is_refused_for_good(
        self, serve, connect, request_, tls
    ):
        server = serve(answer(200), context=tls)
        with pytest.raises(errors.ConnectionSetupError, match="certificate") as caught:
            connect(server.url).remove(request_)
        error = caught.value
        assert (error.sent, error.billed, error.final) == ("nothing", False, True)
        assert server.requests == []

    @pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_the_certificates_of_the_environment_vouch(
        self, serve, connect, request_, picture, tls, certificate, monkeypatch, name
    ):
        monkeypatch.setenv(name, str(certificate[0]))
        server = serve(answer(200, picture), context=tls)
        client = connect(server.url)
        assert client.remove(request_).content == client.remove(request_).content == picture
        assert server.connections == 1

    def test_a_certificate_for_another_name_is_refused_for_good(
        self, serve, connect, request_, tls, certificate, monkeypatch
    ):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
        server = serve(answer(200), context=tls)
        with pytest.raises(errors.ConnectionSetupError) as caught:
            connect(server.url.replace("localhost", "127.0.0.1")).remove(request_)
        assert caught.value.final is True
        assert server.requests == []

    def test_a_server_without_tls_is_a_mistake(self, serve, connect, request_):
        server = serve(answer(200), greeting=head(400))
        with pytest.raises(errors.ConnectionSetupError, match="secure") as caught:
            connect(server.url.replace("http://", "https://")).remove(request_)
        error = caught.value
        assert (error.sent, error.billed, error.final) == ("nothing", False, True)

    def test_a_server_that_hangs_up_may_come_back(self, serve, connect, request_):
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:

            def hang_up():
                sock, _ = listener.accept()
                sock.recv(100)
                sock.close()

            thread = threading.Thread(target=hang_up)
            thread.start()
            with pytest.raises(errors.APIConnectionError) as caught:
                connect(f"https://127.0.0.1:{listener.getsockname()[1]}/").remove(request_)
            thread.join(10)
        assert (caught.value.sent, caught.value.final) == ("nothing", False)


class TestProxy:
    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_this_machine_is_spoken_to_straight(
        self, serve, connect, request_, picture, tls, certificate, monkeypatch, scheme
    ):
        proxy = serve(answer(500))
        server = serve(answer(200, picture), context=tls if scheme == "https" else None)
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
        assert connect(server.url).remove(request_).content == picture
        assert proxy.connections == 0

    def test_https_goes_through_a_tunnel_that_does_not_see_the_key(
        self, tunnel, elsewhere, connect, request_, picture
    ):
        proxy = tunnel(answer(200, picture))
        result = connect(elsewhere).remove(request_)
        assert result.content == picture
        outer, inner = proxy.requests
        assert outer.line.startswith("CONNECT api.example:4430 ")
        assert outer.headers["proxy-authorization"].startswith("Basic ")
        assert "x-api-key" not in outer.headers
        assert inner.headers["x-api-key"] == KEY
        assert "proxy-authorization" not in inner.headers

    @pytest.mark.parametrize("status", [403, 407])
    def test_one_that_refuses_is_final(
        self, serve, elsewhere, connect, request_, monkeypatch, status
    ):
        def refuse(exchange):
            exchange.send(head(status, {"Content-Length": "0"}))
            exchange.close()

        proxy = serve(refuse)
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:pa55word@127.0.0.1:{proxy.port}")
        with pytest.raises(errors.ConnectionSetupError, match=str(status)) as caught:
            connect(elsewhere).remove(request_)
        error = caught.value
        assert (error.sent, error.billed, error.final) == ("nothing", False, True)

    def test_one_that_is_away_may_come_back(self, elsewhere, connect, request_, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        with pytest.raises(errors.ConnectionSetupError, match="proxy") as caught:
            connect(elsewhere).remove(request_)
        assert (caught.value.sent, caught.value.final) == ("nothing", False)

    def test_one_that_needs_a_missing_package_is_final(
        self, elsewhere, connect, request_, monkeypatch
    ):
        monkeypatch.setenv("HTTPS_PROXY", "socks5://me:pa55word@127.0.0.1:9")
        monkeypatch.setitem(sys.modules, "socks", None)
        with pytest.raises(errors.APIError) as caught:
            connect(elsewhere).remove(request_)
        assert caught.value.sent == "nothing"


def test_a_session_holds_no_credentials(serve, connect, request_, picture):
    client = connect(serve(answer(200, picture)).url)
    client.remove(request_)
    session = client._session
    assert KEY not in f"{dict(session.headers)}{session.__dict__}{session.auth}"


@pytest.mark.parametrize("proxy", ["http://b:1", "socks5h://b:1"])
def test_a_session_for_a_proxy_has_its_pools_too(proxy):
    class Reader(HTTPResponse):
        pass

    route = Route(url="https://a/", proxy=proxy)
    with Session(route, read_timeout_s=3, reader=Reader) as session:
        adapter = session.get_adapter("https://a/")
        manager = adapter.proxy_manager_for(proxy)
        assert manager is adapter.proxy_manager_for(proxy)
        for scheme, pool in manager.pool_classes_by_scheme.items():
            usual = type(manager)(proxy).pool_classes_by_scheme[scheme]
            assert issubclass(pool.ConnectionCls, usual.ConnectionCls)
            assert pool.ConnectionCls.response_class is Reader
        assert manager.connection_pool_kw["blocksize"] == 256 * 1024
