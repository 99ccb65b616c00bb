"""What ``removebg``, ``removebg-mask`` and ``removebg-PROFILE`` make of a picture."""

from __future__ import annotations

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.options import Options
from rembg_plugins.django.settings import current

NAME = "removebg"
"""The operation's name in specs."""

MASK = "mask"
"""The argument that asks for the mask; no profile can be called so."""

_PLAIN, _MASKED = Options(), Options(mask=True)
_FORMATS = {"PNG": "png", "WEBP": "webp", "JPEG": "jpeg"}


def options_of(argument: str | None) -> Options:
    """The options that an operation's argument stands for.

    Args:
        argument: ``"mask"``, a profile's name, or None for a plain cut-out.

    Raises:
        ValueError: There is no such profile, or it cannot be used in a rendition.
        ConfigurationError: ``REMBG`` cannot be read; the argument may be right.
    """
    if argument is None:
        return _PLAIN
    if argument == MASK:
        return _MASKED
    settings = current()
    try:
        options = settings.profile(argument)
    except ConfigurationError as problem:
        raise ValueError(str(problem)) from problem
    return _checked(argument, options)


def format_of(options: Options) -> str | None:
    """Wagtail's name of the format that the options ask for; None where they ask for none."""
    return None if options.format is None else _FORMATS[options.format]


def _checked(name: str, options: Options) -> Options:
    changes = {
        "w": options.w is not None,
        "h": options.h is not None,
        "exact_resize": options.exact_resize,
        "angle": options.angle % 360 != 0,
    }
    if wrong := [option for option, is_set in changes.items() if is_set]:
        message = (
            f"Profile {name!r} cannot be used in {NAME!r}: {', '.join(wrong)} would change the "
            "geometry, which the other operations of the spec decide, as in width-400."
        )
        raise ValueError(message)
    if options.format is not None and options.format not in _FORMATS:
        message = (
            f"Profile {name!r} cannot be used in {NAME!r}: Wagtail writes no {options.format}."
        )
        raise ValueError(message)
    return options
