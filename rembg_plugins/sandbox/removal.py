"""``POST /rmbg``: from a form to a cut-out, or to what a fault makes of it."""

from __future__ import annotations

import asyncio
import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from rembg_plugins.api.openapi import REMOVAL_PATH
from rembg_plugins.core.errors import ValidationError
from rembg_plugins.sandbox.delivery import Delivery, Lingering, Reset, Silence, Unread, spoilt
from rembg_plugins.sandbox.made_up import in_place_of, without_picture
from rembg_plugins.sandbox.refusal import Refusal
from rembg_plugins.sandbox.upload import UnreadError, drain, read_upload
from rembg_plugins.sandbox.world import ANONYMOUS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from rembg_plugins.core.result import Result
    from rembg_plugins.sandbox.account import Account
    from rembg_plugins.sandbox.calls import Call
    from rembg_plugins.sandbox.cutting import Cutter
    from rembg_plugins.sandbox.faults import Fault
    from rembg_plugins.sandbox.upload import Upload
    from rembg_plugins.sandbox.world import World


class Removals:
    """Answers the calls.

    Args:
        world: Accounts, faults and calls.
        cutter: Checks and cuts out.
        sleep: Waits some seconds.
        on_call: Told of each call when it has ended; what it raises is of no matter.
    """

    def __init__(
        self,
        world: World,
        cutter: Cutter,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_call: Callable[[Call], None] = lambda _: None,
    ) -> None:
        """Put the parts together."""
        self._world = world
        self._cutter = cutter
        self._sleep = sleep
        self._on_call = on_call

    async def answer(self, request: Request) -> Response:
        """The answer to one call, spoilt if a fault waits for it."""
        call = self._world.calls.begin(REMOVAL_PATH, self._world.now())
        call.account = self._world.name_of(request.headers)
        fault = self._world.faults.take(REMOVAL_PATH)
        call.fault = None if fault is None else fault.kind
        try:
            response = await self._answer(request, call, fault)
        except ClientDisconnect:
            response = Silence()

        def ended(status: int | None) -> None:
            call.status = status
            with contextlib.suppress(Exception):
                self._on_call(call)

        return Delivery(response, ended)

    async def _answer(self, request: Request, call: Call, fault: Fault | None) -> Response:
        caller = self._caller(request)
        if fault is not None and fault.is_early:
            self._bill_by_wish(call, fault, caller)
            return await _early(request, fault)
        try:
            async with read_upload(request.scope, request.receive) as upload:
                await self._note(call, upload)
                return await self._answer_form(upload, call, caller, fault)
        except UnreadError as problem:
            refusal = caller if isinstance(caller, Refusal) else problem.refusal
            return Lingering(refusal.answer(), drain)
        except Refusal as problem:
            return problem.answer()

    async def _answer_form(
        self, upload: Upload, call: Call, caller: Account | Refusal, fault: Fault | None
    ) -> Response:
        if fault is not None and not fault.is_made:
            self._bill_by_wish(call, fault, caller)
            return without_picture(fault)
        if isinstance(caller, Refusal):
            return caller.answer()
        result = await self._make(call, upload, caller, fault)
        response = Response(result.content, HTTPStatus.OK, media_type=result.media_type)
        if fault is None:
            return response
        made = await self._cutter.in_thread(in_place_of, response, fault)
        return spoilt(made, fault, self._sleep)

    def _caller(self, request: Request) -> Account | Refusal:
        """Who calls; or why not, which is answered once the body was read."""
        try:
            account = self._world.caller(request.headers)
            self._world.admit(account)
        except Refusal as refusal:
            return refusal
        return account

    async def _note(self, call: Call, upload: Upload) -> None:
        self._world.calls.describe(call, upload.filename, upload.fields)
        digest = await self._cutter.digest(upload)
        if digest is not None:
            call.sha256, call.length = digest

    async def _make(
        self, call: Call, upload: Upload, account: Account, fault: Fault | None
    ) -> Result:
        """Check, put a credit aside, cut out, spend the credit."""
        try:
            checked = await self._cutter.check(upload)
        except ValidationError as problem:
            raise Refusal(HTTPStatus.BAD_REQUEST, problem.errors) from problem
        credit = self._world.reserve(account)
        try:
            await self._wait(fault)
            free = account.name == ANONYMOUS or account.state == "shrunken"
            result = await self._cutter.cut_out(checked, shrunk=free)
        except BaseException as problem:
            if credit is not None:
                account.release(prepaid=credit)
            if isinstance(problem, ValidationError):
                raise Refusal(HTTPStatus.BAD_REQUEST, problem.errors) from problem
            raise
        if credit is not None and fault is not None and fault.billed is False:
            account.release(prepaid=credit)
        elif credit is not None:
            account.spend(self._world.now(), prepaid=credit)
            call.bill()
        return result

    async def _wait(self, fault: Fault | None) -> None:
        seconds = self._world.settings.latency_s
        if fault is not None and fault.kind == "wait":
            seconds += fault.seconds
        if seconds:
            await self._sleep(seconds)

    def _bill_by_wish(self, call: Call, fault: Fault, caller: Account | Refusal) -> None:
        """Bill a call that gets no picture, where the fault says so and there is a credit."""
        if not fault.billed or isinstance(caller, Refusal) or caller.name == ANONYMOUS:
            return
        credit = caller.reserve(self._world.now())
        if credit is not None:
            caller.spend(self._world.now(), prepaid=credit)
            call.bill()


async def _early(request: Request, fault: Fault) -> Response:
    """The connection ends, or falls silent, before or in the middle of the body."""
    if fault.when == "in":
        await request.receive()
    return Reset() if fault.kind == "reset" else Unread()
