from __future__ import annotations

import asyncio
import contextlib

from handoff.outgoing import Outgoing


class FakeSocket:
    """Takes frames while `reads` is set."""

    def __init__(self) -> None:
        self.reads = asyncio.Event()
        self.reads.set()
        self.sent: list[str] = []
        self.arrived = asyncio.Event()

    async def send(self, message: str) -> None:
        self.arrived.set()
        await self.reads.wait()
        self.sent.append(message)


async def write(outgoing: Outgoing, socket: FakeSocket) -> None:
    writer = asyncio.create_task(outgoing.write_to(socket))
    await outgoing.drained()
    await asyncio.sleep(0)
    writer.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await writer


async def test_frames_are_sent_in_the_order_they_were_put() -> None:
    outgoing, socket = Outgoing(), FakeSocket()
    for number in range(5):
        outgoing.put({"n": number})

    await write(outgoing, socket)

    assert socket.sent == [f'{{"n":{number}}}' for number in range(5)]


async def test_a_newer_state_takes_the_place_of_one_that_waits() -> None:
    outgoing, socket = Outgoing(), FakeSocket()
    outgoing.put({"row": 1}, replaces="row:a")
    outgoing.put({"row": 9}, replaces="row:b")
    outgoing.put({"row": 2}, replaces="row:a")

    await write(outgoing, socket)

    assert socket.sent == ['{"row":2}', '{"row":9}']


async def test_a_desk_that_reads_nothing_overflows_and_holds_nothing_up() -> None:
    outgoing, socket = Outgoing(max_backlog_bytes=100), FakeSocket()
    socket.reads.clear()
    writer = asyncio.create_task(outgoing.write_to(socket))

    for number in range(50):
        outgoing.put({"n": number})

    assert outgoing.overflowed.is_set()
    writer.cancel()


async def test_one_frame_larger_than_the_limit_passes_when_nothing_else_waits() -> None:
    outgoing, socket = Outgoing(max_backlog_bytes=10), FakeSocket()

    outgoing.put({"text": "x" * 100})
    await write(outgoing, socket)

    assert not outgoing.overflowed.is_set()
    assert len(socket.sent) == 1


async def test_a_long_stream_does_not_add_up_to_an_overflow() -> None:
    outgoing, socket = Outgoing(max_backlog_bytes=200), FakeSocket()
    writer = asyncio.create_task(outgoing.write_to(socket))

    for number in range(200):
        outgoing.put({"n": number})
        await outgoing.drained()
        await asyncio.sleep(0)

    assert not outgoing.overflowed.is_set()
    writer.cancel()
