"""Serves built pages from memory: hashed files for ever, the rest fresh, all under a strict policy."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sanic import Blueprint, HTTPResponse, Request, raw

from core.access import public
from core.errors import ConfigError, NotFoundError

HASHED = re.compile(r"[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+$")
MIN_GZIP_BYTES = 1_000
INDEX = "index.html"
TYPES = {".js": "text/javascript; charset=utf-8", ".woff2": "font/woff2", ".webmanifest": "application/manifest+json"}


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file as it is sent."""

    content: bytes
    gzipped: bytes | None
    content_type: str
    etag: str
    is_hashed: bool


class PageFolder:
    """The files of a built page, read once; only what was there at start-up is ever served."""

    def __init__(self, folder: Path) -> None:
        if not (folder / INDEX).exists():
            raise ConfigError(f"{folder} holds no built page; run `./yiti setup`.", code="page_missing")
        self._files = {path.relative_to(folder).as_posix(): _load(path) for path in folder.rglob("*") if path.is_file()}

    def find(self, name: str) -> PageFile | None:
        """Return the file of this name, or None."""
        return self._files.get(name)

    def get(self, name: str) -> PageFile:
        """Return the file of this name.

        Raises:
            NotFoundError: there is none.
        """
        found = self.find(name)
        if found is None:
            raise NotFoundError("There is no such file.")
        return found


def page_routes(
    name: str,
    prefix: str,
    folder: PageFolder,
    headers: Callable[[Request], Mapping[str, str]],
    *,
    is_application: bool = False,
) -> Blueprint:
    """Build the routes of one page; `headers` says what each answer carries besides.

    With `is_application`, a path that names no file answers the page itself, whose own router goes on from there.
    """
    blueprint = Blueprint(f"page_{name}", url_prefix=prefix)

    @blueprint.get("/", name="index")
    @public("a page without data")
    async def index(request: Request) -> HTTPResponse:
        return send(request, folder.get(INDEX), headers(request))

    @blueprint.get("/<path:path>", name="file")
    @public("a page without data")
    async def file(request: Request, path: str) -> HTTPResponse:
        found = folder.find(path or INDEX)
        if found is None and is_application and not PurePosixPath(path).suffix:
            found = folder.get(INDEX)
        if found is None:
            raise NotFoundError("There is no such file.")
        return send(request, found, headers(request))

    return blueprint


def send(request: Request, file: PageFile, headers: Mapping[str, str]) -> HTTPResponse:
    """Answer with a file, or with 304 when the browser has it already."""
    answer = {
        **headers,
        "ETag": file.etag,
        "Vary": "Accept-Encoding",
        "Cache-Control": "public, max-age=31536000, immutable" if file.is_hashed else "no-cache",
    }
    if file.etag in request.headers.get("if-none-match", ""):
        return raw(b"", status=304, headers=answer)
    if file.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return raw(file.gzipped, headers={**answer, "Content-Encoding": "gzip"}, content_type=file.content_type)
    return raw(file.content, headers=answer, content_type=file.content_type)


def _load(path: Path) -> PageFile:
    content = path.read_bytes()
    guessed = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    content_type = f"{guessed}; charset=utf-8" if guessed.startswith("text/") and "charset" not in guessed else guessed
    gzipped = gzip.compress(content, mtime=0) if len(content) >= MIN_GZIP_BYTES else None
    return PageFile(
        content=content,
        gzipped=gzipped if gzipped and len(gzipped) < len(content) else None,
        content_type=content_type,
        etag=f'"{hashlib.sha256(content).hexdigest()[:24]}"',
        is_hashed=bool(HASHED.search(path.name)) and path.suffix != ".html",
    )
