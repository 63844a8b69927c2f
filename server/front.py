"""The built pages under their addresses, each with the strictest policy it can live with."""

from __future__ import annotations

from sanic import Blueprint, Request

from channels.web.widgets import WidgetDirectory
from core.errors import NotFoundError
from core.settings import REPOSITORY
from server.pages import PageFolder, page_routes

WEB = REPOSITORY / "web"
NO_DEVICES = "camera=(), microphone=(), geolocation=()"
CONSOLE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
WIDGET_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; font-src 'self'; "
    "connect-src 'self' wss:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; "
    "frame-ancestors 'self'{origins}"
)


def front_routes(widgets: WidgetDirectory) -> list[Blueprint]:
    """Build the routes of the console and of the widget's files."""
    console = {
        "Content-Security-Policy": CONSOLE_POLICY,
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": NO_DEVICES,
    }

    def widget_headers(request: Request) -> dict[str, str]:
        return {
            "Content-Security-Policy": WIDGET_POLICY.format(origins=_embedders(widgets, request.args.get("widget"))),
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Permissions-Policy": NO_DEVICES,
        }

    return [
        page_routes(
            "console", "/console", PageFolder(WEB / "console" / "dist"), lambda _request: console, is_application=True
        ),
        page_routes("widget", "/widget", PageFolder(WEB / "widget" / "dist"), widget_headers),
    ]


def _embedders(widgets: WidgetDirectory, widget_id: str | None) -> str:
    """Return the sites that may embed the widget a page is asked for, as the policy's list goes on."""
    try:
        origins = widgets.get(widget_id or "").origins
    except NotFoundError:
        return ""
    return "".join(f" {origin}" for origin in sorted(origins))
