"""Make the shop if there is none yet, and serve it on this machine."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING, Any

from django.contrib.staticfiles.management.commands.runserver import Command as RunServer
from django.core.management import BaseCommand, CommandError, call_command

from shop import samples
from shop.folder import FOLDER, kept_secret

if TYPE_CHECKING:
    from argparse import ArgumentParser

HOST = "127.0.0.1"
_PORTS = range(0x10000)


class Command(BaseCommand):
    """Database, pages, pictures, a login, a server: all that the demo needs."""

    help = "Makes the shop if there is none yet, and serves it on this machine only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen."""
        parser.add_argument(
            "--port", type=int, default=8000, help="0 for any that is free (%(default)s)"
        )

    def handle(self, *_: Any, port: int, **__: Any) -> None:
        """Return when the server is stopped.

        Raises:
            CommandError: It cannot be reached at that port; nothing is made then.
        """
        _check(port)
        self.stdout.write(f"The shop is kept in {FOLDER}")
        call_command("migrate", verbosity=0, interactive=False)
        samples.load()
        samples.load_user(kept_secret("admin-password"))
        call_command(_Server(self.stdout), f"{HOST}:{port}", use_reloader=False)


def _check(port: int) -> None:
    """Find out at once whether the server can listen: Django would, once all else is done."""
    if port not in _PORTS:
        message = f"--port {port}: a port is a number from 0 to {_PORTS[-1]}."
        raise CommandError(message)
    with socket.socket() as tried:
        if sys.platform != "win32":  # where it would take a port that another program has
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Django's server does
        try:
            tried.bind((HOST, port))
        except OSError as problem:
            message = (
                f"The shop cannot be served at port {port}: {problem.strerror}. Give another, as "
                "in --port 8001, or --port 0 for any that is free."
            )
            raise CommandError(message) from problem


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
