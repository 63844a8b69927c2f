"""The event log and the trackers kept alive over it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, BotUttered, SessionStarted, SlotSet, UserUttered
from rasa.shared.core.slots import TextSlot

from bot.event_log import ConversationMovedError
from bot.tracker_store import EventLogTrackerStore, to_events


def open_store(tmp_path: Path) -> EventLogTrackerStore:
    domain = Domain([], [], [TextSlot("city", [{"type": "custom"}])], {}, [], {}, {})
    return EventLogTrackerStore(domain, url=f"sqlite:///{tmp_path / 'deep' / 'tracker.db'}")


def test_a_batch_is_found_again_by_its_cause_after_a_restart(tmp_path: Path) -> None:
    async def write() -> None:
        store = open_store(tmp_path)
        live = (await store.open("c", "m:1")).live
        live.tracker.update_with_events(
            [ActionExecuted("action_session_start"), SessionStarted(), SlotSet("city", "武汉")], None
        )
        await store.append(live, "m:1")
        live.tracker.update(BotUttered("hello"))
        await store.append(live, "m:2")
        store.close()

    async def read() -> None:
        store = open_store(tmp_path)
        opened = await store.open("c", "m:1")
        assert opened.earlier is not None
        assert [event["event"] for event in opened.earlier] == ["action", "session_started", "slot"]
        assert opened.live.n_stored == 4
        assert opened.live.tracker.get_slot("city") == "武汉"
        assert (await store.open("c", "m:3")).earlier is None

    asyncio.run(write())
    asyncio.run(read())


def test_a_tracker_stays_alive_while_the_log_agrees(tmp_path: Path) -> None:
    async def run() -> None:
        ours, theirs = open_store(tmp_path), open_store(tmp_path)
        live = (await ours.open("c", None)).live
        live.tracker.update(SlotSet("city", "a"))
        await ours.append(live, "m:1")
        assert (await ours.open("c", None)).live is live

        other = (await theirs.open("c", None)).live
        other.tracker.update(SlotSet("city", "b"))
        await theirs.append(other, "m:2")

        assert (await ours.open("c", None)).live.tracker.get_slot("city") == "b"

    asyncio.run(run())


def test_two_writers_of_one_conversation_cannot_both_win(tmp_path: Path) -> None:
    async def run() -> None:
        ours, theirs = open_store(tmp_path), open_store(tmp_path)
        first, second = (await ours.open("c", None)).live, (await theirs.open("c", None)).live
        first.tracker.update(SlotSet("city", "a"))
        second.tracker.update(SlotSet("city", "b"))
        await ours.append(first, "m:1")

        with pytest.raises(ConversationMovedError, match="moved on past event 0"):
            await theirs.append(second, "m:2")

    asyncio.run(run())


def test_only_the_latest_session_is_loaded_and_new_events_go_behind_all(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path)
        live = (await store.open("c", None)).live
        live.tracker.update_with_events(
            [SessionStarted(), UserUttered("one"), SessionStarted(), SlotSet("city", "x")], None
        )
        await store.append(live, "m:1")
        store.forget("c")

        again = (await store.open("c", None)).live
        assert (again.offset, again.n_stored, len(again.tracker.events)) == (2, 4, 2)
        again.tracker.update(BotUttered("two"))
        await store.append(again, "m:2")
        full = await store.retrieve_full_tracker("c")

        assert full is not None
        assert [event.type_name for event in full.events] == [
            "session_started",
            "user",
            "session_started",
            "slot",
            "bot",
        ]

    asyncio.run(run())


def test_rasas_own_interface_saves_and_retrieves(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path)
        tracker = await store.get_or_create_tracker("c")
        tracker.update(SlotSet("city", "x"))
        await store.save(tracker)
        store.forget("c")

        again = await store.retrieve("c")
        assert again is not None
        assert again.get_slot("city") == "x"
        assert list(await store.keys()) == ["c"]
        assert await store.retrieve("other") is None

    asyncio.run(run())


def test_memory_holds_the_latest_trackers_only(tmp_path: Path) -> None:
    async def run() -> None:
        store = EventLogTrackerStore(Domain.empty(), url=f"sqlite:///{tmp_path / 't.db'}", n_live=2)
        for name in ("a", "b", "c"):
            await store.open(name, None)
        assert store.n_live == 2

    asyncio.run(run())


def test_a_database_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OSError, match="file"):
        EventLogTrackerStore(Domain.empty(), url=f"sqlite:///{tmp_path / 'file' / 't.db'}")


def test_an_unknown_event_is_named() -> None:
    with pytest.raises(ValueError, match="Unknown event name 'nonsense'"):
        to_events([{"event": "nonsense"}])
