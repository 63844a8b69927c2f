"""Builds the widget and the console with npm, when their sources changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.settings import REPOSITORY
from server.setup.environments import find_node
from server.setup.steps import fingerprint, is_stamped, put_stamp, run_command

WEB = REPOSITORY / "web"
SKIPPED = frozenset({"node_modules", "dist", "dev", ".vite"})


def build_page(name: str) -> Callable[[Callable[[str], None]], str]:
    """Return the step that builds `web/<name>` into `web/<name>/dist`."""
    folder = WEB / name

    def build(show: Callable[[str], None]) -> str:
        mark = fingerprint(_sources(folder))
        if is_stamped(folder / "dist", mark):
            return "up to date"
        env = find_node(show)
        install_packages(folder, show, env)
        run_command(
            ["npm", "run", "build"],
            cwd=folder,
            show=show,
            env=env,
            failure=f"web/{name} could not be built.",
        )
        put_stamp(folder / "dist", mark)
        return "built"

    return build


def install_packages(folder: Path, show: Callable[[str], None], env: dict[str, str]) -> None:
    """Install a front end's locked packages, unless that is done already."""
    modules = folder / "node_modules"
    mark = fingerprint([folder / "package-lock.json"])
    if is_stamped(modules, mark):
        return
    run_command(
        ["npm", "ci", "--no-audit", "--no-fund"],
        cwd=folder,
        show=show,
        env=env,
        failure=f"{folder.name}'s packages could not be installed. Is the npm registry reachable?",
    )
    put_stamp(modules, mark)


def _sources(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and not SKIPPED.intersection(path.relative_to(folder).parts)
    ]
