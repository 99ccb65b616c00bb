"""``/api/docs``: the interactive reference, which asks no other server for anything."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from rembg_plugins.api.openapi import DOCUMENT_PATH

if TYPE_CHECKING:
    from fastapi import FastAPI

PATH = "/api/docs"
_ASSETS = f"{PATH}/assets"
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self'"
)
_PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>RemBG API: the sandbox's reference</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{_ASSETS}/swagger-ui.css">
<div id="reference"></div>
<script src="{_ASSETS}/swagger-ui-bundle.js"></script>
<script src="{PATH}/start.js"></script>
</html>
"""
_START = """SwaggerUIBundle({
  url: "DOCUMENT",
  dom_id: "#reference",
  tryItOutEnabled: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
  requestInterceptor: (request) => {
    if (request.body instanceof FormData) {  // what was left empty is not given
      for (const [name, value] of [...request.body.entries()]) {
        if (value === "") request.body.delete(name);
      }
    }
    return request;
  },
});
""".replace("DOCUMENT", DOCUMENT_PATH)


def add_docs_page(app: FastAPI) -> None:
    """Add the page, its script and the assets of ``swagger-ui-bundle``."""

    @app.get(PATH)
    async def page() -> HTMLResponse:
        return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})

    @app.get(f"{PATH}/start.js")
    async def start() -> HTMLResponse:
        return HTMLResponse(_START, media_type="text/javascript")

    app.mount(_ASSETS, StaticFiles(directory=_assets()))


def _assets() -> Path:
    """The folder of the assets; found without importing their package, which needs Jinja."""
    spec = find_spec("swagger_ui_bundle")
    assert spec is not None  # noqa: S101 - the extra was looked for before
    assert spec.origin is not None  # noqa: S101 - it is a package
    return next(Path(spec.origin).parent.glob("vendor/swagger-ui-*"))
