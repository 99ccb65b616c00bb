"""``POST /rmbg``: from a form to a cut-out, or to what a fault makes of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from rembg_plugins.api.openapi import REMOVAL_PATH
from rembg_plugins.core.errors import ValidationError
from rembg_plugins.sandbox.delivery import Gone, Lingering, Spoilt, Unread, made_up, replaced, reset
from rembg_plugins.sandbox.refusal import Refusal
from rembg_plugins.sandbox.upload import UnreadError, drain, read_upload
from rembg_plugins.sandbox.world import ANONYMOUS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

    from rembg_plugins.core.result import Result
    from rembg_plugins.sandbox.account import Account
    from rembg_plugins.sandbox.calls import Call
    from rembg_plugins.sandbox.cutting import Cutter
    from rembg_plugins.sandbox.faults import Fault
    from rembg_plugins.sandbox.upload import Upload
    from rembg_plugins.sandbox.world import World

_OK, _BAD_REQUEST = 200, 400
_READERS = 32  # bodies that are read at once


class Removals:
    """Answers the calls.

    Args:
        world: Accounts, faults and calls.
        cutter: Checks and cuts out.
        sleep: Waits some seconds.
        on_call: Told of each call when it has ended.
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
        self._readers = asyncio.Semaphore(_READERS)

    async def answer(self, request: Request) -> Response:
        """The answer to one call, spoilt if a fault waits for it."""
        call = self._world.calls.begin(REMOVAL_PATH, self._world.now())
        fault = self._world.faults.take(REMOVAL_PATH)
        call.fault = None if fault is None else fault.kind
        try:
            response = await self._answer(request, call, fault)
        except ClientDisconnect:
            response = Gone()
        if not isinstance(response, Spoilt | Gone | Unread):
            call.status = response.status_code
        self._on_call(call)
        return response

    async def _answer(self, request: Request, call: Call, fault: Fault | None) -> Response:
        account, refusal = self._caller(request.headers, call)
        if fault is not None and fault.kind in {"reset", "never"} and fault.when != "after":
            return await _gone_early(request, fault)
        try:
            async with read_upload(request.scope, request.receive, self._readers) as upload:
                await self._note(call, upload)
                if fault is not None and not fault.is_made:
                    self._bill_by_wish(call, fault, account)
                    return made_up(fault)
                if refusal is not None or account is None:
                    raise refusal or AssertionError
                result = await self._make(call, upload, account, fault)
        except UnreadError as problem:
            return Lingering((refusal or problem.refusal).answer(), drain)
        except Refusal as problem:
            return problem.answer()
        response = Response(result.content, _OK, media_type=result.media_type)
        return response if fault is None else self._spoilt(response, call, fault)

    def _caller(
        self, headers: Mapping[str, str], call: Call
    ) -> tuple[Account | None, Refusal | None]:
        """Who calls; or why not, which is answered once the body was read."""
        call.account = self._world.name_of(headers)
        try:
            account = self._world.caller(headers)
            self._world.admit(account)
        except Refusal as refusal:
            return None, refusal
        return account, None

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
            raise Refusal(_BAD_REQUEST, problem.errors) from problem
        credit = self._world.reserve(account)
        try:
            await self._wait(fault)
            free = account.name == ANONYMOUS or account.state == "shrunken"
            result = await self._cutter.cut_out(checked, shrunk=free)
        except BaseException as problem:
            if credit is not None:
                account.release(prepaid=credit)
            if isinstance(problem, ValidationError):
                raise Refusal(_BAD_REQUEST, problem.errors) from problem
            raise
        billed = credit is not None and (fault is None or fault.billed is not False)
        if billed:
            account.spend(self._world.now(), prepaid=bool(credit))
            call.bill()
        elif credit is not None:
            account.release(prepaid=credit)
        return result

    async def _wait(self, fault: Fault | None) -> None:
        seconds = self._world.settings.latency_s
        if fault is not None and fault.kind == "wait":
            seconds += fault.seconds
        if seconds:
            await self._sleep(seconds)

    def _bill_by_wish(self, call: Call, fault: Fault, account: Account | None) -> None:
        """Bill a call that gets no picture, where the fault says so: nobody could know."""
        if not fault.billed:
            return
        if account is not None:
            credit = account.reserve(self._world.now())
            if credit is not None:
                account.spend(self._world.now(), prepaid=credit)
        call.bill()

    def _spoilt(self, response: Response, call: Call, fault: Fault) -> Response:
        if fault.kind == "wait":
            return response
        if fault.kind == "answer":
            return replaced(fault, bytes(response.body))

        def delivered() -> None:
            call.status = response.status_code

        return Spoilt(response, fault, sleep=self._sleep, delivered=delivered)


async def _gone_early(request: Request, fault: Fault) -> Response:
    """The connection ends, or falls silent, before or in the middle of the body."""
    if fault.when == "in":
        await request.receive()
    if fault.kind == "reset":
        reset(request.scope)
        return Gone()
    return Unread()
