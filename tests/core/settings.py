"""Settings from places of the tests' own."""

from __future__ import annotations

from rembg_plugins.core.configuration import Credentials, configure

KEY = "sk-0123456789abcdefWXYZ"
OTHER_KEY = "sk-9876543210fedcbaQRST"


def settings(environ=None, dotenv=None, **others):
    """The settings of these places alone."""
    return configure(environ=environ or {}, dotenv=dotenv, **others)


def plugin(**given):
    """A source of credentials that notes whom it was asked for."""

    def source(*, profile):
        source.asked.append(profile)
        return Credentials(**given) if given else None

    source.asked = []
    return source
