"""Answers questions from the articles, and counts what was not understood."""

from __future__ import annotations

import json

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.goal_action import GoalAction, note_failure
from actions.turn import Turn
from knowledge_index.models import Answer, Choices, KnowledgeReply


class KnowledgeAction(GoalAction):
    """An action that may answer from the articles."""

    async def ask(self, turn: Turn) -> KnowledgeReply:
        """Ask the articles; a button carries its question as an entity, whose vector nobody has made yet."""
        question = turn.entities.get("question") if turn.is_button else None
        return await self.ports.knowledge.answer(
            question or turn.text,
            language=turn.language,
            vector=None if question else turn.vector,
            vector_encoder=None if question else turn.vector_encoder,
        )

    @staticmethod
    def say(dispatcher: CollectingDispatcher, reply: KnowledgeReply) -> bool:
        """Say an answer or offer the choices; return False when there is neither."""
        if isinstance(reply, Answer):
            dispatcher.utter_message(json_message=_answer_message(reply))
        elif isinstance(reply, Choices):
            buttons = [{"title": choice.title, "payload": _question_payload(choice.title)} for choice in reply.choices]
            dispatcher.utter_message(response="utter_choose_topic", buttons=buttons)
        else:
            return False
        return True


class AnswerQuestion(KnowledgeAction):
    """Answers a question about the shop's rules."""

    action_name = "action_answer_question"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """Quote an article, offer some, or ask back."""
        if self.say(dispatcher, await self.ask(turn)):
            return [SlotSet("n_failures", 0.0)]
        return note_failure(dispatcher, tracker, turn, response="utter_no_answer_yet")


class DefaultFallback(KnowledgeAction):
    """A message that fits no intent: the articles may know it all the same."""

    action_name = "action_default_fallback"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """Try the articles, then ask back or hand over.

        Rasa takes this action also when no rule fits; then no rule ends the turn either, so it ends it itself.
        """
        if self.say(dispatcher, await self.ask(turn)):
            events: list[EventType] = [SlotSet("n_failures", 0.0)]
        else:
            events = note_failure(dispatcher, tracker, turn, response="utter_no_answer_yet")
        return events if tracker.active_loop_name else [*events, FollowupAction("action_listen")]


class AnswerOutOfScope(KnowledgeAction):
    """A message foreign to the shop, unless an article says otherwise; people are offered, nothing is counted."""

    action_name = "action_answer_out_of_scope"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """Quote an article that surely fits, or say what the assistant is for."""
        reply = await self.ask(turn)
        if isinstance(reply, Answer) and self.say(dispatcher, reply):
            return [SlotSet("n_failures", 0.0)]
        dispatcher.utter_message(response="utter_out_of_scope")
        return [SlotSet("pending_offer", "customer_asked")]


class HandleBadAnswer(GoalAction):
    """The customer says that an answer was no good: that is a failure as well."""

    action_name = "action_handle_bad_answer"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """Ask back, or hand over."""
        return note_failure(dispatcher, tracker, turn, response="utter_bad_answer_again")


def _answer_message(answer: Answer) -> dict[str, object]:
    source = answer.source
    return {
        "kind": "answer",
        "text": answer.text,
        "quote": "\n\n".join(quote.verbatim for quote in answer.quotes),
        "source": {
            "article_id": source.article_id,
            "title": source.title,
            "section": source.section,
            "url": source.url,
            "version": source.version,
        },
    }


def _question_payload(question: str) -> str:
    return "/ask_knowledge" + json.dumps({"question": question}, ensure_ascii=False)
