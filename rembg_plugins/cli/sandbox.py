"""``rembg-plugins sandbox``: the RemBG API on this machine."""

from __future__ import annotations

import contextlib
import math
import queue
import threading
from typing import TYPE_CHECKING, Self

import click

from rembg_plugins.cli.logs import verbose_option
from rembg_plugins.cli.wording import HELP_NAMES, printable
from rembg_plugins.core.errors import ConfigurationError

if TYPE_CHECKING:
    from rembg_plugins.sandbox.calls import Call

_MOST_LINES = 1000  # that wait to be written
_LAST_LINES_S = 1.0  # for writing them in the end
_NEEDED = ("fastapi", "uvicorn", "python_multipart", "swagger_ui_bundle")


@click.command(context_settings=HELP_NAMES)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8010,
    show_default=True,
    help="Port to listen on; 0 picks a free one.",
)
@click.option(
    "--credits",
    "credits_",
    type=click.IntRange(0, 1_000_000_000),
    default=1000,
    show_default=True,
    help="Included credits of each account and billing period.",
)
@click.option(
    "--rate", default="200/10", show_default=True, help="Calls in so many seconds, or off."
)
@click.option(
    "--latency",
    type=click.FloatRange(0, 3600),
    default=0.0,
    help="Seconds that each cut-out takes longer; the hosted API takes 3 to 5.",
)
@click.option(
    "--engine",
    default="local",
    show_default=True,
    help="Engine that cuts out: local, or offline for an oval at once.",
)
@verbose_option
def sandbox(*, host: str, port: int, credits_: int, rate: str, latency: float, engine: str) -> None:
    """Serve the RemBG API on this machine: no key of yours, no network, no credits.

    Same endpoints, same checks, same errors, real cut-outs; test keys stand for accounts in every
    state. Ctrl-C ends it.
    """
    from importlib.util import find_spec  # noqa: PLC0415 - lazily

    absent = [module for module in _NEEDED if find_spec(module) is None]
    if absent:
        message = f"{' and '.join(absent)} not installed; run: pip install 'rembg-plugins[sandbox]'"
        raise ConfigurationError(message)
    from rembg_plugins.core.rate import parse_rate  # noqa: PLC0415 - lazily
    from rembg_plugins.sandbox.server import serve  # noqa: PLC0415 - lazily
    from rembg_plugins.sandbox.settings import Settings  # noqa: PLC0415 - lazily

    if math.isnan(latency):
        message = "nan is no number of seconds"
        raise click.BadParameter(message, param_hint="'--latency'")
    settings = Settings(credits=credits_, rate=parse_rate(rate), latency_s=latency, engine=engine)
    # Ctrl-C and SIGTERM are how it is ended.
    with _Lines() as lines, contextlib.suppress(KeyboardInterrupt):
        serve(
            settings,
            host=host,
            port=port,
            on_ready=_show_welcome,
            on_call=lambda call: lines.write(_line(call)),
        )


class _Lines:
    """Lines on stderr, written by a thread: nobody has to read them, and calls do not wait."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[str | None] = queue.Queue(_MOST_LINES)
        self._thread = threading.Thread(target=self._write_all, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(_LAST_LINES_S)

    def write(self, line: str) -> None:
        """Write a line; where too many wait already, it is dropped."""
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(line)

    def _write_all(self) -> None:
        while (line := self._waiting.get()) is not None:
            with contextlib.suppress(OSError):  # nobody reads them any more
                click.echo(line, err=True)


def _show_welcome(url: str) -> None:
    from rembg_plugins.sandbox.keys import GOOD_KEY  # noqa: PLC0415 - lazily

    with contextlib.suppress(BrokenPipeError):  # whoever reads the first line may have enough
        click.echo(_welcome(url, GOOD_KEY))


def _welcome(url: str, key: str) -> str:
    return (
        f"Listening on {url}\n"
        "\nIn another terminal, for everything that uses rembg-plugins:\n"
        f"  export REMBG_API_URL={url}/rmbg\n"
        f"  export REMBG_MEMBERSHIP_USAGE_URL={url}/api/membership-usage\n"
        f"  export REMBG_API_KEY={key}\n"
        "\nOr a first cut-out of a picture that the sandbox brings along:\n"
        f"  curl -s {url}/sample.jpg -o sample.jpg && curl -H 'x-api-key: {key}' "
        f"-F image=@sample.jpg -F format=png {url}/rmbg -o cutout.png\n"
        f"\nReference, to try in the browser: {url}/api/docs\n"
        "Ctrl-C ends it."
    )


def _line(call: Call) -> str:
    """What is told of a call."""
    status = "no answer" if call.status is None else str(call.status)
    credit = "1 credit" if call.billed else "no credit"
    fault = f", fault {call.fault}" if call.fault else ""
    name = f" {call.filename}" if call.filename else ""
    return printable(f"POST {call.endpoint} {status}, {credit}, {call.account}{fault}{name}")
