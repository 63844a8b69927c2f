from __future__ import annotations

import pytest

from conversations.owner import Owner, OwnerKind, may_become
from core.ids import AgentId

LIN, WANG = Owner.agent(AgentId("lin")), Owner.agent(AgentId("wang"))


@pytest.mark.parametrize("owner", [Owner.BOT, Owner.QUEUE, Owner.CLOSED, LIN])
def test_an_owner_is_read_back_from_its_stored_form(owner: Owner) -> None:
    assert Owner.parse(owner.value) == owner
    assert str(owner) == owner.value


def test_an_agents_stored_form_names_the_agent() -> None:
    assert LIN.value == "agent:lin"
    assert (LIN.kind, LIN.agent_id) == (OwnerKind.AGENT, "lin")


@pytest.mark.parametrize(("kind", "agent_id"), [(OwnerKind.AGENT, None), (OwnerKind.BOT, AgentId("lin"))])
def test_only_an_agent_has_an_id(kind: OwnerKind, agent_id: AgentId | None) -> None:
    with pytest.raises(ValueError, match="agent id"):
        Owner(kind, agent_id)


@pytest.mark.parametrize(
    ("current", "allowed"),
    [
        (Owner.BOT, {Owner.QUEUE, Owner.CLOSED}),
        (Owner.QUEUE, {LIN, WANG}),
        (LIN, {WANG, Owner.QUEUE, Owner.BOT, Owner.CLOSED}),
        (Owner.CLOSED, {Owner.BOT, LIN, WANG}),
    ],
)
def test_a_conversation_passes_only_as_the_table_says(current: Owner, allowed: set[Owner]) -> None:
    everybody = {Owner.BOT, Owner.QUEUE, Owner.CLOSED, LIN, WANG}

    assert {new for new in everybody if may_become(current, new)} == allowed
