"""Companies of HubSpot that are merged, deleted, brought back or gone without a trace."""

from __future__ import annotations

from typing import Any

import pytest

from connector.sync.explain import explained
from tests.hubspot_world import KNOWN, Portal

OURS = ("health_score", "health_tier", "health_reason", "health_reason_de")
SCORES = {"account_id": "VARCHAR", "as_of": "TIMESTAMPTZ", "tier_before": "VARCHAR"}


def known(here: Portal) -> list[str]:
    """Companies that we have written."""
    return sorted(id for id, cells in here.held("health_score").items() if cells["health_score"])


def asked(here: Portal, sql: str) -> list[tuple[Any, ...]]:
    """A question to the lake."""
    app = here.app()
    engine = app.engine()
    rows = engine.rows(sql.format(scores=f"({app.lake.every('scores', engine, SCORES)})"))
    engine.close()
    return rows


def merge(here: Portal, loser: str, winner: str) -> None:
    here.advance("1h")
    here.person(loser, do="merge", into=winner)
    here.advance("1h")


def test_the_survivor_of_a_merge_is_still_ours(here):
    """What HubSpot brought along from the loser is ours, and nobody's edit."""
    here.sync()
    loser, winner = known(here)[:2]
    brought = here.held(*OURS)[loser]
    merge(here, loser, winner)
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
    merge(here, loser, winner)
    here.person(winner, values={"health_reason": "Ask Eva"})
    here.advance("1h")
    done = here.sync(force=True)
    assert done.changes["conflicts"] == 1
    assert here.held("health_reason")[winner]["health_reason"] == "Ask Eva"


@pytest.mark.parametrize("new_id", [False, True])
def test_a_chain_of_merges_is_followed_to_its_end(here, new_id):
    """Nothing is written to the losers; an account in which a merge makes a record with an id of
    its own is followed to that."""
    here.sync()
    here.set(records={"merge_makes_new_id": new_id})
    first, second, third = known(here)[:3]
    before = len(here.writes())
    here.advance("1h")
    middle = here.person(first, do="merge", into=second)
    last = here.person(middle, do="merge", into=third)
    here.advance("1h")
    done = here.sync(force=True)
    assert (done.changes["failed"], done.changes["conflicts"]) == (0, 0)
    assert done.accounts == 18
    later = {row["id"] for row in here.writes()[before:]}
    assert later.isdisjoint({first, second, middle} - {last})
    assert here.held("health_score")[last]["health_score"]
    assert here.sync().changes["planned"] == 0


def test_answers_that_name_the_loser_by_its_number_follow_it(here):
    """A survey platform goes on using the customer number of the company that is gone."""
    here.sync()
    numbers = here.held("nps_responses")
    answered = [id for id in known(here) if numbers[id]["nps_responses"]]
    loser, winner = answered[:2]
    total = sum(float(numbers[id]["nps_responses"]) for id in (loser, winner))
    merge(here, loser, winner)
    here.sync(force=True)
    assert float(here.held("nps_responses")[winner]["nps_responses"]) == total


def test_a_survivor_without_a_past_goes_on_from_the_losers_tier(here):
    """Hysteresis has a memory of the customer, not of the record."""
    here.sync()
    loser = known(here)[0]
    tier = here.held("health_tier")[loser]["health_tier"]
    winner = here.person("", do="create", values={"name": "Newcomer AG"})
    merge(here, loser, winner)
    here.sync(force=True)
    rows = asked(
        here, f"SELECT tier_before FROM {{scores}} WHERE account_id = '{winner}' ORDER BY as_of"
    )
    assert rows[-1] == (tier,)


def test_a_deleted_company_leaves_the_results(here):
    """A search tells nothing of it; the totals do. It is neither scored nor written."""
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


def test_a_restored_company_comes_back_with_its_history(here):
    """What we wrote is still ours; it is scored and written again."""
    here.sync()
    id = known(here)[0]
    here.advance("1h")
    here.person(id, do="delete")
    here.advance("1h")
    here.sync()
    here.person(id, do="restore")
    here.advance("2d")
    here.sync(force=True)
    done = here.sync(force=True)
    assert (done.accounts, done.changes["conflicts"]) == (20, 0)
    assert explained(here.app(), id)["score"] is not None


def test_a_company_erased_without_a_trace_is_found_missing(here):
    """Nor does the bin tell: the ids of all companies do, in the very next run."""
    here.sync()
    id = known(here)[0]
    here.advance("1h")
    with here.store.transaction() as db:
        db.execute("delete from hs_records where id = ? and type = 2", (int(id),))
    done = here.sync(force=True)
    assert (done.accounts, done.changes["failed"]) == (19, 0)
    assert len(known(here)) == KNOWN - 1
    assert here.sync().changes["planned"] == 0
