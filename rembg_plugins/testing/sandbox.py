"""A sandbox, as a test sees it: what to send, what to break, what was received and billed."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self
from urllib import request as http
from urllib.error import HTTPError

from rembg_plugins.core.setting import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that the sandbox received; :class:`rembg_plugins.sandbox.calls.Call` then."""

    id: int
    at: float
    endpoint: str
    account: str
    sha256: str | None
    filename: str | None
    length: int | None
    fields: Mapping[str, str]
    status: int | None
    billed: bool
    fault: str | None

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Self:
        """The call that JSON describes; members that are not known are left out."""
        known: dict[str, Any] = {field.name: raw.get(field.name) for field in fields(cls)}
        return cls(**known)


class Sandbox:
    """A running sandbox, and an account of it.

    Attributes:
        url: Where it listens, as ``http://127.0.0.1:49152``.
        key: The key of the account: good, and with credits.
    """

    def __init__(self, url: str, *, key: str) -> None:
        """Nothing is sent yet."""
        self.url = url
        self.key = key
        # Whatever proxy the environment names, this machine is reached without it.
        self._opener = http.build_opener(http.ProxyHandler({}))

    def __repr__(self) -> str:
        return f"Sandbox({self.url!r}, key={self.key!r})"

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which this package uses it, for a program that a test starts."""
        settings = {
            "engine": "api",
            "api_key": self.key,
            "api_url": f"{self.url}/rmbg",
            "usage_url": f"{self.url}/api/membership-usage",
        }
        return {SETTINGS[name].variable: value for name, value in settings.items()}

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls since the last reset, in the order of their coming."""
        return tuple(Call.of(call) for call in self._send("calls")["calls"])

    @property
    def billed(self) -> dict[str, int]:
        """Credits that were spent, by the sha256 of the picture's bytes."""
        return dict(self._send("calls")["billed"])

    def faults(self, kind: str, **members: object) -> None:
        """Queue a fault for the next call, or for the next ``times`` calls.

        Args:
            kind: What goes wrong, as in ``"status"``.
            **members: ``times``, ``endpoint``, ``billed``, and what the kind takes; see
                :class:`rembg_plugins.sandbox.faults.Fault`.

        Raises:
            ValueError: There is no such fault.
        """
        self._send("faults", {"kind": kind, **members})

    def account(self, **changes: object) -> None:
        """Change this account: ``included=0, prepaid=3``.

        See :class:`rembg_plugins.sandbox.control.AccountChange`.

        Raises:
            ValueError: There is no such member, or it cannot have that value.
        """
        self._send("accounts", {"key": self.key, **changes})

    def reset(self) -> None:
        """Forget all calls, faults and credits spent."""
        self._send("reset", {})

    def _send(self, name: str, body: object = None) -> Any:
        """What the sandbox answers; with a body it is told something, else asked."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        question = http.Request(f"{self.url}/_sandbox/{name}", data, headers)  # noqa: S310 - http, ours
        try:
            with self._opener.open(question, timeout=_TIMEOUT_S) as response:
                return json.load(response)
        except HTTPError as problem:
            with problem:
                said = problem.read().decode(errors="replace")
            message = f"The sandbox does not take that ({problem.code}): {said}"
            raise ValueError(message) from None
