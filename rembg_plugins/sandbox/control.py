"""``/_sandbox/``: what a test, and nobody else, may ask and set."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse

from rembg_plugins.core.errors import FieldError
from rembg_plugins.core.loopback import is_loopback
from rembg_plugins.sandbox.faults import Fault
from rembg_plugins.sandbox.keys import LONGEST_KEY, PREFIX
from rembg_plugins.sandbox.refusal import Refusal

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from rembg_plugins.sandbox.account import Account
    from rembg_plugins.sandbox.world import World

M = TypeVar("M", bound=BaseModel)

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::[0-9]{1,5})?")
_MOST = 1_000_000_000  # credits
_LONGEST_BODY = 2**20  # bytes
_SHOWN = 80  # characters of a bad value that an answer repeats
_HIDDEN = object()


def _characters(text: str) -> str:
    """The text, if every part of it is a character."""
    text.encode()
    return text


class AccountChange(BaseModel):
    """What shall be changed of an account; what is absent stays.

    Attributes:
        key: The test key.
        included: Included credits of each period.
        prepaid: Bought credits that are left.
        app_usage: Included credits to spend now, in the vendor's app.
        api_usage: Included credits to spend now, through the API.
        membership: The label of the plan.
        subscribed_unix: When the first billing period began.
        synced: Whether the billing periods are known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[str, Field(pattern=f"^{PREFIX}[!-~]*$", max_length=LONGEST_KEY)]
    included: Annotated[int | None, Field(ge=0, le=_MOST)] = None
    prepaid: Annotated[int | None, Field(ge=0, le=_MOST)] = None
    app_usage: Annotated[int, Field(ge=0, le=100_000)] = 0
    api_usage: Annotated[int, Field(ge=0, le=100_000)] = 0
    membership: Annotated[str, Field(max_length=100), AfterValidator(_characters)] | None = None
    subscribed_unix: Annotated[int | None, Field(ge=946_684_800)] = None
    synced: bool | None = None


def control(world: World) -> APIRouter:
    """The routes; each call must come from this machine, and from no page of another site."""
    router = APIRouter(prefix="/_sandbox", dependencies=[Depends(_only_from_here)])

    @router.get("/calls")
    async def calls() -> JSONResponse:
        return JSONResponse(world.calls.listed())

    @router.get("/faults")
    async def waiting() -> JSONResponse:
        return JSONResponse({"faults": world.faults.listed()})

    @router.post("/faults")
    async def add(request: Request) -> JSONResponse:
        raw = await _read_json(request)
        faults = [_checked(Fault, one) for one in (raw if isinstance(raw, list) else [raw])]
        for fault in faults:
            world.faults.add(fault)
        return JSONResponse({"faults": world.faults.listed()})

    @router.post("/accounts")
    async def change(request: Request) -> JSONResponse:
        wish = _checked(AccountChange, await _read_json(request))
        if wish.subscribed_unix is not None and wish.subscribed_unix > world.now():
            refusal = _wrong("subscribed_unix", "give a time that has been", wish.subscribed_unix)
            raise refusal
        account = world.account(wish.key)
        _change(account, wish, world.now())
        return JSONResponse({"account": account.name, "state": account.state})

    @router.post("/reset")
    async def reset() -> JSONResponse:
        world.reset()
        return JSONResponse({})

    return router


def _change(account: Account, wish: AccountChange, now: float) -> None:
    for name in ("included", "prepaid", "membership", "synced"):
        value = getattr(wish, name)
        if value is not None:
            setattr(account, name, value)
    if wish.subscribed_unix is not None:
        account.subscribed = wish.subscribed_unix
    for kind, number in (("app", wish.app_usage), ("api", wish.api_usage)):
        for _ in range(number):
            account.use(now, kind)  # type: ignore[arg-type]  # one of the two


async def _only_from_here(request: Request) -> None:
    """Refuse other machines, and pages of other sites that reach for this one (DNS rebinding)."""
    peer = request.client.host if request.client else ""
    named = _HOST.fullmatch(request.headers.get("host", ""))
    host = named[1].strip("[]").lower() if named else None
    origin = request.headers.get("origin")
    from_page = origin is not None and origin != f"http://{request.headers.get('host')}"
    if not (is_loopback(peer) and is_loopback(host)) or from_page:
        text = "/_sandbox/ answers this machine alone, under a name of its own: http://127.0.0.1"
        error = FieldError(field=None, message=text, code="forbidden")
        raise Refusal(HTTPStatus.FORBIDDEN, [error])


async def _read_json(request: Request) -> object:
    """The value of the body, which is read to a limit."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST_BODY:
            reason = f"the body is longer than {_LONGEST_BODY} bytes"
            raise _wrong(None, reason)
    try:
        value: object = json.loads(bytes(body))
    except (ValueError, RecursionError) as problem:
        reason = "the body is no JSON that can be read"
        raise _wrong(None, reason) from problem
    return value


def _checked(model: type[M], raw: object) -> M:
    """The model that a value describes.

    Raises:
        Refusal: With field, reason and value of everything that is wrong.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as problem:
        errors = [_error(found) for found in problem.errors(include_url=False)]
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, errors) from None


def _error(found: ErrorDetails) -> FieldError:
    field = ".".join(str(part) for part in found["loc"]) or None
    reason = found["msg"].removeprefix("Value error, ")
    # Somebody may have put a live key there.
    value = found["input"] if field is not None and field != "key" else _HIDDEN
    return _wrong(field, reason, value).errors[0]


def _wrong(field: str | None, reason: str, value: object = _HIDDEN) -> Refusal:
    shown = "" if value is _HIDDEN else f", got: {repr(value)[:_SHOWN]}"
    error = FieldError(field=field, message=f"{reason}{shown}", code="invalid")
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, [error])
