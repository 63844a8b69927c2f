"""The built pages under their addresses, each with the strictest policy it can live with."""

from __future__ import annotations

from collections.abc import Collection

from sanic import Blueprint

from core.settings import REPOSITORY
from server.pages import PageFolder, page_routes

WEB = REPOSITORY / "web"
CONSOLE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
WIDGET_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; font-src 'self'; "
    "connect-src 'self' wss:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; "
    "frame-ancestors 'self'{origins}"
)


def front_routes(widget_origins: Collection[str]) -> list[Blueprint]:
    """Build the routes of the console and of the widget's files."""
    origins = "".join(f" {origin}" for origin in sorted(widget_origins))
    console = {
        "Content-Security-Policy": CONSOLE_POLICY,
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }
    widget = {
        "Content-Security-Policy": WIDGET_POLICY.format(origins=origins),
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }
    return [
        page_routes("console", "/console", PageFolder(WEB / "console" / "dist"), console, is_application=True),
        page_routes("widget", "/widget", PageFolder(WEB / "widget" / "dist"), widget),
    ]
