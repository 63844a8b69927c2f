"""Kills the server at random moments of turns and counts each message: sent, stored, answered, doubled, lost.

Run: .venv/bin/python -m benchmarks.kills [--kills 50] [--seed N]
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from dataclasses import fields
from pathlib import Path

from tests.conftest import free_port
from tests.kills import kill_at_random
from tests.product import EngineProcess, Product, make_home

TEXTS = [
    "你好",
    "运费怎么算？",
    "hello there",
    "怎么申请退货？",
    "thanks",
    "谢谢",
    "how long is the warranty?",
    "有优惠券吗",
]


def main() -> None:
    """Kill, count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = make_home(Path(folder) / "home")
        port = free_port()
        engine = EngineProcess.start(home, port, home / "engine.log")
        product = Product(home, port, engine, {"YITI_LOG_LEVEL": "WARNING"})
        product.migrate()
        product.start()
        try:
            show = lambda line: print(line, flush=True)  # noqa: E731
            count = asyncio.run(kill_at_random(product, options.kills, options.seed, TEXTS, show))
        finally:
            product.stop()
            engine.stop()
    print(f"seed {options.seed}")
    for one in fields(count):
        print(f"{one.name:15} {getattr(count, one.name)}")


if __name__ == "__main__":
    main()
