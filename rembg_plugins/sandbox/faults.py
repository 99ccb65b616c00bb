"""What shall go wrong with the next calls."""

from __future__ import annotations

import json
from collections import deque
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from rembg_plugins.api.openapi import REMOVAL_PATH
from rembg_plugins.core import messages

Kind = Literal[
    "status",
    "wait",
    "slow",
    "never",
    "cut",
    "length",
    "reset",
    "redirect",
    "answer",
    "gzip",
]
KINDS: dict[Kind, str] = {
    "status": "Answers `status` with `body` (text, or JSON) and `headers`; with `error`, the code "
    "of a [documented error](errors.md) about the whole call, its text makes the body. A page of "
    "HTML by default.",
    "wait": "Answers as ever, `seconds` later.",
    "slow": "Sends the answer at `bytes_per_second`, 1 by default.",
    "never": "Never answers; `when`: `after` the body was read, or `before` or `in` the middle of "
    "reading it, which then ends.",
    "cut": "Ends the connection `after` so many bytes of the answer's body; half by default.",
    "length": "Announces `difference` bytes more than it sends; below 0, less.",
    "reset": "Resets the connection, `when`: `before`, `in` or `after` reading the body.",
    "redirect": "Answers `status`, 302 by default, with a `location` at another host.",
    "answer": "Answers 200 with `content` in place of the picture: `html`, `json`, `base64` or "
    "`data_url` of the picture, `empty`, or `size`: a picture of `width` × `height` px.",
    "gzip": "Packs the answer, and says so.",
}
"""What each kind does."""
Content = Literal["html", "json", "base64", "data_url", "empty", "size"]

_BY_CODE = {
    value.code: value
    for value in vars(messages).values()
    if isinstance(value, messages.Message) and "{" not in value.text  # no gaps to be filled in
}
_TIMED = {"reset", "never"}
MOST_TIMES = 1_000_000
_STATUSES = {"status": range(200, 600), "redirect": range(300, 400)}
_FRAMING = {"connection", "content-length", "transfer-encoding"}
_MOST_BRACKETS = 100
HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
HeaderValue = Annotated[str, Field(pattern=r"^[\x20-\x7e\xa0-\xff]*$")]


def _writable(body: object) -> object:
    """The body, if it can be sent: characters only, no NaN, and no nesting without end."""
    text = json.dumps(body, ensure_ascii=False, allow_nan=False)
    text.encode()
    if not isinstance(body, str) and text.count("[") + text.count("{") > _MOST_BRACKETS:
        message = f"more than {_MOST_BRACKETS} lists and objects"
        raise ValueError(message)
    return body


class Fault(BaseModel):
    """One thing that goes wrong, with so many calls.

    Attributes:
        kind: What happens; the other members say how.
        times: With how many calls.
        endpoint: With calls of which path.
        billed: Whether the call is billed; by default as the API would: an answer 200 that was
            made is billed, whatever became of it on the way; everything else is not.
        status: Of ``status`` and ``redirect``.
        body: Of ``status``: text, or JSON.
        headers: Of ``status``.
        error: Of ``status``: the code of a documented error, whose text makes the body.
        seconds: Of ``wait``: how long before the answer, in s.
        bytes_per_second: Of ``slow``.
        after: Of ``cut``: bytes of the body that are sent; half of them by default.
        difference: Of ``length``: how many bytes more (or, below 0, less) are announced.
        when: Of ``reset`` and ``never``: before, in or after reading the body.
        location: Of ``redirect``.
        content: Of ``answer``: what comes in place of the picture.
        width: Of ``answer`` with ``size``, in px.
        height: Likewise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    times: int = Field(1, ge=1, le=MOST_TIMES)
    endpoint: Literal["/rmbg", "/api/membership-usage"] = "/rmbg"
    billed: bool | None = None
    status: int = 0
    body: Annotated[str | dict[str, object] | list[object] | None, AfterValidator(_writable)] = None
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    error: str | None = None
    seconds: float = Field(1.0, ge=0, le=86_400, allow_inf_nan=False)
    bytes_per_second: float = Field(1.0, gt=0, le=10**9, allow_inf_nan=False)
    after: int | None = Field(None, ge=0)
    difference: int = Field(100, ge=-(10**9), le=10**9)
    when: Literal["before", "in", "after"] = "after"
    location: Annotated[str, Field(pattern=r"^[\x21-\x7e]+$")] = "http://elsewhere.example/rmbg"
    content: Content = "html"
    width: int = Field(100, ge=1, le=10_000)
    height: int = Field(100, ge=1, le=10_000)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.error is not None and self.error not in _BY_CODE:
            message = f"there is no error '{self.error}'; errors: {', '.join(sorted(_BY_CODE))}"
            raise ValueError(message)
        allowed = _STATUSES.get(self.kind)
        default = self.kind == "redirect" and self.status == 0
        if allowed is not None and self.status not in allowed and not default:
            message = f"give a status from {allowed.start} to {allowed.stop - 1}, not {self.status}"
            raise ValueError(message)
        if _FRAMING & {name.lower() for name in self.headers}:
            message = f"the headers {', '.join(sorted(_FRAMING))} are the server's own"
            raise ValueError(message)
        if self.endpoint != REMOVAL_PATH and self.kind not in {"status", "redirect"}:
            message = f"{self.endpoint} knows the kinds status and redirect only"
            raise ValueError(message)
        if self.kind == "length" and self.difference == 0:
            message = "give a difference other than 0"
            raise ValueError(message)
        return self

    @property
    def is_early(self) -> bool:
        """Whether it hits before the body has been read to its end."""
        return self.kind in _TIMED and self.when != "after"

    @property
    def is_made(self) -> bool:
        """Whether the picture is cut out (and billed), as ever; the answer is spoilt then."""
        return not self.is_early and self.kind not in _STATUSES

    @property
    def message(self) -> messages.Message | None:
        """The documented error that ``error`` names."""
        return None if self.error is None else _BY_CODE[self.error]


class Faults:
    """The faults in their order; each is used up by the calls that it hits."""

    def __init__(self) -> None:
        """Begin with none."""
        self._waiting: deque[tuple[Fault, int]] = deque()

    def add(self, fault: Fault) -> None:
        """Put one behind all others."""
        self._waiting.append((fault, fault.times))

    def take(self, endpoint: str) -> Fault | None:
        """The fault of the call that has just arrived, if there is one for it."""
        for index, (fault, times) in enumerate(self._waiting):
            if fault.endpoint == endpoint:
                if times > 1:
                    self._waiting[index] = (fault, times - 1)
                else:
                    del self._waiting[index]
                return fault
        return None

    def listed(self) -> list[dict[str, object]]:
        """Those that wait, as JSON has them, ``times`` being how often yet."""
        return [
            {**fault.model_dump(exclude_defaults=True), "kind": fault.kind, "times": times}
            for fault, times in self._waiting
        ]
