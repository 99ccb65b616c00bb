"""Several processes of the tests' site that want cut-outs at once; a program.

``python -m django_site.crowd N SETTINGS PICTURE…``: forks N processes, as a web server does that
loads the site once; the number i of them wants picture i, or the last. Each writes JSON lines of
what it does, and they all begin together.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from pathlib import Path


class Watching:
    """Tells that a call of the engine begins."""

    def __init__(self, hookimpl):
        """Mark the method as a hook; the class can only be made once Django is there."""
        type(self).rembg_before_request = hookimpl(type(self).rembg_before_request)

    def rembg_before_request(self, request):
        tell(event="calls")


def tell(**facts):
    os.write(1, json.dumps({"pid": os.getpid(), **facts}).encode() + b"\n")


def want(path, start):
    """What one process does."""
    from rembg_plugins.core.errors import RembgError
    from rembg_plugins.django import cutouts

    start.wait()
    try:
        result = cutouts.remove(Path(path).read_bytes())
    except RembgError as error:
        tell(event="failed", error=type(error).__name__, message=str(error))
    else:
        tell(event="has", billed=result.billed, size=result.size)


def main(number, changes, *paths):
    import django
    from django.conf import settings
    from django.db import connection

    settings.REMBG = {**settings.REMBG, **json.loads(changes)}
    django.setup()

    from rembg_plugins.core.hookspecs import hookimpl
    from rembg_plugins.core.plugins import default_manager
    from rembg_plugins.django.models import Call, Window

    with connection.schema_editor() as editor:
        for model in (Call, Window):
            if model._meta.db_table not in connection.introspection.table_names():
                editor.create_model(model)
    connection.close()
    default_manager().register(Watching(hookimpl))
    fork = multiprocessing.get_context("fork")
    start = fork.Barrier(int(number))
    paths = list(paths) + [paths[-1]] * (int(number) - len(paths))
    children = [fork.Process(target=want, args=(path, start)) for path in paths]
    for child in children:
        child.start()
    for child in children:
        child.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
