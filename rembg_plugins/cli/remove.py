"""``rembg-plugins remove``: its arguments."""

from __future__ import annotations

from typing import Any

import click

from rembg_plugins.cli.logs import verbose_option
from rembg_plugins.cli.removal_options import removal_options
from rembg_plugins.cli.wording import HELP_NAMES
from rembg_plugins.core.paid_calls import ASK_ABOVE, JOBS

_MOST_JOBS = 64


@click.command(context_settings=HELP_NAMES)
@click.argument("sources", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option(
    "-o",
    "--output",
    type=click.UNPROCESSED,
    metavar="FILE|FOLDER",
    help="Where to write; `-` is standard output.  [default: beside the source, NAME-cutout.EXT]",
)
@removal_options
@click.option(
    "--engine",
    metavar="NAME",
    help="api, local, rembg:MODEL, or a plugin's.  [default: api with a key, else local]",
)
@click.option("--store", metavar="URL", help="Keep cut-outs and look them up, as in file:FOLDER.")
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1, _MOST_JOBS),
    metavar="N",
    help=f"Pictures at once.  [default: {JOBS} where they are paid for, else 1]",
)
@click.option("--force", is_flag=True, help="Make outputs that exist anew, and pay anew.")
@click.option("-y", "--yes", is_flag=True, help=f"Do not ask above {ASK_ABOVE} paid pictures.")
@click.option(
    "--max-credits",
    type=click.IntRange(0),
    metavar="N",
    help="Begin no call that could pass N credits; lost answers count as paid.",
)
@click.option("--no-repeat", is_flag=True, help="Never repeat a call that may have been paid for.")
@click.option("--dry-run", is_flag=True, help="Check everything and tell the cost; spend nothing.")
@click.option(
    "--transcode", is_flag=True, help="Re-encode what the API does not take: TIFF, AVIF, GIF, ..."
)
@click.option(
    "--accept-downscaled", is_flag=True, help="Take answers that were shrunk to 460 x 460 px."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print a JSON object a picture, and a summary."
)
@click.option("-q", "--quiet", is_flag=True, help="Print failures and warnings only.")
@verbose_option
@click.pass_context
def remove(context: click.Context, /, **arguments: Any) -> None:
    """Remove the background of pictures.

    SOURCES are files, folders, globs, or `-` for standard input. Outputs that exist are kept,
    the same bytes are paid for once, and one bad file does not stop the others.
    """
    from rembg_plugins.cli.removal import Removal  # noqa: PLC0415 - so that --help is quick
    from rembg_plugins.core.options import OPTIONS  # noqa: PLC0415 - likewise

    options = {name: arguments.pop(name) for name in OPTIONS}
    context.exit(Removal(**arguments).run(options))
