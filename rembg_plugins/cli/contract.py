"""``rembg-plugins doctor --contract``: whether the API still is what this package expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rembg_plugins.cli.wording import count, printable

if TYPE_CHECKING:
    from rembg_plugins.api.contract import Difference
    from rembg_plugins.core.configuration import Configuration

_SHOWN = 200  # characters of a value or a place


def check_contract(configuration: Configuration) -> int:
    """Print every difference between the API's own description and ours.

    Returns:
        The exit code: that of an answer which is not the API's, where there are differences.

    Raises:
        ConfigurationError: The URL cannot be used.
        APIError: The API gives no such description.
    """
    from rembg_plugins.api import description  # noqa: PLC0415 - lazily
    from rembg_plugins.api.contract import differences, our_contract  # noqa: PLC0415 - lazily
    from rembg_plugins.core.errors import APIResponseError  # noqa: PLC0415 - lazily
    from rembg_plugins.core.outcomes import EXIT_OK, outcome  # noqa: PLC0415 - lazily

    url = description.description_url(configuration.usage_url.value)
    theirs = description.fetch_contract(
        url,
        connect_timeout_s=configuration.connect_timeout_s.value,
        read_timeout_s=configuration.read_timeout_s.value,
    )
    found = differences(theirs, our_contract())
    for difference in found:
        click.echo(_line(difference))
    number = count(len(found), "difference") if found else "No difference"
    click.echo(f"{number} between {printable(url)} and what rembg-plugins expects.")
    return outcome(APIResponseError).exit_code if found else EXIT_OK


def _line(difference: Difference) -> str:
    theirs, ours = (_shown(value or "nothing") for value in (difference.theirs, difference.ours))
    return f"{_shown(', '.join(difference.where))}: theirs {theirs}, ours {ours}"


def _shown(text: str) -> str:
    return printable(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
