"""The OpenAPI document that an API publishes about itself: fetched without a key, and bounded."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING
from urllib.parse import urlunsplit

from rembg_plugins.api.contract import NoContractError, read_contract
from rembg_plugins.api.openapi import DOCUMENT_PATH
from rembg_plugins.api.question import Asker
from rembg_plugins.api.route import checked_url, find_route
from rembg_plugins.core.errors import APIResponseError, ConfigurationError
from rembg_plugins.core.setting import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.api.contract import Contract

LONGEST_DOCUMENT = 2**21  # bytes; ours has 16 kB
_VARIABLE = SETTINGS["usage_url"].variable


def description_url(usage_url: str) -> str:
    """Where the API describes itself: on the host of the membership usage.

    Raises:
        ConfigurationError: The URL cannot be used.

    Source: API reference, "OpenAPI".
    """
    try:
        parts = checked_url(usage_url, example=SETTINGS["usage_url"].default)
    except ConfigurationError as problem:
        message = f"{_VARIABLE} cannot be used: {problem}"
        raise ConfigurationError(message) from problem
    return urlunsplit((parts.scheme, parts.netloc, DOCUMENT_PATH, "", ""))


def fetch_contract(
    url: str,
    *,
    connect_timeout_s: float,
    read_timeout_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> Contract:
    """What the API promises; asks once, sends no key and costs nothing.

    Args:
        url: Of the document: https, or http to this machine.
        connect_timeout_s: For making a connection, in s.
        read_timeout_s: For each wait for the other side, and for the whole answer, in s.
        clock: Gives the time in s.

    Raises:
        ConfigurationError: The URL or the environment's certificates cannot be used.
        APIError: There is no answer, a refusal, or something that is no OpenAPI document.
    """
    route = find_route(url)
    asker = Asker(
        route=route,
        secrets=route.secrets,
        timeouts=(connect_timeout_s, read_timeout_s),
        longest=LONGEST_DOCUMENT,
        setting=_VARIABLE,
        clock=clock,
    )
    _, content = asker.ask({}, {})
    try:
        return read_contract(json.loads(content))
    except (ValueError, RecursionError) as problem:
        reason = problem if isinstance(problem, NoContractError) else "it is no JSON"
        message = f"{url} gives no OpenAPI document: {reason}. Check {_VARIABLE}."
        raise APIResponseError(message) from problem
