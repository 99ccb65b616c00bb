"""Answers that no engine made: what a fault says in place of a picture."""

from __future__ import annotations

import base64
import gzip
import io
import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response

from rembg_plugins.api.schemas import error_body
from rembg_plugins.sandbox.refusal import JSON

if TYPE_CHECKING:
    from rembg_plugins.sandbox.faults import Content, Fault

_OK, _FOUND = 200, 302
_HTML = "text/html; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"


def without_picture(fault: Fault) -> Response:
    """The answer of ``status`` or ``redirect``."""
    if fault.kind == "redirect":
        return Response(status_code=fault.status or _FOUND, headers={"Location": fault.location})
    if fault.message is not None:
        body: object = error_body(fault.status, [fault.message.on(None)])
    else:
        body = _page(fault.status) if fault.body is None else fault.body
    text, media_type = (body, _HTML) if isinstance(body, str) else (json.dumps(body), JSON)
    return Response(text, fault.status, fault.headers, media_type=media_type)


def in_place_of(picture: Response, fault: Fault) -> Response:
    """The answer of ``answer`` or ``gzip``, made of the picture; of another kind, the picture."""
    body = bytes(picture.body)
    if fault.kind == "gzip":
        packed = gzip.compress(body, mtime=0)
        headers = {"Content-Encoding": "gzip"}
        return Response(packed, _OK, headers, picture.headers["content-type"])
    if fault.kind == "answer":
        content, media_type = _content(fault.content, fault, body)
        return Response(content, _OK, media_type=media_type)
    return picture


def _content(kind: Content, fault: Fault, picture: bytes) -> tuple[bytes, str | None]:
    if kind == "html":
        return _page(_OK).encode(), _HTML
    if kind == "json":
        return b'{"result": "ok"}', JSON
    if kind == "base64":
        return base64.b64encode(picture), _TEXT
    if kind == "data_url":
        return b"data:image/png;base64," + base64.b64encode(picture), _TEXT
    return (b"", None) if kind == "empty" else (_of_size(fault), "image/png")


def _page(status: int) -> str:
    """A page such as proxies send."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error"
    return f"<!doctype html><title>{status} {phrase}</title><h1>{status} {phrase}</h1>"


def _of_size(fault: Fault) -> bytes:
    from PIL import Image  # noqa: PLC0415 - rare

    file = io.BytesIO()
    Image.new("RGBA", (fault.width, fault.height), (200, 30, 40, 128)).save(file, "PNG")
    return file.getvalue()
