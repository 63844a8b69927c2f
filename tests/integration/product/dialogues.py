"""The whole dialogues of tests/conversations/dialogues, and the widgets in which they are held."""

from __future__ import annotations

import json
import time
from typing import Literal

import jwt
import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tests.conftest import REPOSITORY

FOLDER = REPOSITORY / "tests" / "conversations" / "dialogues"
USER_KEY = "signs-the-customers-of-the-dialogues"
USER_KEY_ID = "dialogues"
VISITOR = "visitor"


class DialogueTurn(BaseModel):
    """What the customer says or presses, and what must come of it; the folder's README explains each key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    says: str | None = None
    presses: str | None = None
    hears: tuple[str, ...] = ()
    hears_not: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    quotes: str | None = None
    handoff: str | None = None

    @model_validator(mode="after")
    def _check(self) -> DialogueTurn:
        if (self.says is None) == (self.presses is None):
            raise ValueError("a turn either says something or presses a button")
        if not (self.hears or self.hears_not or self.offers or self.quotes or self.handoff):
            raise ValueError("a turn expects something")
        return self


class Dialogue(BaseModel):
    """One conversation; its widget is its own, so that a signed-in customer's other dialogues are not in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: Literal["zh", "en"]
    widget: str
    name: str
    customer: str
    turns: tuple[DialogueTurn, ...] = Field(min_length=1)

    def user_token(self) -> str | None:
        """Return the shop's word for who the customer is, None for a visitor."""
        if self.customer == VISITOR:
            return None
        now_s = int(time.time())
        claims = {"sub": self.customer, "aud": self.widget, "iat": now_s, "exp": now_s + 3600}
        return jwt.encode(claims, USER_KEY, algorithm="HS256", headers={"kid": USER_KEY_ID})


def read_dialogues() -> list[Dialogue]:
    """Read the dialogues of every language."""
    return [
        Dialogue(language=path.stem, widget=f"{path.stem}-{number}", **written)
        for path in sorted(FOLDER.glob("*.yml"))
        for number, written in enumerate(yaml.safe_load(path.read_text())["dialogues"], start=1)
    ]


def dialogue_widgets() -> str:
    """Return YITI_WIDGETS with a widget for each dialogue."""
    key = {"kid": USER_KEY_ID, "key": USER_KEY}
    return json.dumps([{"id": one.widget, "name": "Dialogue", "user_keys": [key]} for one in read_dialogues()])
