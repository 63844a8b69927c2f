"""The server killed with SIGKILL at any moment of a turn: each message is there once and answered once."""

from __future__ import annotations

from tests.kills import kill_at_random
from tests.product import Product

TEXTS = ["你好", "运费怎么算？", "hello there", "退货要几天？", "thanks", "谢谢"]


async def test_a_killed_server_loses_nothing_and_doubles_nothing(killable_product: Product) -> None:
    count = await kill_at_random(killable_product, kills=6, seed=20_261_122, texts=TEXTS)

    assert (count.sent, count.stored, count.answered) == (6, 6, 6)
    assert count.is_clean, count
