"""Accounts of Salesforce that are merged, deleted, brought back or gone without a trace."""

from __future__ import annotations

from tests.sync.merging import Merges
from tests.world import World


class TestSalesforce(Merges):
    """The person who merges chooses which values stay."""

    name = "Name"
    score = "Health_Score__c"
    tier = "Health_Tier__c"
    reasons = ("Health_Reason__c", "Health_Reason_DE__c")
    responses = "NPS_Responses__c"
    restore = "undelete"

    def gone(self, here: World, id: str) -> None:
        """The weekly comparison of ids is due."""
        here.person(id, do="destroy")
        here.advance("8d")
