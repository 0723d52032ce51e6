"""The pages at / and /docs, and the example tables: files of this package; a browser fetches nothing from elsewhere."""

import base64
import hashlib
import os
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import FileResponse, Response
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

PAGE = Path(str(files("mutualist.serving"))) / "page"
EXAMPLES = Path(str(files("mutualist.examples")))
# Observable Plot puts this element into every picture; its text is part of the policy, so that no other is allowed.
PLOT_STYLE = """:where(.plot-d6a7b5) {
  --plot-background: white;
  display: block;
  height: auto;
  height: intrinsic;
  max-width: 100%;
}
:where(.plot-d6a7b5 text),
:where(.plot-d6a7b5 tspan) {
  white-space: pre;
}"""
_PLOT_STYLE_HASH = base64.b64encode(hashlib.sha256(PLOT_STYLE.encode()).digest()).decode()


def policy(**more: str) -> str:
    """A Content-Security-Policy under which nothing comes from elsewhere, and nothing but what `more` adds."""
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    for name, source in more.items():
        directives[name.replace("_", "-")] += f" {source}"
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


HEADERS = {
    "Content-Security-Policy": policy(style_src=f"'sha256-{_PLOT_STYLE_HASH}'"),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # kept, and asked about each time: a new release shows at once
}
# Swagger UI sets styles on its elements, and its style sheet holds small pictures.
DOCS_HEADERS = HEADERS | {"Content-Security-Policy": policy(style_src="'unsafe-inline'", img_src="data:")}
# Not left to the machine's own table, which may call a script plain text; browsers then refuse it.
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".csv": "text/csv",
    ".html": "text/html",
}


class _Files(StaticFiles):
    def file_response(self, full_path: str | os.PathLike[str], *args: Any, **options: Any) -> Response:
        response = super().file_response(full_path, *args, **options)
        response.headers.update(HEADERS)
        if kind := TYPES.get(Path(full_path).suffix):
            response.headers["Content-Type"] = f"{kind}; charset=utf-8"
        return response


def add_page(app: FastAPI) -> None:
    """Adds the pages to a service: / and /docs and, below /page, what they are made of.

    Not mounted at /, where it would answer for every unknown path and method of the interface.
    """

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(PAGE / "index.html", media_type="text/html", headers=HEADERS)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return FileResponse(PAGE / "docs.html", media_type="text/html", headers=DOCS_HEADERS)

    app.mount("/page/examples", _Files(directory=EXAMPLES))
    app.mount("/page", GZipMiddleware(_Files(directory=PAGE)))
