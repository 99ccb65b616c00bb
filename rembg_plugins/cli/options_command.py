"""``rembg-plugins options``: every removal option."""

from __future__ import annotations

import click

from rembg_plugins.cli.removal_options import meaning, spelling
from rembg_plugins.cli.wording import HELP_NAMES
from rembg_plugins.core.options import OPTIONS


@click.command("options", context_settings=HELP_NAMES)
def options() -> None:
    """List every option of a removal, with its values and default."""
    formatter = click.HelpFormatter(max_width=100)
    formatter.write_dl(
        [(spelling(name, info), meaning(info)) for name, info in OPTIONS.items()], col_max=24
    )
    click.echo(formatter.getvalue(), nl=False)
