"""Accounts that are merged, deleted, brought back or gone without a trace."""

from __future__ import annotations

from typing import Any

import pytest

from connector.sync.explain import explained
from tests.world import KNOWN, World

OURS = ("Health_Score__c", "Health_Tier__c", "Health_Reason__c", "Health_Reason_DE__c")


def known(here: World) -> list[str]:
    """Accounts that we have written, the best known first."""
    held = here.held("Health_Score__c")
    return sorted(id for id, cells in held.items() if cells["Health_Score__c"] is not None)


def asked(here: World, sql: str) -> list[tuple[Any, ...]]:
    """A question to the lake."""
    app = here.app()
    engine = app.engine()
    rows = engine.rows(sql.format(scores=f"({app.lake.every('scores', engine, SCORES)})"))
    engine.close()
    return rows


SCORES = {"account_id": "VARCHAR", "as_of": "TIMESTAMPTZ", "tier_before": "VARCHAR"}


def test_the_survivor_of_a_merge_is_still_ours(here):
    """The person kept the loser's values of our fields: they are ours, and nobody's edit."""
    here.sync()
    loser, winner = known(here)[:2]
    brought = here.held(*OURS)[loser]
    here.advance("1h")
    here.person(loser, do="merge", into=winner)
    here.person(winner, values=brought)
    here.advance("1h")
    done = here.sync(force=True)
    assert done.changes["conflicts"] == 0
    assert all(words["theirs"] == 0 for words in done.fields.values())
    assert here.sync().changes["planned"] == 0


def test_an_edit_after_a_merge_is_somebodys(here):
    """Only what we wrote into the loser counts as ours."""
    here.sync()
    loser, winner = known(here)[:2]
    here.advance("1h")
    here.person(loser, do="merge", into=winner)
    here.person(winner, values={"Health_Reason__c": "Ask Eva"})
    here.advance("1h")
    done = here.sync(force=True)
    assert done.changes["conflicts"] == 1
    assert here.held("Health_Reason__c")[winner]["Health_Reason__c"] == "Ask Eva"


def test_a_chain_of_merges_is_followed_to_its_end(here):
    """Nothing is written to the losers, and what was known of them counts for the last."""
    here.sync()
    first, second, third = known(here)[:3]
    before = here.writes()
    here.advance("1h")
    here.person(first, do="merge", into=second)
    here.person(second, do="merge", into=third)
    here.advance("1h")
    done = here.sync(force=True)
    assert (done.changes["failed"], done.changes["conflicts"]) == (0, 0)
    later = {row["id"] for row in here.writes()[len(before) :]}
    assert later.isdisjoint({first, second})


def test_answers_that_name_the_loser_by_its_number_follow_it(here):
    """A survey platform goes on using the customer number of the account that is gone."""
    here.sync()
    numbers = here.held("Customer_Number__c", "NPS_Responses__c")
    answered = [id for id in known(here) if numbers[id]["NPS_Responses__c"]]
    loser, winner = answered[:2]
    total = numbers[loser]["NPS_Responses__c"] + numbers[winner]["NPS_Responses__c"]
    here.advance("1h")
    here.person(loser, do="merge", into=winner)
    here.advance("1h")
    here.sync(force=True)
    assert here.held("NPS_Responses__c")[winner]["NPS_Responses__c"] == total


def test_a_survivor_without_a_past_goes_on_from_the_losers_tier(here):
    """Hysteresis has a memory of the customer, not of the record."""
    here.sync()
    loser = known(here)[0]
    here.advance("1h")
    here.person("", do="create", values={"Name": "Newcomer AG"})
    held = here.held("Name", "Health_Tier__c")
    (winner,) = [id for id, cells in held.items() if cells["Name"] == "Newcomer AG"]
    here.person(loser, do="merge", into=winner)
    here.advance("1h")
    here.sync(force=True)
    rows = asked(
        here, f"SELECT tier_before FROM {{scores}} WHERE account_id = '{winner}' ORDER BY as_of"
    )
    assert rows[-1] == (held[loser]["Health_Tier__c"],)


def test_a_deleted_account_leaves_the_results(here):
    """It is neither scored nor written, and cannot be explained."""
    here.sync()
    id = known(here)[0]
    here.advance("1h")
    here.person(id, do="delete")
    here.advance("1h")
    done = here.sync()
    assert (done.accounts, done.changes["failed"]) == (19, 0)
    before = len(here.writes())
    here.advance("60d")
    here.sync(force=True)
    assert id not in {row["id"] for row in here.writes()[before:]}


def test_an_undeleted_account_comes_back_with_its_history(here):
    """What we wrote is still ours; it is scored and written again."""
    here.sync()
    id = known(here)[0]
    here.advance("1h")
    here.person(id, do="delete")
    here.advance("1h")
    here.sync()
    here.person(id, do="undelete")
    here.advance("1h")
    done = here.sync(force=True)
    assert (done.accounts, done.changes["conflicts"]) == (20, 0)
    assert explained(here.app(), id)["score"] is not None


@pytest.mark.parametrize("days", [8])
def test_an_account_destroyed_without_a_trace_is_found_missing(here, days):
    """No query tells of it: the weekly comparison of ids does."""
    here.sync()
    id = known(here)[0]
    here.advance("1h")
    here.person(id, do="destroy")
    here.advance(f"{days}d")
    done = here.sync(force=True)
    assert done.accounts == 19
    assert done.changes["failed"] == 0
    assert len(known(here)) == KNOWN - 1
