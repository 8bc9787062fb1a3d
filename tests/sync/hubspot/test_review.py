"""What somebody who looks for the wrong write, the lost edit and the lost record tried."""

from __future__ import annotations

import pytest

from connector.errors import UnsafePlan
from tests.sync.reading import rows


def test_companies_that_vanish_in_numbers_are_not_taken_for_deleted(here):
    """Somebody narrowed what the token sees: nothing lies in the bin, and most are not there."""
    here.sync()
    with here.store.transaction() as db:
        db.execute("delete from hs_records where type = 2 and id % 4 > 0")
    with pytest.raises(UnsafePlan, match="came back where 20 were known"):
        here.sync()
    assert len(rows(here, "accounts", "id", "not coalesce(deleted, false)")) == 20
