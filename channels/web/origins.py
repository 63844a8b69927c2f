"""Which pages may call the web channel: the widget's list of sites, and the server's own pages."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from sanic import HTTPResponse, Request, empty

from channels.web.widgets import Widget, normal_origin
from core.errors import NotAllowedError

PREFLIGHT_AGE_S = 600


class OriginGuard:
    """Compares the Origin header with a widget's sites.

    The panel is served by this server, so its own origin always passes: a page whose host is the one it
    calls, or one of `own_origins` (set behind a proxy that rewrites Host).
    """

    def __init__(self, own_origins: Collection[str] = ()) -> None:
        self._own_origins = frozenset(normal_origin(origin) for origin in own_origins)

    def check(self, request: Request, widget: Widget, *, must_have: bool = False) -> None:
        """Refuse a call from a page of another site.

        Browsers send no Origin with a GET to their own site, so its absence is refused only where `must_have`
        says so: on sockets, where browsers always send it.

        Raises:
            NotAllowedError: the origin is not one of the widget's.
        """
        origin = request.headers.get("origin")
        if origin is None:
            if must_have:
                raise NotAllowedError("The Origin header is missing.", code="origin_not_allowed")
            return
        if not self.allows(request, origin, widget.origins):
            raise NotAllowedError(
                f"The widget {widget.id!r} may not be used from this site; add it to the widget's origins.",
                code="origin_not_allowed",
            )

    def allows(self, request: Request, origin: str, origins: Collection[str]) -> bool:
        """Say whether pages of `origin` may call, `origins` being the sites on the list."""
        try:
            normal = normal_origin(origin)
        except ValueError:  # "null", file:, extensions
            return False
        own_host = request.headers.get("host", "").lower()
        return normal in origins or normal in self._own_origins or urlsplit(origin.lower()).netloc == own_host


def add_cors(response: HTTPResponse, origin: str) -> None:
    """Let pages of `origin` read the answer; no cookies, so credentials are not allowed."""
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = "Retry-After"
    response.headers["Vary"] = "Origin"


def preflight() -> HTTPResponse:
    """Answer the browser's question before a call from another site."""
    return empty(
        headers={
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Access-Control-Max-Age": str(PREFLIGHT_AGE_S),
        }
    )
