"""Worker: the rembg library's own command line, with a stub session that asks a server.

As the library's paid sessions do, it encodes the picture as PNG, posts it (to ``STUB_URL``), and
takes the answer for the mask. Nothing else of the library is changed.
"""

from __future__ import annotations

import io
import os
import sys

import requests
from PIL import Image
from rembg import sessions
from rembg.sessions.u2netp import U2netpSession

_TIMEOUT_S = 60


class StubSession(U2netpSession):
    """Takes the place of a model, under its name."""

    def __init__(self, *_arguments: object, **_settings: object) -> None:
        """There is no model to load."""

    def predict(
        self, img: Image.Image, *_arguments: object, **_settings: object
    ) -> list[Image.Image]:
        """The mask that the server gives."""
        encoded = io.BytesIO()
        img.convert("RGB").save(encoded, "PNG")
        answer = requests.post(
            os.environ["STUB_URL"],
            files={"image": ("image.png", encoded.getvalue())},
            data={"format": "png"},
            headers={"x-api-key": "sandbox-key"},
            timeout=_TIMEOUT_S,
        )
        answer.raise_for_status()
        return [Image.open(io.BytesIO(answer.content)).getchannel("A")]

    @classmethod
    def has_usage_cost(cls, *_arguments: object, **_settings: object) -> bool:
        """As those of the library's paid sessions."""
        return True


sessions.sessions["u2netp"] = StubSession
sessions.sessions_class[:] = sessions.sessions.values()

from rembg.cli import main  # noqa: E402 - importing it looks at the sessions

main(["p", "-w", "-m", "u2netp", "--accept-usage-cost", *sys.argv[1:]])
