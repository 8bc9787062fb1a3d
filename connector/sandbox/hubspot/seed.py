"""Fills HubSpot from the world that the Salesforce side already has, when it is first asked.

Both tell of the same companies, people and events, each in its own words.
"""

from __future__ import annotations

from ..seed import in_bulk
from ..store import Store
from . import records, seed_activities, seed_feedback, seed_people
from .seed_rows import Filling, reverse

KEY = "hubspot_filled"


def ensure(store: Store) -> None:
    """Fills it if that was not done yet; all of it or nothing."""
    if store.passing.get(KEY):
        return
    if store.get(KEY) is None:
        with in_bulk(store), store.transaction() as db:
            # an index is made faster at once than row by row
            db.execute("drop index hs_records_by_change")
            _fill(Filling(store))
            db.execute(records.BY_CHANGE)
            store.put(KEY, True)
    store.passing[KEY] = True


def _fill(filling: Filling) -> None:
    seed_people.add_owners(filling)
    seed_people.add_companies(filling)
    seed_people.add_contacts(filling, seed_feedback.last_answers(filling.store))
    seed_activities.add_deals(filling)
    seed_activities.add_tickets(filling)
    seed_activities.add_tasks(filling)
    seed_activities.add_meetings(filling)
    seed_activities.add_emails(filling)
    seed_feedback.add_submissions(filling)
    filling.flush()
    reverse(filling.store)
