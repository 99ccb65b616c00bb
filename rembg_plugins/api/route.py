"""The way to the API: its URL, checked, and the proxy and certificates of the environment."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from requests.utils import get_environ_proxies, select_proxy

from rembg_plugins.api.authentication import check_text, secrets_of_proxy
from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.loopback import is_loopback
from rembg_plugins.core.setting import SETTINGS

_HOST = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PROXY_SCHEMES = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"}
_PORTS = {"http": 80, "https": 443}
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How requests reach the API; found once a client, for looking it up takes time.

    Attributes:
        url: Where to.
        proxy: The proxy's URL, or None.
        certificates: A file or folder of certificates to trust instead of the usual ones.
    """

    url: str
    proxy: str | None = None
    certificates: str | None = None

    def __repr__(self) -> str:
        return f"Route({shown_url(self.url)!r})"  # a proxy's URL may hold its password

    @property
    def secrets(self) -> tuple[str, ...]:
        """The password in the proxy's URL, if there is one."""
        return secrets_of_proxy(self.proxy or "")


def find_route(url: str, *, example: object = SETTINGS["api_url"].default) -> Route:
    """The route to a URL by the environment: ``HTTPS_PROXY``, ``NO_PROXY``, ``REQUESTS_CA_BUNDLE``.

    There is no proxy on the way to this machine itself.

    Raises:
        ConfigurationError: The URL or the proxy's cannot be used, or there are no such
            certificates.
    """
    parts = checked_url(url, example=example)
    # What is for this machine must not leave it: the picture, or the key in plain text.
    straight = is_loopback(parts.hostname)
    proxy = None if straight else select_proxy(url, get_environ_proxies(url))
    if proxy:
        _check_proxy(proxy)
    certificates = next((os.environ[name] for name in _BUNDLES if os.environ.get(name)), None)
    if certificates and not Path(certificates).exists():
        message = f"There are no certificates at '{certificates}': see {' and '.join(_BUNDLES)}."
        raise ConfigurationError(message)
    return Route(url=url, proxy=proxy or None, certificates=certificates)


def checked_url(url: str, *, example: object = SETTINGS["api_url"].default) -> SplitResult:
    """The parts of a URL to which credentials may be sent; ``example`` is one that is good.

    Raises:
        ConfigurationError: It is no text or no URL, holds a user name or password, or is neither
            https nor http to this machine. A user name or password is not repeated.
    """
    check_text("The API's URL", url)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = SplitResult("", "", "", "", ""), None
    if "@" in parts.netloc:
        message = "The API's URL must not hold a user name or password. Give the key by itself."
        raise ConfigurationError(message)
    odd = any(char <= " " or char in "\\\x7f" for char in url)
    if odd or not host or not _HOST.fullmatch(parts.netloc):
        message = f"The API's URL cannot be used. It looks like {example}."
        raise ConfigurationError(message)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        message = (
            "The API's URL must begin with https:// (http:// is for this machine only), not with "
            f"{shown_url(url)}"
        )
        raise ConfigurationError(message)
    return parts


def shown_url(url: str) -> str:
    """A URL without what may be secret: its query."""
    return url.partition("?")[0]


def address_of(url: str) -> str:
    """The same text for every spelling of a good URL's scheme, host, port and path; no query."""
    parts = urlsplit(url)
    port = parts.port or _PORTS[parts.scheme]
    return f"{parts.scheme}://{parts.hostname}:{port}{parts.path.rstrip('/')}"


def _check_proxy(proxy: str) -> None:
    """Raise for a proxy's URL that is broken; it may lack its scheme."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in _PROXY_SCHEMES:
        message = "The proxy's URL cannot be used: see HTTPS_PROXY and ALL_PROXY."
        raise ConfigurationError(message)  # not repeated: it may hold a password
