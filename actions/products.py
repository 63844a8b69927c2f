"""Answers questions about products from the catalogue, then from the articles."""

from __future__ import annotations

import json

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.goal_action import note_failure
from actions.knowledge import KnowledgeAction
from actions.orders import Product
from actions.turn import Turn
from actions.wording import write_money

MOST_FOUND = 3
_FEW_LEFT = 10


class AnswerProduct(KnowledgeAction):
    """Shows the product that is named, or those that may be meant."""

    action_name = "action_answer_product"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """Show price, stock and what it can do; ask back when nothing fits."""
        wanted = turn.entities.get("product", "")
        products = await self.ports.products.find_products(wanted if turn.is_button else turn.text, limit=MOST_FOUND)
        if len(products) == 1:
            _show(dispatcher, products[0], turn)
            return [SlotSet("n_failures", 0.0)]
        if products:
            dispatcher.utter_message(response="utter_products_found", buttons=[_button(p, turn) for p in products])
            return [SlotSet("n_failures", 0.0)]
        if not turn.is_button and self.say(dispatcher, await self.ask(turn)):
            return [SlotSet("n_failures", 0.0)]
        return note_failure(dispatcher, tracker, turn, response="utter_product_not_found")


def _show(dispatcher: CollectingDispatcher, product: Product, turn: Turn) -> None:
    dispatcher.utter_message(
        response="utter_product_found",
        name=product.name.in_language(turn.language),
        price=write_money(product.price),
        stock=_stock(product, turn),
        description=product.description.in_language(turn.language),
    )


def _stock(product: Product, turn: Turn) -> str:
    zh = turn.language == "zh"
    if product.n_in_stock == 0:
        return "暂时缺货" if zh else "out of stock at the moment"
    if product.n_in_stock < _FEW_LEFT:
        return f"仅剩 {product.n_in_stock} 件" if zh else f"only {product.n_in_stock} left"
    return "有货" if zh else "in stock"


def _button(product: Product, turn: Turn) -> dict[str, str]:
    name = product.name.in_language(turn.language)
    return {"title": name, "payload": "/ask_product" + json.dumps({"product": name}, ensure_ascii=False)}
