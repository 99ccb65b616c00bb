"""A session of requests that keeps nothing, follows nothing, and wastes neither time nor memory."""

from __future__ import annotations

from http.client import HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, cast

import requests
from requests.adapters import HTTPAdapter

from rembg_plugins import __version__
from rembg_plugins.api.body import BLOCK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3 import HTTPConnectionPool

    from rembg_plugins.api.body import MultipartBody
    from rembg_plugins.api.route import Route

_CONNECTIONS = 32  # kept open, as many threads may upload at once without opening new ones


class Session(requests.Session):
    """Sends uploads and questions to one route; holds no credentials: they come with each request.

    Args:
        route: The way to the API.
        read_timeout_s: See :class:`_Adapter`.
        reader: Reads an answer off the socket, from its first byte on.
    """

    def __init__(
        self,
        route: Route,
        *,
        read_timeout_s: float,
        reader: type[HTTPResponse] = HTTPResponse,
    ) -> None:
        """Set up; no connection is made yet."""
        super().__init__()
        self.trust_env = False  # scanning the environment at each request takes 0.1 ms of CPU
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.verify = route.certificates or True
        if route.proxy:
            self.proxies = {"all": route.proxy}
        self.headers["User-Agent"] = f"rembg-plugins/{__version__}"
        self.headers["Accept-Encoding"] = "identity"  # pictures do not compress
        adapter = _Adapter(read_timeout_s, reader)
        for prefix in ("https://", "http://"):
            self.mount(prefix, adapter)
        self._url = route.url
        self._template = self.prepare_request(requests.Request("POST", route.url))

    def upload(
        self, body: MultipartBody, headers: Mapping[str, str], *, timeouts: tuple[float, float]
    ) -> requests.Response:
        """Send one body; gives the answer with its body unread.

        Args:
            body: Is read once.
            headers: The credentials.
            timeouts: For connecting and for reading, in s.
        """
        # Copied, not prepared anew: that takes a quarter of the CPU of a small upload.
        request = self._template.copy()
        request.headers.update(headers)
        request.headers["Content-Type"] = body.content_type
        request.headers["Content-Length"] = str(len(body))
        request.body = cast("bytes", body)  # requests streams it, as its documentation says
        return self.send(request, timeout=timeouts, stream=True, allow_redirects=False)

    def fetch(
        self,
        parameters: Mapping[str, str],
        headers: Mapping[str, str],
        *,
        timeouts: tuple[float, float],
    ) -> requests.Response:
        """Ask the route's URL a question; gives the answer with its body unread.

        Args:
            parameters: The members of the query string.
            headers: The credentials.
            timeouts: For connecting and for reading, in s.
        """
        question = requests.Request("GET", self._url, params=parameters, headers=headers)
        request = self.prepare_request(question)
        return self.send(request, timeout=timeouts, stream=True, allow_redirects=False)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: no redirect is followed.

        ``allow_redirects=False`` alone still reads the whole body of a redirect and resolves
        its target (requests 2.34).
        """
        del resp


class _Adapter(HTTPAdapter):
    """Sends in large blocks, and lets each of them take the read time-out.

    urllib3 (2.8) sends the body of a new connection under the connect time-out, which is too
    short for a large block on a slow line.
    """

    def __init__(self, read_timeout_s: float, reader: type[HTTPResponse]) -> None:
        self._read_timeout_s, self._reader = read_timeout_s, reader
        super().__init__(pool_maxsize=_CONNECTIONS, max_retries=0)

    def init_poolmanager(
        self,
        connections: int,
        maxsize: int,
        block: bool = False,  # noqa: FBT001, FBT002 - the base's signature
        **pool_kwargs: Any,
    ) -> None:
        super().init_poolmanager(connections, maxsize, block, blocksize=BLOCK, **pool_kwargs)
        manager = self.poolmanager
        manager.pool_classes_by_scheme = self._pools_like(manager.pool_classes_by_scheme)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        if proxy in self.proxy_manager:
            return self.proxy_manager[proxy]
        manager = super().proxy_manager_for(proxy, blocksize=BLOCK, **proxy_kwargs)
        manager.pool_classes_by_scheme = self._pools_like(manager.pool_classes_by_scheme)
        return manager

    def _pools_like(
        self, bases: Mapping[str, type[HTTPConnectionPool]]
    ) -> dict[str, type[HTTPConnectionPool]]:
        """The same with our connections; SOCKS proxies have classes of their own."""
        return {
            scheme: _pool_class(base, self._read_timeout_s, self._reader)
            for scheme, base in bases.items()
        }


def _pool_class(
    base: type[HTTPConnectionPool], read_timeout_s: float, reader: type[HTTPResponse]
) -> type[HTTPConnectionPool]:
    """A pool whose connections wait as long in sending as in reading."""

    class Connection(base.ConnectionCls):  # type: ignore[misc, name-defined]  # chosen at run time
        response_class = reader

        def connect(self) -> None:
            super().connect()
            self.sock.settimeout(read_timeout_s)

    class Pool(base):  # type: ignore[misc, valid-type]  # chosen at run time
        ConnectionCls = Connection

    return Pool
