"""A call that the API refuses, and the JSON in which it says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.responses import Response

from rembg_plugins.api.schemas import error_body

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rembg_plugins.core.errors import FieldError
    from rembg_plugins.core.messages import Message

JSON = "application/json"


class Refusal(Exception):  # noqa: N818 - an answer, not a failure
    """Why a call is refused; the sandbox answers with it.

    Args:
        status: The HTTP status.
        errors: What is wrong, one or more.
        headers: More headers of the answer.
    """

    def __init__(
        self, status: int, errors: Iterable[FieldError], headers: Mapping[str, str] | None = None
    ) -> None:
        """Keep what the answer says."""
        self.status = status
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        super().__init__(" ".join(error.message for error in self.errors))

    @classmethod
    def because(
        cls, status: int, message: Message, headers: Mapping[str, str] | None = None
    ) -> Refusal:
        """The refusal of a whole call, in the API's words."""
        return cls(status, [message.on(None)], headers)

    def answer(self) -> Response:
        """The answer, in one of the two shapes that the API documents."""
        text = json.dumps(error_body(self.status, self.errors), ensure_ascii=False)
        return Response(
            text.encode(errors="backslashreplace"),  # what is no character: as JSON escapes it
            self.status,
            self.headers,
            media_type=JSON,
        )
