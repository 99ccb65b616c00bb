"""The watcher's settings as they are in force: merged, checked, every mistake told at once."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rembg_plugins.core.errors import ConfigurationError, FieldError
from rembg_plugins.core.options import OPTIONS, Options, parse_options
from rembg_plugins.watch.folders import find_folders
from rembg_plugins.watch.problems import ENGINE, SET_UP, TYPED, problem_of
from rembg_plugins.watch.settings import (
    DEFAULTS,
    SETTINGS,
    WatchSettings,
    flag_of,
    variable_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rembg_plugins.watch.folders import Folders

_BARE = re.compile(r"true|false|\d+(\.\d+)?")
_SHOWN = 80  # characters of a bad value that a message repeats
_CONFIG = "config"
_PREFIX = variable_of("")
_NAMES = (*OPTIONS, *SETTINGS)


@dataclass(frozen=True, slots=True)
class _Place:
    """Somewhere that settings come from.

    Attributes:
        values: What it has, by the settings' names.
        spell: Gives a setting as it is called there.
        write: Likewise, with a value.
        origin: What is said beside that; empty for what was typed.
        base: The folder that its paths are below.
    """

    values: Mapping[str, object]
    spell: Callable[[str], str]
    write: str
    origin: str = ""
    base: Path | None = None

    def problem(self, name: str, text: str) -> FieldError:
        """A problem of a setting that was given here."""
        where = f" (from {self.origin})" if self.origin else ""
        code = SET_UP if self.origin else TYPED
        return FieldError(field=name, message=f"{self.spell(name)}{where}{text}", code=code)

    def advice(self, name: str) -> str:
        """A good value, as it is written here."""
        example = SETTINGS[name].example
        if self.base is not None and not _BARE.fullmatch(example):
            example = repr(example)  # text in a file has quotes; numbers and switches have none
        return self.write.format(self.spell(name), example)


def read_settings(
    inbox: Path | str,
    outbox: Path | str,
    arguments: Mapping[str, object],
    *,
    environ: Mapping[str, str],
    config: Path | str | None = None,
    make_engine: Callable[[str | None], object] | None = None,
) -> WatchSettings:
    """The settings in force; makes OUTBOX and the state folder once all of them are good.

    Empty text and None count as not given.

    Args:
        inbox: INBOX.
        outbox: OUTBOX.
        arguments: What was typed, by the names of settings and removal options.
        environ: The environment.
        config: The TOML file; that of ``REMBG_WATCH_CONFIG`` by default, if any.
        make_engine: Makes the engine of a name; what is wrong with it is told with the rest.

    Raises:
        ConfigurationError: With one error for each mistake; the code of those that lie in what
            was typed is :data:`~rembg_plugins.watch.problems.TYPED`.
        OSError: OUTBOX or the state folder cannot be made.
    """
    merged = _Merged(arguments, environ, config)
    values, options = merged.values(), merged.options()
    folders = _folders(str(inbox), str(outbox), values, merged.problems)
    try:
        if make_engine is not None:
            make_engine(values["engine"])
    except ConfigurationError as error:
        if not merged.problems:
            raise
        texts = [one.message for one in error.errors] or [str(error)]
        merged.problems += [FieldError(field="engine", message=one, code=ENGINE) for one in texts]
    if folders is None or merged.problems:
        raise _all_of(merged.problems)
    folders.make()
    return WatchSettings(folders=folders, options=options, **values)


def check_folder(name: str, folder: str) -> None:
    """Refuse an empty name, which would mean the current folder.

    Raises:
        ConfigurationError: It is empty.
    """
    if not folder.strip():
        text = f"{name} is empty: give a folder. `.` is the current one."
        raise problem_of(TYPED, text)


def _folders(
    inbox: str, outbox: str, values: Mapping[str, Any], problems: list[FieldError]
) -> Folders | None:
    """The folders; None where something is wrong with them, which is put down."""
    before = len(problems)
    for name, folder in (("INBOX", inbox), ("OUTBOX", outbox)):
        try:
            check_folder(name, folder)
        except ConfigurationError as error:
            problems += error.errors
    if len(problems) > before:
        return None
    try:
        return find_folders(
            Path(inbox),
            Path(outbox),
            failed=values["failed"],
            state=values["state"],
            moves=values["originals"] == "move",
        )
    except ConfigurationError as error:
        problems += error.errors
        return None


def read_some(
    arguments: Mapping[str, object],
    *,
    environ: Mapping[str, str],
    config: Path | str | None = None,
) -> dict[str, Any]:
    """The settings by name, without the folders of a run: for commands that watch nothing.

    Raises:
        ConfigurationError: As :func:`read_settings`.
    """
    merged = _Merged(arguments, environ, config)
    values = merged.values()
    if merged.problems:
        raise _all_of(merged.problems)
    return values


class _Merged:
    """What all places say, and what is wrong with it.

    Attributes:
        problems: One for each mistake.
    """

    def __init__(
        self,
        arguments: Mapping[str, object],
        environ: Mapping[str, str],
        config: Path | str | None,
    ) -> None:
        self.problems: list[FieldError] = []
        variables = {name: environ.get(variable_of(name)) for name in _NAMES}
        self._places = [
            _Place(arguments, flag_of, "{} {}"),
            _Place(variables, variable_of, "{}={}", "environment"),
        ]
        self._look_for_unknown_variables(environ)
        path = config or environ.get(variable_of(_CONFIG)) or None
        if path is not None:
            self._read_file(Path(path).expanduser())

    def values(self) -> dict[str, Any]:
        """All of them by name; the default for a bad one, whose problem is noted."""
        return {name: self._value(name) for name in SETTINGS}

    def options(self) -> Options:
        """The removal options; the defaults if one is bad, whose problem is noted."""
        found = {name: self._find(name) for name in OPTIONS}
        raw = {name: value for name, (_, value) in found.items() if value is not None}
        parsed, errors = parse_options(raw)
        for error in errors:
            place, _ = found[error.field] if error.field in found else (self._places[0], None)
            self.problems.append(place.problem(error.field or "", f": {error.message}"))
        return Options() if errors else Options(**parsed)  # type: ignore[arg-type]  # just parsed

    def _value(self, name: str) -> object:
        place, value = self._find(name)
        if value is None:
            return DEFAULTS[name]
        try:
            found = SETTINGS[name].read(value)
        except ValueError as problem:
            text = f" is {str(value)[:_SHOWN]!r}: {problem}, as in {place.advice(name)}."
            self.problems.append(place.problem(name, text))
            return DEFAULTS[name]
        except ConfigurationError as problem:
            self.problems.append(place.problem(name, f": {problem}"))
            return DEFAULTS[name]
        if isinstance(found, Path) and place.base is not None:
            return place.base / found
        return found

    def _find(self, name: str) -> tuple[_Place, object]:
        for place in self._places:
            value = _given(place.values.get(name))
            if value is not None:
                return place, value
        return self._places[0], None

    def _look_for_unknown_variables(self, environ: Mapping[str, str]) -> None:
        known = {variable_of(name) for name in (*_NAMES, _CONFIG)}
        for name in sorted(name for name in environ if name.startswith(_PREFIX)):
            if name not in known:
                text = f"{name} (from environment) is no setting{_nearest(name, known)}."
                self.problems.append(FieldError(field=None, message=text, code=SET_UP))

    def _read_file(self, path: Path) -> None:
        try:
            values = _read_toml(path)
        except ConfigurationError as error:
            self.problems += error.errors
            return
        folder = path.absolute().parent
        place = _Place(values, str, "{} = {}", str(path), folder)
        self._places.append(place)
        for name in values:
            if name not in _NAMES:
                text = f" is no setting{_nearest(name, _NAMES)}."
                self.problems.append(place.problem(name, text))


def _given(value: object) -> object:
    """The value without blanks around it; None for empty text and for a flag never given."""
    if isinstance(value, str):
        return value.strip() or None
    return None if value == () else value


def _nearest(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; the nearest is {found[0]}" if found else ""


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        return tomllib.loads(text)
    except OSError as problem:
        reason = problem.strerror or str(problem)
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except tomllib.TOMLDecodeError as problem:
        reason = f"it is not TOML: {problem}"
    message = f"Cannot read {path}: {reason}. Mend the file, or leave it out."
    raise _all_of([FieldError(field=_CONFIG, message=message, code=SET_UP)])


def _all_of(problems: Iterable[FieldError]) -> ConfigurationError:
    problems = tuple(problems)
    return ConfigurationError(" ".join(one.message for one in problems), errors=problems)
