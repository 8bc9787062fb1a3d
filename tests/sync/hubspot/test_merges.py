"""Companies of HubSpot that are merged, deleted, brought back or gone without a trace."""

from __future__ import annotations

from connector.sandbox.hubspot.kinds import kind_of
from tests.sync.merging import Merges
from tests.world import World


class TestHubSpot(Merges):
    """A merge brings along what the survivor does not hold."""

    name = "name"
    score = "health_score"
    tier = "health_tier"
    reasons = ("health_reason", "health_reason_de")
    responses = "nps_responses"
    restore = "restore"

    def test_a_merge_that_makes_a_record_of_its_own_is_followed(self, here):
        """Neither of the two ids is left."""
        here.set(records={"merge_makes_new_id": True})
        self.test_a_chain_of_merges_is_followed_to_its_end(here)

    def merge(self, here: World, loser: str, winner: str) -> str:
        """Another id is left where a merge makes one."""
        here.advance("1h")
        return here.person(loser, do="merge", into=winner)

    def gone(self, here: World, id: str) -> None:
        """Not in the bin either; the very next run is to find it."""
        with here.store.transaction() as db:
            code = kind_of("companies").code
            db.execute("delete from hs_records where id = ? and type = ?", (int(id), code))
