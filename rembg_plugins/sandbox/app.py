"""The application: every route of the sandbox."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, Response

from rembg_plugins import __version__
from rembg_plugins.api.openapi import DOCUMENT_PATH, REMOVAL_PATH, USAGE_PATH, document
from rembg_plugins.core.errors import FieldError, ValidationError
from rembg_plugins.core.usage_query import USAGE_PARAMETERS, parse_usage_query
from rembg_plugins.sandbox.control import control
from rembg_plugins.sandbox.docs_page import add_docs_page
from rembg_plugins.sandbox.made_up import without_picture
from rembg_plugins.sandbox.membership import membership_usage
from rembg_plugins.sandbox.refusal import Refusal

if TYPE_CHECKING:
    from rembg_plugins.sandbox.removal import Removals
    from rembg_plugins.sandbox.world import World

_SAMPLE = Path(__file__).with_name("sample.jpg")  # "Chelsea", by Stefan van der Walt, CC0


def build_app(world: World, removals: Removals) -> FastAPI:
    """The sandbox as an ASGI application.

    It must run in our own server: some faults need the connection itself.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    _answer_errors(app)

    @app.post(REMOVAL_PATH)
    async def remove(request: Request) -> Response:
        return await removals.answer(request)

    @app.get(USAGE_PATH)
    async def usage(request: Request) -> Response:
        return _usage(world, request)

    @app.get(DOCUMENT_PATH)
    async def openapi() -> JSONResponse:
        return JSONResponse(document())

    @app.get("/sample.jpg")
    async def sample() -> FileResponse:
        return FileResponse(_SAMPLE)

    @app.api_route("/healthz", methods=["GET", "HEAD"])
    async def health() -> dict[str, str]:
        return {"status": "ok", "version": __version__}

    app.include_router(control(world))
    add_docs_page(app)
    return app


def _usage(world: World, request: Request) -> Response:
    call = world.calls.begin(USAGE_PATH, world.now())
    call.account = world.name_of(request.headers)
    query = {name: request.query_params.get(name) for name in USAGE_PARAMETERS}
    given = {name: value for name, value in query.items() if value is not None}
    world.calls.describe(call, None, given)
    fault = world.faults.take(USAGE_PATH)
    try:
        if fault is not None:
            call.fault = fault.kind
            response = without_picture(fault)
        else:
            account = world.member(request.headers)
            answer = membership_usage(account, parse_usage_query(given), world.now())
            response = JSONResponse(answer)
    except ValidationError as problem:
        response = Refusal(HTTPStatus.BAD_REQUEST, problem.errors).answer()
    except Refusal as refusal:
        response = refusal.answer()
    call.status = response.status_code
    return response


def _answer_errors(app: FastAPI) -> None:
    """Have every error answered in the API's shapes, those of the framework too."""

    @app.exception_handler(Refusal)
    async def refused(request: Request, refusal: Refusal) -> Response:
        del request
        return refusal.answer()

    @app.exception_handler(HTTPException)
    async def failed(request: Request, problem: HTTPException) -> Response:
        text = f"{problem.detail}: {request.method} {request.url.path}"
        error = FieldError(field=None, message=text, code="http")
        return Refusal(problem.status_code, [error], problem.headers).answer()

    @app.exception_handler(Exception)
    async def broken(request: Request, problem: Exception) -> Response:
        del request
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        text = f"The sandbox failed, which is a bug: {type(problem).__name__}"
        return Refusal(status, [FieldError(field=None, message=text, code="bug")]).answer()
