"""The parts of these pages that are made from the code; cog calls one function for each.

`cog -I docs -r docs/reference/*.md docs/how-to/*.md` writes them, `--check` in place of `-r` tells
whether they are current. Every function gives Markdown.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rembg_plugins.core import errors, hookspecs, limits, messages, outcomes, retry
from rembg_plugins.core.options import DEFAULTS, OPTIONS, OptionInfo, format_value
from rembg_plugins.core.plugins import build_manager
from rembg_plugins.core.plugins import engines as engines_of
from rembg_plugins.core.setting import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HELP_WIDTH = 88  # characters, of the command line's help

EXIT_CODES: Mapping[int, str] = {
    0: "Everything was done, or was there already.",
    1: "Some pictures failed; the others were done.",
    2: "The command or an option is wrong, or more than 50 paid pictures were not confirmed.",
    3: "`watch --once`: pictures are left that wait for a person, or for another run.",
    65: "The picture breaks a rule, or the API refuses it or an option.",
    69: "The API cannot be reached, or fails.",
    70: "A bug of this package.",
    73: "A result could not be written.",
    75: "Later: a limit is reached, of the API's, `--max-credits`, `--budget` or `--fail-under`, "
    "no credits are left, or another watcher has this folder.",
    76: "The API answered with something that cannot be used.",
    77: "The key is not known, or may not do this.",
    78: "The set-up is wrong: no engine, a bad URL, a key and a token at once.",
    130: "Stopped by Ctrl-C; `sandbox`, which is ended so, gives 0.",
    143: "Stopped by SIGTERM; likewise.",
}
"""What each exit code says to a shell script; a test compares the codes with the outcomes'."""


def options() -> str:
    """Every removal option: name, values, default, meaning."""
    from rembg_plugins.cli.removal_options import spelling  # noqa: PLC0415 - loads click

    rows = (
        (f"`{name}`", f"`{spelling(name, info)}`", _values(info), _default(name, info), info.help)
        for name, info in OPTIONS.items()
    )
    return _table(("Option", "Command line", "Values", "Default", "Meaning"), rows)


def problems() -> str:
    """Every code and text of a field error."""
    found = [value for value in vars(messages).values() if isinstance(value, messages.Message)]
    rows = ((f"`{message.code}`", _escaped(message.text)) for message in found)
    return _table(("Code", "Text"), rows)


def error_tree() -> str:
    """The exception tree as the module draws it."""
    text = inspect.cleandoc(errors.__doc__ or "")
    tree = text.split("::\n\n", 1)[1].split("\n\n", 1)[0]
    return f"```text\n{textwrap.dedent(tree)}\n```\n"


def error_classes() -> str:
    """Every error class: when it is raised, the exit code, what to do."""
    rows = (
        (
            f"`{cls.__name__}`",
            _sentence(cls),
            str(outcomes.outcome(cls).exit_code),
            outcomes.outcome(cls).remedy,
        )
        for cls in error_types()
    )
    return _table(("Class", "Raised when", "Exit code", "What to do"), rows)


def error_outcomes() -> str:
    """Every error class, for those who build a server or a watcher upon this package."""
    rows = (
        (
            f"`{cls.__name__}`",
            str(row.http_status),
            f"`{row.form_code}`",
            f"{row.remember_s} s",
            row.watcher,
        )
        for cls in error_types()
        for row in (outcomes.outcome(cls),)
    )
    return _table(("Class", "HTTP status", "Form code", "Remember for", "Watcher"), rows)


def exit_codes() -> str:
    """Every exit code of the command line, and the errors that lead to it."""
    rows = (
        (
            str(code),
            meaning,
            ", ".join(
                f"`{cls.__name__}`"
                for cls, row in outcomes.OUTCOMES.items()
                if row.exit_code == code
            )
            or "–",
        )
        for code, meaning in EXIT_CODES.items()
    )
    return _table(("Code", "Meaning", "Errors that stop a run with it"), rows)


def hooks() -> str:
    """Every hook: its call, its signature with types, what it is for."""
    return "\n".join(_hook(name, function) for name, function in hook_functions().items())


def settings() -> str:
    """Every setting: variable, argument, default, meaning."""
    rows = (
        (
            f"`{info.variable}`",
            f"`{name}`",
            "–" if info.default is None else f"`{_number(info.default)}`",
            info.help,
        )
        for name, info in SETTINGS.items()
    )
    return _table(("Variable", "Argument of `configure()`", "Default", "Meaning"), rows)


def engines() -> str:
    """The engines that come with the package."""
    found = engines_of(build_manager(load_entry_points=False))
    rows = ((f"`{entry.name}`", _escaped(entry.summary)) for entry in found.values())
    return _table(("Engine", "What it is"), rows)


def bounds() -> str:
    """The numbers that bound a call."""
    policy = retry.Retry()
    connect, read = (SETTINGS[f"{kind}_timeout_s"].default for kind in ("connect", "read"))
    rows = (
        ("Length of a picture", f"{limits.MAX_BYTES // 2**20} MB (of 2²⁰ bytes)"),
        ("Width and height of a picture", f"1 to {limits.MAX_SIDE} px each"),
        ("Length of an answer", f"{_answer_megabytes()} MB"),
        ("Time to connect", f"{_number(connect)} s"),
        ("Time without a byte of the answer", f"{_number(read)} s"),
        ("Tries in all", str(policy.attempts)),
        ("Repeats of a call that may have been billed", "1" if policy.in_doubt else "0"),
        (
            "Waits between tries",
            f"{_number(policy.base_s)} s at first, doubling, at most {_number(policy.max_s)} s",
        ),
        ("Longest `Retry-After` that is waited for", f"{_number(retry.LONGEST_RETRY_AFTER_S)} s"),
    )
    return _table(("What", "Bound"), rows)


def test_keys() -> str:
    """The test keys of the sandbox."""
    from rembg_plugins.sandbox.keys import GOOD_KEY, STATES  # noqa: PLC0415 - of an extra

    rows = (
        (f"`{GOOD_KEY}`" if state == "good" else f"`{GOOD_KEY}-{state}`", text)
        for state, text in STATES.items()
    )
    return _table(("Key", "What it gets"), rows)


def faults() -> str:
    """Every kind of fault and its members."""
    from rembg_plugins.sandbox.faults import KINDS  # noqa: PLC0415 - of an extra

    rows = ((f"`{kind}`", text) for kind, text in KINDS.items())
    return _table(("Kind", "What happens"), rows)


def account_changes() -> str:
    """The members of a change of an account."""
    from rembg_plugins.sandbox.control import AccountChange  # noqa: PLC0415 - of an extra

    return _attributes(AccountChange)


def call_members() -> str:
    """The members of a listed call."""
    from rembg_plugins.sandbox.calls import Call  # noqa: PLC0415 - of an extra

    return _attributes(Call, hidden={"bills"})


def _attributes(cls: type, hidden: Iterable[str] = ()) -> str:
    """The part of a class's docstring that says what its attributes are."""
    text = inspect.cleandoc(cls.__doc__ or "").split("Attributes:\n", 1)[1]
    found = re.findall(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", text, re.MULTILINE)
    rows = (
        (f"`{name}`", " ".join(meaning.split()).replace("``", "`"))
        for name, meaning in found
        if name not in hidden
    )
    return _table(("Member", "Meaning"), rows)


def command_help(*path: str) -> str:
    """What `rembg-plugins PATH --help` prints."""
    from click.testing import CliRunner  # noqa: PLC0415 - the other tables need no click

    from rembg_plugins.cli import cli  # noqa: PLC0415 - likewise

    arguments = [*path, "--help"]
    answer = CliRunner().invoke(
        cli,
        arguments,
        prog_name="rembg-plugins",
        terminal_width=HELP_WIDTH,
        max_content_width=HELP_WIDTH,
        catch_exceptions=False,
    )
    command = " ".join(("rembg-plugins", *arguments))
    return f"```console\n$ {command}\n{answer.output.rstrip()}\n```\n"


def commands() -> str:
    """The help of every command, each under its heading; of a group, its commands' as well."""
    from rembg_plugins.cli import cli  # noqa: PLC0415 - the other tables need no click

    return "\n".join(_helps(cli, ()))


def watch_settings() -> str:
    """Every setting of the watcher: flag, variable, key, default, meaning."""
    from rembg_plugins.cli.watch_options import shown_default, spelling  # noqa: PLC0415 - click
    from rembg_plugins.watch.settings import SETTINGS, variable_of  # noqa: PLC0415 - for this alone

    rows = (
        (
            f"`{name}`",
            f"`{spelling(name, info)}`",
            f"`{variable_of(name)}`",
            f"`{info.example}`",
            (shown_default(name, info) or "off").replace("|", r"\|"),
            info.help.replace("|", r"\|"),
        )
        for name, info in SETTINGS.items()
    )
    return _table(("Key", "Flag", "Variable", "Example", "Default", "Meaning"), rows)


def watch_lines() -> str:
    """What the objects of `watch --json` hold."""
    from rembg_plugins.cli import watch_report  # noqa: PLC0415 - the other tables need no click

    return _described(watch_report)


def ledger_objects() -> str:
    """What the objects of `ledger ... --json` hold."""
    from rembg_plugins.cli import ledger  # noqa: PLC0415 - likewise

    return _described(inspect.getmodule(ledger.callback))


def status_file() -> str:
    """What the watcher's status file holds."""
    from rembg_plugins.watch import health  # noqa: PLC0415 - for this alone

    return _described(health).replace(":data:`EVERY_S`", f"{health.EVERY_S:g}")


def django_settings() -> str:
    """Every key of `REMBG`: example, default, meaning."""
    _set_up_django()
    from rembg_plugins.django.settings import SETTINGS  # noqa: PLC0415 - of an extra

    rows = (
        (f"`{name}`", f"`{info.example}`", info.default, info.help)
        for name, info in SETTINGS.items()
    )
    return _table(("Key", "Example", "Default", "Meaning"), rows)


def django_checks() -> str:
    """Every kind of finding of `manage.py check`."""
    _set_up_django()
    from rembg_plugins.django.findings import FINDINGS  # noqa: PLC0415 - of an extra

    rows = ((f"`{one.id}`", one.meaning, one.hint) for one in FINDINGS)
    return _table(("Id", "What was found", "What to do"), rows)


def django_commands() -> str:
    """What `manage.py COMMAND --help` says that is the command's own, each under its heading."""
    _set_up_django()
    from django.core.management import find_commands  # noqa: PLC0415 - of an extra

    from rembg_plugins.django import management  # noqa: PLC0415 - likewise

    found = sorted(find_commands(str(Path(management.__file__).parent)))
    return "\n".join(_django_command(name) for name in found)


def _django_command(name: str) -> str:
    from django.core.management import load_command_class  # noqa: PLC0415 - of an extra
    from django.core.management.base import DjangoHelpFormatter  # noqa: PLC0415 - likewise

    parser = load_command_class("rembg_plugins.django", name).create_parser("manage.py", name)
    rows = (
        (
            f"`{' '.join((*action.option_strings[-1:], *_metavar(action)))}`".replace("|", r"\|"),
            (action.help or "") % vars(action),
        )
        for action in parser._actions  # noqa: SLF001 - argparse tells them in no other way
        if not {"-h", *DjangoHelpFormatter.show_last} & set(action.option_strings)
    )
    table = _table(("Argument", "Meaning"), rows)
    return f"### {name}\n\n{textwrap.fill(parser.description or '', 100)}\n\n{table}"


def _metavar(action: Any) -> Iterator[str]:
    if action.nargs != 0:  # else a switch
        yield str(action.metavar or "N")


def error_types() -> list[type[errors.RembgError]]:
    """The classes of errors, in the order of the tree."""
    return [cls for cls in vars(errors).values() if _is_error(cls)]


def hook_functions() -> dict[str, Any]:
    """The hooks by name, in the order of their module."""
    prefix = "rembg_"
    return {name: value for name, value in vars(hookspecs).items() if name.startswith(prefix)}


def call_of(name: str, function: Any) -> str:
    """A hook as a plugin writes it: `rembg_on_error(request, error)`."""
    return f"{name}({', '.join(inspect.signature(function).parameters)})"


def _helps(group: Any, path: tuple[str, ...]) -> Iterator[str]:
    """The help of the commands of a group, under headings."""
    for name, command in sorted(group.commands.items()):
        words = (*path, name)
        yield f"{'#' * (len(words) + 2)} {' '.join(words)}\n\n{command_help(*words)}"
        yield from _helps(command, words) if hasattr(command, "commands") else ()


def _described(module: Any) -> str:
    """A module's text but for its first line; it is Markdown, but for the doubled backquotes."""
    text = inspect.cleandoc(module.__doc__ or "").split("\n\n", 1)[1]
    return text.replace("``", "`") + "\n"


def _set_up_django() -> None:
    """Django as its parts want it before they can be imported; nothing of a site is needed."""
    import django  # noqa: PLC0415 - of an extra
    from django.apps import apps  # noqa: PLC0415 - likewise
    from django.conf import settings  # noqa: PLC0415 - likewise

    if not apps.ready:
        settings.configure(INSTALLED_APPS=["rembg_plugins.django"])
        django.setup()


def _is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, errors.RembgError)


def _hook(name: str, function: Any) -> str:
    signature = inspect.signature(function)
    lines = [
        f"### {call_of(name, function)}",
        "",
        f"```text\n{name}{signature}\n```".replace("'", ""),
        "",
        (inspect.getdoc(function) or "").replace("``", "`"),
        "",
    ]
    return "\n".join(lines)


def _values(info: OptionInfo) -> str:
    if info.choices:
        return ", ".join(f"`{choice}`" for choice in info.choices) + ", in any case"
    if info.minimum is not None and info.maximum is not None:
        kind = "whole number" if info.kind == "integer" else "number"
        return f"{kind}, {_number(info.minimum)} to {_number(info.maximum)} {info.unit}"
    if info.kind == "boolean":
        return "`true`, `false`"
    return "`#RGB`, `#RGBA`, `#RRGGBB`, `#RRGGBBAA`, or a name such as `white`"


def _default(name: str, info: OptionInfo) -> str:
    default = DEFAULTS[name]
    return info.api_default if default is None else f"`{format_value(default)}`"


def _sentence(cls: type[errors.RembgError]) -> str:
    return _escaped(inspect.cleandoc(cls.__doc__ or "").split("\n\n", 1)[0])


def _answer_megabytes() -> int:
    from rembg_plugins.api import answer  # noqa: PLC0415 - the other tables do not need it

    return answer.LONGEST_ANSWER // 2**20


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _escaped(text: str) -> str:
    """The text for a cell: one line, no bars, braces as gaps in italics."""
    line = " ".join(text.split()).replace("{{", "\0").replace("}}", "\1").replace("|", r"\|")
    line = re.sub(r"\{(\w+)\}", r"*\1*", line.replace("``", "`"))
    return line.replace("\0", "{").replace("\1", "}")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(_lines(head, rows)) + "\n"


def _lines(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
