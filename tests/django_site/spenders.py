"""Threads of one process that reserve credits as fast as they can; a program.

``python -m django_site.spenders DATABASE WORK NAME`` with two JSON objects: an entry of
``DATABASES``, and how many threads and calls, the budget of the hour, the key (or one for each
call), whether each call ends at once and was free, whether the process dies within the first, and
for how many s another one for its key is waited for. It says "ready", waits for a line, and then
prints a JSON object: how many calls it was given, and every other error but a refusal.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from datetime import UTC, datetime, timedelta

import django
from django.conf import settings

NOON = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)


def spend(work, number, begun, wrong):
    """What one thread does."""
    from django.db import connection

    from rembg_plugins.core.errors import CutoutPendingError, SpendingError
    from rembg_plugins.django import ledger
    from rembg_plugins.django.purpose import Purpose
    from rembg_plugins.django.setting_values import Budget

    for call in range(work["calls"]):
        key = work["key"] or f"{sys.argv[3]}-{number}-{call}"
        try:
            row = ledger.begin(
                key=key,
                engine="counted 1",
                is_paid=True,
                purpose=Purpose(),
                budget=Budget(hour=work["hour"]),
                longest=timedelta(seconds=work["longest"]),
                now=lambda: NOON,
            )
        except (SpendingError, CutoutPendingError):
            continue
        except Exception as error:  # noqa: BLE001 - the test judges it
            wrong.append(repr(error))
            continue
        begun.append(row)
        if work["dies"]:
            os.kill(os.getpid(), signal.SIGKILL)
        if work["free"]:
            ledger.end(row, outcome="failed", error="", billed=False, seconds=0)
    connection.close()


def main():
    database, work = map(json.loads, sys.argv[1:3])
    settings.configure(
        INSTALLED_APPS=["rembg_plugins.django"], DATABASES={"default": database}, USE_TZ=True
    )
    django.setup()
    begun, wrong = [], []
    threads = [
        threading.Thread(target=spend, args=(work, number, begun, wrong))
        for number in range(work["threads"])
    ]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write(json.dumps({"begun": len(begun), "wrong": wrong}))


if __name__ == "__main__":
    main()
