"""``/_sandbox/``: what a test, and nobody else, may ask and set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Body, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from rembg_plugins.core.errors import FieldError
from rembg_plugins.core.loopback import is_loopback
from rembg_plugins.sandbox.account import Use
from rembg_plugins.sandbox.faults import Fault  # noqa: TC001 - FastAPI reads it
from rembg_plugins.sandbox.keys import PREFIX
from rembg_plugins.sandbox.refusal import Refusal

if TYPE_CHECKING:
    from rembg_plugins.sandbox.account import Account
    from rembg_plugins.sandbox.world import World

_FORBIDDEN = 403
_MOST = 1_000_000_000  # credits


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

    key: Annotated[str, Field(pattern=f"^{PREFIX}")]
    included: Annotated[int | None, Field(ge=0, le=_MOST)] = None
    prepaid: Annotated[int | None, Field(ge=0, le=_MOST)] = None
    app_usage: Annotated[int, Field(ge=0, le=100_000)] = 0
    api_usage: Annotated[int, Field(ge=0, le=100_000)] = 0
    membership: str | None = None
    subscribed_unix: Annotated[int | None, Field(ge=946_684_800)] = None
    synced: bool | None = None


def control(world: World) -> APIRouter:
    """The routes; each call must come from this machine, and from no page of another site."""
    router = APIRouter(prefix="/_sandbox", dependencies=[Depends(_only_from_here)])

    @router.get("/calls")
    async def calls() -> dict[str, object]:
        return world.calls.listed()

    @router.get("/faults")
    async def waiting() -> dict[str, object]:
        return {"faults": world.faults.listed()}

    @router.post("/faults")
    async def add(faults: Annotated[Fault | list[Fault], Body()]) -> dict[str, object]:
        for fault in faults if isinstance(faults, list) else [faults]:
            world.faults.add(fault)
        return {"faults": world.faults.listed()}

    @router.post("/accounts")
    async def change(wish: AccountChange) -> dict[str, object]:
        account = world.account(wish.key)
        _change(account, wish, world.now())
        return {"account": account.name, "state": account.state}

    @router.post("/reset")
    async def reset() -> dict[str, object]:
        world.reset()
        return {}

    return router


def _change(account: Account, wish: AccountChange, now: float) -> None:
    for name in ("included", "prepaid", "membership", "synced"):
        value = getattr(wish, name)
        if value is not None:
            setattr(account, name, value)
    if wish.subscribed_unix is not None:
        account.subscribed = wish.subscribed_unix
    account.uses += [Use(now, "app", prepaid=False)] * wish.app_usage
    account.uses += [Use(now, "api", prepaid=False)] * wish.api_usage


async def _only_from_here(request: Request) -> None:
    """Refuse other machines, and pages of other sites that reach for this one (DNS rebinding)."""
    peer = request.client.host if request.client else ""
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    origin = request.headers.get("origin")
    from_page = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if not (is_loopback(peer) and is_loopback(host)) or from_page:
        text = "/_sandbox/ answers this machine alone, under a name of its own: http://127.0.0.1"
        raise Refusal(_FORBIDDEN, [FieldError(field=None, message=text, code="forbidden")])
