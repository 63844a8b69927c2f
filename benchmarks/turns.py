"""Message → bot reply: Yiti over its web channel beside stock Rasa 3.6.21 over its REST channel.

Both answer the same messages from the same training data with the same custom actions in the same run. Yiti's time goes
from the widget's frame to the reply's frame and includes storing both; stock Rasa keeps its trackers in memory.

Run: .venv/bin/python -m benchmarks.turns [--messages 400] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import websockets

from core.ids import new_id
from core.settings import load_settings
from server.setup.steps import fingerprint
from tests.conftest import REPOSITORY, free_port
from tests.product import ENGINE_SECRET, EngineProcess, Product, clean_environment, make_home

MESSAGES_PER_CONVERSATION = 8  # under the widget's limit of ten in ten seconds
TEXTS = (
    "你好",
    "我的订单AB-100001到哪了",
    "hello",
    "where is my order AB-100002",
    "怎么开发票",
    "有优惠券吗",
    "thanks",
    "谢谢",
    "运费怎么算",
    "how long does shipping take",
    "可以七天无理由退货吗",
    "what is your warranty",
    "are you a bot",
    "你是机器人吗",
    "付款失败了怎么办",
    "my payment failed",
    "东西质量太差了",
    "保修多久",
    "can I get an invoice",
    "再见",
)
STOCK = REPOSITORY / "benchmarks" / "stock" / "config.yml"


@dataclass(frozen=True)
class Figures:
    """What was measured of one system at one number of customers; times in milliseconds."""

    system: str
    customers: int
    messages: int
    per_second: float
    p50_ms: float
    p95_ms: float


Talk = Callable[[Sequence[str], list[float]], Awaitable[None]]


async def measure(system: str, customers: int, messages: int, talk: Talk) -> Figures:
    """Let customers hold conversations side by side until all messages are answered."""
    talks = [
        [TEXTS[(start + n) % len(TEXTS)] for n in range(MESSAGES_PER_CONVERSATION)]
        for start in range(0, messages, MESSAGES_PER_CONVERSATION)
    ]
    times: list[float] = []
    waiting = iter(talks)

    async def one_customer() -> None:
        for texts in waiting:
            await talk(texts, times)

    began = time.perf_counter()
    await asyncio.gather(*(one_customer() for _ in range(customers)))
    took = time.perf_counter() - began
    cuts = statistics.quantiles(times, n=20)
    return Figures(system, customers, len(times), len(times) / took, statistics.median(times) * 1e3, cuts[18] * 1e3)


def yiti_talk(product: Product) -> Talk:
    """One conversation over the widget's protocol, each from another address as behind a proxy."""
    number = iter(range(1, 1_000_000))

    async def talk(texts: Sequence[str], times: list[float]) -> None:
        n = next(number)
        address = {"Origin": product.url, "X-Forwarded-For": f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"}
        async with httpx.AsyncClient(base_url=product.url, headers=address, timeout=60) as client:
            answer = await client.post("/web/v1/session", json={"widget": "demo"})
            answer.raise_for_status()
            session = answer.json()
        socket_url = product.url.replace("http", "ws") + "/web/v1/socket"
        async with websockets.connect(socket_url, additional_headers=address, open_timeout=60) as socket:
            await socket.send(json.dumps({"t": "auth", "access_token": session["access_token"], "after": 0}))
            for text in texts:
                began = time.perf_counter()
                client_msg_id = new_id()
                await socket.send(json.dumps({"t": "msg", "client_msg_id": client_msg_id, "text": text}))
                await _reply(socket, client_msg_id)
                times.append(time.perf_counter() - began)

    return talk


async def _reply(socket: websockets.ClientConnection, client_msg_id: str) -> None:
    message_id = None
    while True:
        frame = json.loads(await asyncio.wait_for(socket.recv(), 60))
        if frame["t"] == "error":
            raise RuntimeError(f"The server refused: {frame}")
        if frame["t"] == "ack" and frame["client_msg_id"] == client_msg_id:
            message_id = frame["msg_id"]
        if frame["t"] == "ev" and frame["ev"]["type"] == "message":
            data = frame["ev"]["data"]
            if data["author"]["kind"] != "customer" and message_id and data.get("in_reply_to") == message_id:
                return


def stock_talk(url: str, client: httpx.AsyncClient) -> Talk:
    """One conversation over stock Rasa's REST channel."""

    async def talk(texts: Sequence[str], times: list[float]) -> None:
        sender = new_id()
        for text in texts:
            began = time.perf_counter()
            answer = await client.post(f"{url}/webhooks/rest/webhook", json={"sender": sender, "message": text})
            answer.raise_for_status()
            times.append(time.perf_counter() - began)

    return talk


def train_stock() -> Path:
    """Train the peer once for the present data; about five minutes."""
    settings = load_settings()
    data = [REPOSITORY / "domain", *(REPOSITORY / "data" / name for name in ("nlu", "rules", "stories"))]
    mark = fingerprint([STOCK, *(path for folder in data for path in folder.rglob("*.yml"))])
    out = settings.home / "benchmarks"
    model = out / f"stock-{mark[:16]}.tar.gz"
    if not model.exists():
        print("training the stock peer (DIET, TED); about five minutes ...", flush=True)
        subprocess.run(
            [
                settings.engine_python,
                "-m",
                "rasa",
                "train",
                "--config",
                STOCK,
                "--domain",
                data[0],
                "--data",
                *data[1:],
                "--out",
                out,
                "--fixed-model-name",
                model.name.removesuffix(".tar.gz"),
            ],
            cwd=REPOSITORY,
            env=clean_environment(TF_CPP_MIN_LOG_LEVEL="3", SQLALCHEMY_SILENCE_UBER_WARNING="1"),
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    return model


@contextmanager
def running_stock(folder: Path, action_port: int):  # type: ignore[no-untyped-def]
    """Run stock Rasa with its REST channel and our custom actions."""
    port = free_port()
    (folder / "credentials.yml").write_text("rest:\n")
    (folder / "endpoints.yml").write_text(
        f"action_endpoint:\n  url: http://127.0.0.1:{action_port}/actions/webhook\n"
        f"  headers:\n    Authorization: Bearer {ENGINE_SECRET}\n"
    )
    process = subprocess.Popen(
        [
            load_settings().engine_python,
            "-m",
            "rasa",
            "run",
            "-m",
            train_stock(),
            "-p",
            str(port),
            "-i",
            "127.0.0.1",
            "--credentials",
            folder / "credentials.yml",
            "--endpoints",
            folder / "endpoints.yml",
        ],
        cwd=folder,
        env=clean_environment(TF_CPP_MIN_LOG_LEVEL="3"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                body = {"sender": "warm-up", "message": "hello"}
                if httpx.post(f"{url}/webhooks/rest/webhook", json=body, timeout=60).json():
                    break
            except (httpx.HTTPError, ValueError):
                pass
            time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait(30)


async def compare(messages: int) -> list[Figures]:
    """Measure both systems at 1 and 8 customers, in turns, so that a noisy minute hits both."""
    figures: list[Figures] = []
    with tempfile.TemporaryDirectory() as folder:
        home = make_home(Path(folder) / "home")
        port = free_port()
        engine = EngineProcess.start(home, port, home / "engine.log")
        product = Product(home, port, engine, {"YITI_TRUSTED_PROXIES": "1", "YITI_LOG_LEVEL": "WARNING"})
        product.migrate()
        product.start()
        try:
            with running_stock(Path(folder), port) as stock_url:
                async with httpx.AsyncClient(timeout=60) as client:
                    systems = {"yiti": yiti_talk(product), "stock": stock_talk(stock_url, client)}
                    for talk in systems.values():
                        await measure("warm-up", 1, 2 * MESSAGES_PER_CONVERSATION, talk)
                    for customers in (1, 8):
                        for name, talk in systems.items():
                            figures.append(await measure(name, customers, messages, talk))
        finally:
            product.stop()
            engine.stop()
    return figures


def report(figures: Sequence[Figures]) -> None:
    """Print the figures and the ratios."""
    print(f"{'':8}{'customers':>10}{'messages':>10}{'per second':>12}{'p50 ms':>9}{'p95 ms':>9}")
    for one in figures:
        print(
            f"{one.system:8}{one.customers:>10}{one.messages:>10}{one.per_second:>12.1f}{one.p50_ms:>9.1f}"
            f"{one.p95_ms:>9.1f}"
        )
    by_key = {(one.system, one.customers): one for one in figures}
    for customers in (1, 8):
        ours, theirs = by_key["yiti", customers], by_key["stock", customers]
        print(
            f"yiti / stock at {customers}: messages per second ×{ours.per_second / theirs.per_second:.2f}, "
            f"p50 ×{ours.p50_ms / theirs.p50_ms:.2f}, p95 ×{ours.p95_ms / theirs.p95_ms:.2f}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=400)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures = asyncio.run(compare(options.messages))
    report(figures)
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in figures], indent=1))


if __name__ == "__main__":
    main()
