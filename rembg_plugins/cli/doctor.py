"""``rembg-plugins doctor``: every setting and its origin, and which engines would work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rembg_plugins.cli.logs import log_traceback, verbose_option
from rembg_plugins.cli.wording import HELP_NAMES, count, printable, sentences

if TYPE_CHECKING:
    from PIL import Image

    from rembg_plugins.core.configuration import Configuration
    from rembg_plugins.core.errors import RembgError
    from rembg_plugins.core.plugins import EngineEntry
    from rembg_plugins.core.result import Result

_EMBEDDED = "local"
_SIDE = 64  # px of the picture that is tried; large enough to have a subject


@click.command(context_settings=HELP_NAMES)
@click.option(
    "--spend",
    is_flag=True,
    help="Send one small picture to the configured engine; may cost 1 credit.",
)
@click.option(
    "--contract",
    is_flag=True,
    help="Do nothing but compare the API's own description with what is expected; no key is sent.",
)
@verbose_option
@click.pass_context
def doctor(context: click.Context, *, spend: bool, contract: bool) -> None:
    """Show every setting and its origin, which engines would work, and try the embedded one.

    Keys are masked. Nothing is sent without --spend or --contract, nothing spent without --spend.
    """
    from rembg_plugins.cli.environment import find_configuration  # noqa: PLC0415 - lazily
    from rembg_plugins.core.errors import RembgError  # noqa: PLC0415 - lazily

    if contract:
        if spend:
            message = "--contract spends nothing: leave --spend out."
            raise click.UsageError(message)
        from rembg_plugins.cli.contract import check_contract  # noqa: PLC0415 - lazily

        context.exit(check_contract(find_configuration()))
    _show_settings()
    _show_engines()
    _try_embedded()
    click.echo()
    try:
        configuration = find_configuration()
        _show_chosen(configuration)
        if spend:
            _spend(configuration)
        else:
            click.echo("Nothing was sent; --spend makes one real call on this engine.")
    except RembgError as error:
        context.exit(_fail(error))


def _show_settings() -> None:
    from rembg_plugins.cli.environment import find_all_settings  # noqa: PLC0415 - lazily
    from rembg_plugins.core.setting import SETTINGS  # noqa: PLC0415 - lazily

    click.echo("Settings")
    for name, setting in find_all_settings().items():
        shown = printable(f"{setting.shown}  ({setting.origin})")
        click.echo(f"  {SETTINGS[name].variable:28} {shown}")


def _show_engines() -> None:
    from rembg_plugins.core.plugins import default_manager, engines  # noqa: PLC0415 - lazily

    click.echo("\nEngines")
    for entry in engines(default_manager()).values():
        click.echo(f"  {printable(entry.name):28} {printable(_state_of(entry))}")


def _state_of(entry: EngineEntry) -> str:
    """Whether an engine can be made with the settings in force; makes it, and sends nothing."""
    from rembg_plugins.cli.environment import find_configuration  # noqa: PLC0415 - lazily

    problem = entry.check()
    if problem:
        return f"cannot work here: {problem}"
    try:
        engine = entry.factory(find_configuration(engine=entry.name), None)
    except Exception as error:  # noqa: BLE001 - a stranger's code
        log_traceback(error)
        return f"cannot work here: {' '.join(sentences(error))}"
    if getattr(engine, "anonymous", False):
        return "can work without a key, within narrow limits, where it is asked for by name"
    return f"can work: {entry.summary}"


def _try_embedded() -> None:
    """Cut a small picture out on this machine; a failure is shown, and is none of the command."""
    from rembg_plugins.core.configuration import configure  # noqa: PLC0415 - lazily
    from rembg_plugins.core.errors import RembgError  # noqa: PLC0415 - lazily

    click.echo("\nTrial")
    try:
        result = _cut_out(configure(environ={}, engine=_EMBEDDED))
    except RembgError as error:
        click.echo(f"  {_EMBEDDED:28} {' '.join(sentences(error))}")
    else:
        click.echo(f"  {_EMBEDDED:28} {_described(result)}")


def _show_chosen(configuration: Configuration) -> None:
    from rembg_plugins.core.assembly import build, choose_engine  # noqa: PLC0415 - lazily

    engine = choose_engine(configuration)
    build(configuration)
    origin = configuration.engine.origin
    why = f"from {origin}" if configuration.engine.value else "chosen by what is there"
    click.echo(f"The engine to be used is {printable(engine)} ({printable(why)}).")


def _spend(configuration: Configuration) -> None:
    result = _cut_out(configuration)
    billed = {True: "1 credit was spent", False: "no credit was spent", None: "cost unknown"}
    click.echo(f"A real call worked: {_described(result)}; {billed[result.billed]}.")


def _fail(error: RembgError) -> int:
    """Print why the configured engine cannot work, and give the exit code."""
    from rembg_plugins.core.outcomes import outcome  # noqa: PLC0415 - lazily

    log_traceback(error)
    row = outcome(error)
    for line in sentences(error):
        click.echo(f"Error: {line}", err=True)
    if error.billed is not False:
        state = "was spent" if error.billed else "may have been spent"
        click.echo(f"{count(1, 'credit')} {state}.", err=True)
    click.echo(row.remedy, err=True)
    return row.exit_code


def _cut_out(configuration: Configuration) -> Result:
    """One cut-out, past any store and without a repeat: a look-up would prove nothing."""
    from rembg_plugins.core.adapter import Adapter  # noqa: PLC0415 - lazily
    from rembg_plugins.core.assembly import choose_engine  # noqa: PLC0415 - lazily
    from rembg_plugins.core.plugins import make_engine  # noqa: PLC0415 - lazily
    from rembg_plugins.core.retry import Retry  # noqa: PLC0415 - lazily

    engine = make_engine(choose_engine(configuration), configuration)
    return Adapter(engine, retry=Retry.NONE).remove(_picture(), format="PNG")


def _picture() -> Image.Image:
    """A dark disc on a light ground: RGB, 64 x 64 px."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - lazily

    image = Image.new("RGB", (_SIDE, _SIDE), (236, 236, 230))
    margin = _SIDE // 4
    ImageDraw.Draw(image).ellipse(
        (margin, margin, _SIDE - margin, _SIDE - margin), fill=(150, 30, 40)
    )
    return image


def _described(result: Result) -> str:
    width, height = result.size
    return f"works: {result.format}, {width} × {height} px"
