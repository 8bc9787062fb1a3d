"""What becomes of accounts that are merged, deleted and brought back, whichever CRM they are in."""

from __future__ import annotations

from typing import Any

from connector.sync.explain import explained
from tests.world import KNOWN, World

SCORES = {"account_id": "VARCHAR", "as_of": "TIMESTAMPTZ", "tier_before": "VARCHAR"}


def asked(here: World, sql: str) -> list[tuple[Any, ...]]:
    """A question to the lake."""
    app = here.app()
    engine = app.engine()
    rows = engine.rows(sql.format(scores=f"({app.lake.every('scores', engine, SCORES)})"))
    engine.close()
    return rows


class Merges:
    """The tests that every CRM inherits; it says how its fields are called, and how people call it
    that they take a record from the bin."""

    name: str
    score: str
    tier: str
    reasons: tuple[str, str]
    responses: str
    restore: str

    def known(self, here: World) -> list[str]:
        """Accounts that we have written."""
        held = here.held(self.score)
        return sorted(id for id, cells in held.items() if cells[self.score] not in (None, ""))

    def merge(self, here: World, loser: str, winner: str) -> str:
        """The record that is left of two, an hour later."""
        here.advance("1h")
        here.person(loser, do="merge", into=winner)
        return winner

    def test_the_survivor_of_a_merge_is_still_ours(self, here):
        """What came along from the loser of our fields is ours, and nobody's edit."""
        here.sync()
        loser, winner = self.known(here)[:2]
        brought = here.held(self.score, self.tier, *self.reasons)[loser]
        self.merge(here, loser, winner)
        here.person(winner, values=brought)
        here.advance("1h")
        done = here.sync(force=True)
        assert done.changes["conflicts"] == 0
        assert all(words["theirs"] == 0 for words in done.fields.values())
        assert here.sync().changes["planned"] == 0

    def test_an_edit_after_a_merge_is_somebodys(self, here):
        """Only what we wrote into the loser counts as ours."""
        here.sync()
        loser, winner = self.known(here)[:2]
        self.merge(here, loser, winner)
        reason = self.reasons[0]
        here.person(winner, values={reason: "Ask Eva"})
        here.advance("1h")
        done = here.sync(force=True)
        assert done.changes["conflicts"] == 1
        assert here.held(reason)[winner][reason] == "Ask Eva"

    def test_a_chain_of_merges_is_followed_to_its_end(self, here):
        """Nothing is written to the losers, and what was known of them counts for the last, even
        where a merge makes a record with an id of its own."""
        here.sync()
        first, second, third = self.known(here)[:3]
        before = len(here.writes())
        middle = self.merge(here, first, second)
        last = self.merge(here, middle, third)
        here.advance("1h")
        done = here.sync(force=True)
        assert (done.changes["failed"], done.changes["conflicts"]) == (0, 0)
        assert done.accounts == 18
        later = {row["id"] for row in here.writes()[before:]}
        assert later.isdisjoint({first, second, middle} - {last})
        assert last in self.known(here)
        assert here.sync().changes["planned"] == 0

    def test_answers_that_name_the_loser_by_its_number_follow_it(self, here):
        """A survey platform goes on using the customer number of the account that is gone."""
        here.sync()
        held = here.held(self.responses)
        numbers = {id: float(cells[self.responses] or 0) for id, cells in held.items()}
        loser, winner = [id for id in self.known(here) if numbers[id]][:2]
        self.merge(here, loser, winner)
        here.advance("1h")
        here.sync(force=True)
        after = here.held(self.responses)[winner][self.responses]
        assert float(after) == numbers[loser] + numbers[winner]

    def test_a_survivor_without_a_past_goes_on_from_the_losers_tier(self, here):
        """Hysteresis has a memory of the customer, not of the record."""
        here.sync()
        loser = self.known(here)[0]
        tier = here.held(self.tier)[loser][self.tier]
        winner = here.person("", do="create", values={self.name: "Newcomer AG"})
        self.merge(here, loser, winner)
        here.advance("1h")
        here.sync(force=True)
        when = f"account_id = '{winner}'"
        rows = asked(here, f"SELECT tier_before FROM {{scores}} WHERE {when} ORDER BY as_of")
        assert rows[-1] == (tier,)

    def test_a_deleted_account_leaves_the_results(self, here):
        """Nobody tells of it but the bin or the totals. It is neither scored nor written."""
        here.sync()
        id = self.known(here)[0]
        here.advance("1h")
        here.person(id, do="delete")
        here.advance("1h")
        done = here.sync()
        assert (done.accounts, done.changes["failed"]) == (19, 0)
        before = len(here.writes())
        here.advance("60d")
        here.sync(force=True)
        assert id not in {row["id"] for row in here.writes()[before:]}

    def test_a_restored_account_comes_back_with_its_history(self, here):
        """What we wrote is still ours; it is scored and written again."""
        here.sync()
        id = self.known(here)[0]
        here.advance("1h")
        here.person(id, do="delete")
        here.advance("1h")
        here.sync()
        here.person(id, do=self.restore)
        here.advance("2d")
        here.sync(force=True)
        done = here.sync(force=True)
        assert (done.accounts, done.changes["conflicts"]) == (20, 0)
        assert explained(here.app(), id)["score"] is not None

    def gone(self, here: World, id: str) -> None:
        """Erased so that not even the bin knows of it."""
        raise NotImplementedError

    def test_an_account_erased_without_a_trace_is_found_missing(self, here):
        """No query tells of it: the ids of all accounts do."""
        here.sync()
        id = self.known(here)[0]
        here.advance("1h")
        self.gone(here, id)
        done = here.sync(force=True)
        assert (done.accounts, done.changes["failed"]) == (19, 0)
        assert len(self.known(here)) == KNOWN - 1
        assert here.sync().changes["planned"] == 0
