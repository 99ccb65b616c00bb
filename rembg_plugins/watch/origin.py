"""Which ledger has filled OUTBOX: another one for the same INBOX would pay for all of it again."""

from __future__ import annotations

import json
import os
import uuid
from typing import TYPE_CHECKING

from rembg_plugins.core.atomic import write_atomically
from rembg_plugins.watch.placing import FOLDER, make_folder, read_file

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path

_FILE = "ledgers.json"
_NUMBER = "number"


class Origin:
    """What OUTBOX says of the ledgers that have filled it, by their INBOX.

    Args:
        outbox: The folder.
        inbox: Whose pictures go there.
        state: Where the ledger in use lies: what ``--state`` says.
        meta: That ledger's single facts: it gets a number of its own.
    """

    def __init__(
        self, outbox: Path, *, inbox: Path, state: Path, meta: MutableMapping[str, str]
    ) -> None:
        """Nothing is read yet."""
        self._outbox, self._path = outbox, outbox / FOLDER / _FILE
        self._inbox, self._state = os.fspath(inbox), os.fspath(state)
        self._number = meta.get(_NUMBER) or uuid.uuid4().hex
        if _NUMBER not in meta:
            meta[_NUMBER] = self._number

    def other(self) -> str | None:
        """Where another ledger lies that has filled OUTBOX from the same INBOX: a ``--state``."""
        last = self._read().get(self._inbox)
        if not isinstance(last, dict) or last.get(_NUMBER) in {None, self._number}:
            return None
        return str(last.get("state"))

    def remember(self) -> None:
        """From here on it is this ledger.

        Raises:
            OSError: OUTBOX cannot be written to.
        """
        facts = {_NUMBER: self._number, "state": self._state}
        known = self._read()
        if known.get(self._inbox) != facts:
            make_folder(os.fspath(self._outbox), FOLDER.encode())
            write_atomically(self._path, json.dumps(known | {self._inbox: facts}).encode())

    def _read(self) -> dict[str, object]:
        try:
            known = json.loads(read_file(self._path))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}
