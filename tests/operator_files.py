"""The files and lines that operators copy from the pages, taken apart."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import tomllib
from pathlib import Path

import click
from doc_pages import DOCS, ROOT, text_of

from rembg_plugins.cli import cli

EXAMPLES = DOCS / "examples"
UNIT = EXAMPLES / "rembg-watch.service"
SETTINGS_FILE = EXAMPLES / "rembg-watch.toml"
IMAGE = EXAMPLES / "Dockerfile"
FOLDER = DOCS / "how-to" / "watch-folder.md"
SERVICE = DOCS / "how-to" / "run-as-a-service.md"
EXPLANATION = DOCS / "explanation" / "watched-folder.md"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def parse(words):
    """Have the command line understand the words behind the program's name; gives the context."""
    command, *arguments = words
    program = click.Context(cli, **cli.context_settings)
    context = cli.commands[command].make_context(command, arguments, parent=program)
    if isinstance(context.command, click.Group):
        name, subcommand, rest = context.command.resolve_command(context, arguments)
        return subcommand.make_context(name, rest, parent=context)
    return context


def read_unit(text):
    """The directives of a unit by section; none is given twice."""
    parser = configparser.ConfigParser(
        delimiters=("=",), comment_prefixes=("#",), interpolation=None
    )
    parser.optionxform = str
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def read_image(text):
    """The instructions of an image file, each with what follows it, in their order."""
    whole = re.sub(r"\\\n\s*", "", "\n".join(re.findall(r"^(?!#).+", text, re.MULTILINE)))
    return [tuple(line.split(" ", 1)) for line in whole.splitlines()]


def health_check():
    """The words of the image's health check, behind the program's name."""
    (check,) = [value for name, value in read_image(text_of(IMAGE)) if name == "HEALTHCHECK"]
    program, *words = json.loads(check.split(" CMD ", 1)[1])
    assert program in PROJECT["scripts"]
    return words


def cron_line():
    """Those of the line for cron."""
    (line,) = re.findall(r"^\*/10 .+$", text_of(SERVICE), re.MULTILINE)
    words = shlex.split(line.split(" && ", 1)[1])
    assert words.pop() == ">/dev/null"
    assert Path(words[0]).name in PROJECT["scripts"]
    return words[1:]
