"""The watcher's settings, each declared once, and read from flags, the environment and TOML.

A field of :class:`WatchSettings` carries a :class:`SettingInfo`; the flags of the command line,
the variables ``REMBG_WATCH_...``, the keys of the TOML file and the table in the docs are made
from those. What a flag says wins over the environment, that over the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from rembg_plugins.core.options import Options
from rembg_plugins.core.paid_calls import JOBS
from rembg_plugins.watch.budget import Budget
from rembg_plugins.watch.naming import DEFAULT_TEMPLATE, check_template
from rembg_plugins.watch.setting_values import (
    Reader,
    choice,
    number,
    read_folder,
    read_switch,
    read_text,
    read_texts,
    whole_number,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rembg_plugins.watch.folders import Folders

Originals = Literal["keep", "move", "delete"]
InDoubt = Literal["retry-once", "park"]

GIGABYTE = 10**9
_MOST_JOBS = 64
_LONGEST_POLL_S = 86_400.0
_LONGEST_SETTLE_S = 3600.0
_MOST_GIGABYTES = 100_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingInfo:
    """What is declared of a setting beside its name and default.

    Attributes:
        help: One sentence for people.
        read: Gives the value for what a flag, a variable or a file may hold; raises
            ``ValueError`` with what to give instead.
        example: A good value, as it is typed.
        metavar: What stands for the value in the help; None for a switch.
        several: Whether a flag may be given several times.
        shown_default: The default in words, where the value does not tell.
        short: A short flag, as ``-j``.
    """

    help: str
    read: Reader
    example: str
    metavar: str | None = None
    several: bool = False
    shown_default: str | None = None
    short: str | None = None


def _setting(default: object, **info: Any) -> Any:
    return field(default=default, metadata={"setting": SettingInfo(**info)})


def _switch(help_: str, *, default: bool = False, short: str | None = None) -> Any:
    example = "true" if not default else "false"
    return _setting(default, help=help_, read=read_switch, example=example, short=short)


def _read_budget(value: object) -> Budget:
    return Budget.parse(str(value), name="it")


def _read_template(value: object) -> str:
    template = read_text(value)
    check_template(template)
    return template


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """All settings of a run, checked.

    Attributes:
        folders: Where everything lies.
        options: What to make of the pictures.
    """

    folders: Folders
    options: Options = field(default_factory=Options)
    once: bool = _switch("Do what is there, then end: the batch mode, with the same ledger.")
    jobs: int | None = _setting(
        None,
        help="Calls at once.",
        read=whole_number(1, _MOST_JOBS),
        example="4",
        metavar="N",
        shown_default=f"{JOBS} where they are paid for, else 1",
        short="-j",
    )
    recursive: bool = _switch("Look into the folders below INBOX.", default=True)
    include: tuple[str, ...] = _setting(
        (),
        help="Look only at names that fit, as `*.jpg` or `shop/**`; may be given several times.",
        read=read_texts,
        example="*.jpg",
        metavar="GLOB",
        several=True,
        shown_default="names of pictures",
    )
    exclude: tuple[str, ...] = _setting(
        (),
        help="Do not look at names that fit; may be given several times.",
        read=read_texts,
        example="*-draft.*",
        metavar="GLOB",
        several=True,
        shown_default="none, beside unfinished downloads and hidden files",
    )
    name: str = _setting(
        DEFAULT_TEMPLATE,
        help="Names of outputs, made of {dir}, {stem}, {ext}, {suffix} and {sha8}.",
        read=_read_template,
        example=DEFAULT_TEMPLATE,
        metavar="TEMPLATE",
    )
    originals: Originals = _setting(
        "keep",
        help="What becomes of a picture whose output was read back: keep, move (into "
        "INBOX/done) or delete.",
        read=choice("keep", "move", "delete"),
        example="move",
        metavar="WHAT",
    )
    failed: Path | None = _setting(
        None,
        help="Where pictures that failed go, each with a note that says why.",
        read=read_folder,
        example="failed",
        metavar="FOLDER",
        shown_default="INBOX/failed; with --originals keep for the notes alone",
    )
    budget: Budget | None = _setting(
        None,
        help="Spend no more than N credits in this run, or in a UTC day or month.",
        read=_read_budget,
        example="500/day",
        metavar="N[/day|/month]",
        shown_default="none",
    )
    min_credits: int | None = _setting(
        None,
        help="Leave N credits in the account.",
        read=whole_number(0),
        example="100",
        metavar="N",
        shown_default="none",
    )
    in_doubt: InDoubt = _setting(
        "retry-once",
        help="What becomes of a call that may have been paid for without an answer: retry-once, "
        "or park, until `ledger resolve`.",
        read=choice("retry-once", "park"),
        example="park",
        metavar="WHAT",
    )
    poll: float | None = _setting(
        None,
        help="Look at INBOX every so many seconds, and trust no news of the system's.",
        read=number(0.1, _LONGEST_POLL_S, "s"),
        example="5",
        metavar="SECONDS",
        shown_default="by itself, on network file systems",
    )
    settle: float | None = _setting(
        None,
        help="How long a file must be at rest.",
        read=number(0.0, _LONGEST_SETTLE_S, "s"),
        example="2",
        metavar="SECONDS",
        shown_default="0.2 to 2, on network file systems 10",
    )
    accept_downscaled: bool = _switch("Take answers that were shrunk to 460 x 460 px.")
    transcode: bool = _switch("Re-encode what the API does not take: TIFF, AVIF, GIF, ...")
    keep_cutouts: float = _setting(
        10.0,
        help="Gigabytes of cut-outs to keep, so that other options later cost nothing.",
        read=number(0.0, _MOST_GIGABYTES, "GB"),
        example="10",
        metavar="GB",
    )
    state: Path | None = _setting(
        None,
        help="Where the ledger and the cut-outs are kept; on a local disk.",
        read=read_folder,
        example="/var/lib/rembg-watch",
        metavar="FOLDER",
        shown_default="the user's folder for such",
    )
    engine: str | None = _setting(
        None,
        help="api, local, rembg:MODEL, or a plugin's.",
        read=read_text,
        example="api",
        metavar="NAME",
        shown_default="api with a key, else local",
    )
    yes: bool = _switch("Do not ask above 50 paid pictures.", short="-y")
    json: bool = _switch("Print a JSON object a picture, and one for each change of the gate.")

    def workers(self, *, is_paid: bool) -> int:
        """Calls at once."""
        return self.jobs or (JOBS if is_paid else 1)

    @property
    def room(self) -> int:
        """Bytes of cut-outs that are kept."""
        return int(self.keep_cutouts * GIGABYTE)


SETTINGS: Mapping[str, SettingInfo] = {
    one.name: one.metadata["setting"] for one in fields(WatchSettings) if "setting" in one.metadata
}
"""Name and declaration of each setting."""

DEFAULTS: Mapping[str, object] = {
    one.name: one.default for one in fields(WatchSettings) if "setting" in one.metadata
}


def flag_of(name: str) -> str:
    """The flag of a setting or option: ``--keep-cutouts``."""
    return f"--{name.replace('_', '-')}"


def variable_of(name: str) -> str:
    """Its variable in the environment: ``REMBG_WATCH_KEEP_CUTOUTS``."""
    return f"REMBG_WATCH_{name.upper()}"
