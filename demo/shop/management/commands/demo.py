"""Make the shop if there is none yet, and serve it on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.staticfiles.management.commands.runserver import Command as RunServer
from django.core.management import BaseCommand, call_command

from shop import samples
from shop.folder import FOLDER, kept_secret

if TYPE_CHECKING:
    from argparse import ArgumentParser

HOST = "127.0.0.1"


class Command(BaseCommand):
    """Database, pages, pictures, a login, a server: all that the demo needs."""

    help = "Makes the shop if there is none yet, and serves it on this machine only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen."""
        parser.add_argument(
            "--port", type=int, default=8000, help="0 for any that is free (%(default)s)"
        )

    def handle(self, *_: Any, port: int, **__: Any) -> None:
        """Return when the server is stopped."""
        self.stdout.write(f"The shop is kept in {FOLDER}")
        call_command("migrate", verbosity=0, interactive=False)
        samples.load()
        samples.load_user(kept_secret("admin-password"))
        call_command(_Server(self.stdout), f"{HOST}:{port}", use_reloader=False)


class _Server(RunServer):
    def on_bind(self, server_port: int) -> None:
        """Say where the shop is, once it can be visited."""
        shop = f"http://{HOST}:{server_port}/"
        self.stdout.write(
            f"Shop:  {shop}\n"
            f"Admin: {shop}admin/ as {samples.USER}, "
            f"password at first: {kept_secret('admin-password')}\n"
            "Stop it with Ctrl-C."
        )
        self.stdout.flush()
