"""Answers whose words, and whose they are, lie in records of their own."""

from __future__ import annotations

from typing import Any

import pytest

from connector.model import unmatched
from tests.model.lake import Lake, ago, answer, only

ONE, TWO = "001000000000001AAA", "001000000000002AAA"
NOBODY = {"account_key": None, "email": None}
WHOLE = {**NOBODY, "part_of": "W", "invitation": "I"}


def world(**said: Any) -> Lake:
    """Two accounts and an answer that says nothing of its sender, of the whole W and by I."""
    lake = Lake().put("accounts", id=ONE, name="Alpha").put("accounts", id=TWO, name="Beta")
    return answer(lake, "r", 9, 5, **{**WHOLE, **said})


def part(lake: Lake, id: str, of: str = "W", days: float = 5, **said: Any) -> Lake:
    return lake.put("responses", id=id, part_of=of, submitted_at=ago(days), **said)


def seen(lake: Lake) -> list[tuple[Any, ...]]:
    """Every answer with its words, and the account it was placed at."""
    lake.run(only("nps"))
    sql = (
        "SELECT n.id, n.comment, a.id FROM named_responses AS n LEFT JOIN accounts AS a"
        " ON a.key = n.key ORDER BY n.id"
    )
    return lake.rows(sql)


def test_words_and_account_come_from_other_records():
    """Which are no answers themselves, neither counted nor looked for."""
    lake = part(part(world(), "c", comment="Gut"), "s", account_key=TWO)
    assert seen(lake) == [("r", "Gut", TWO)]
    assert lake.rows(unmatched.counted()) == []
    assert lake.rows("SELECT rule, confidence FROM links") == [("record_id", 1.0)]
    assert lake.value("nps", TWO) == 100


def test_what_an_answer_says_itself_comes_first():
    """Then its own parts, then those of its invitation."""
    lake = part(world(comment="Selbst"), "c", comment="Anders")
    part(part(lake, "i", of="I", account_key=ONE), "s", account_key=TWO)
    assert seen(lake) == [("r", "Selbst", TWO)]


def test_of_several_words_the_first_are_taken():
    """One that says nothing is passed over."""
    lake = part(part(part(world(), "c1"), "c2", comment="Erstes"), "c3", comment="Zweites")
    assert seen(lake) == [("r", "Erstes", None)]


@pytest.mark.parametrize(
    "more",
    [{"deleted": True}, {"days": -1}, {"of": "V"}, {"source": "other"}],
    ids=["deleted", "not yet", "of another whole", "of another system"],
)
def test_a_part_that_is_not_its_own_says_nothing(more):
    """Nor one that came to be later."""
    assert seen(part(world(), "c", **{"comment": "Fremd", **more})) == [("r", None, None)]


def test_two_scores_of_one_whole_share_its_words():
    """NPS and CSAT of the same questionnaire: both are answers, neither is part of the other."""
    lake = part(world(), "c", comment="Gut", account_key=ONE)
    answer(lake, "q", 4, 5, metric="csat", scale_min=1, scale_max=5, **WHOLE)
    assert seen(lake) == [("q", "Gut", ONE), ("r", "Gut", ONE)]


def test_whoever_was_asked_about_an_account_is_asked_of_it():
    """The subject of an invitation counts before anybody answers."""
    lake = world().put("invitations", id="I", asked_at=ago(9))
    part(lake, "s", of="I", days=9, account_key=TWO).run(only("nps"))
    sql = "SELECT a.id FROM v_invitations JOIN accounts AS a USING (key)"
    assert lake.rows(sql) == [TWO]
