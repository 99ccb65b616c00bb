"""What engines answer, for tests of what becomes of it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field

from core.pictures import blank, encoded
from watch.rows import ENGINE, SIZE

from rembg_plugins.core.result import Result
from rembg_plugins.watch.recovery import Recovery
from rembg_plugins.watch.spool import Spool
from rembg_plugins.watch.verdict import Judge

PICTURE = encoded("PNG", "RGBA", SIZE)
OTHER = encoded("PNG", "RGBA", SIZE, compress_level=1)
WRAPPED = json.dumps({"image": base64.b64encode(PICTURE).decode()}).encode()
HTML = b"<html>Bad gateway</html>"
BIG = (1000, 750)  # px
SHRUNK = blank((460, 345))
ROOM = 1_000_000  # bytes

assert PICTURE != OTHER


@dataclass
class Engine:
    """An engine by its facts alone."""

    name: str = "api"
    version: str = "1"
    paid: bool = True
    anonymous: bool = False


@dataclass
class Bench:
    """A ledger with all that judges answers."""

    ledger: object
    folder: object
    clock: object
    retry_doubts: bool = True
    engine: Engine = field(default_factory=Engine)
    room: int = ROOM

    def __post_init__(self):
        """Put the parts together."""
        self.contents, self.paths = self.ledger.contents, self.ledger.paths
        self.spool = Spool(self.folder, engine=ENGINE, room=self.room)
        self.judge = Judge(
            contents=self.contents,
            spool=self.spool,
            retry_doubts=self.retry_doubts,
            now=self.clock,
        )

    def recover(self, **settings):
        """Settle what a crash has left."""
        return Recovery(self.ledger, self.spool, self.judge, engine=self.engine, **settings).run()

    def receive(self, sha256, *pieces, whole=True):
        """Let an answer come."""
        with self.spool.receiving(sha256) as answer:
            for piece in pieces:
                answer.write(piece)
            if whole:
                answer.flush()
        return answer


def result_of(content, *, billed=True):
    """An answer as the engine gives it."""
    return Result.from_bytes(content, engine="api", sent="all", billed=billed)


def files(folder):
    """All files below a folder, by their kinds."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
