"""Coverage, from what was kept: of whom something is known, and why nothing is of the others."""

from __future__ import annotations

from pathlib import Path

from connector.sync.coverage import coverage
from tests.model.lake import shipped
from tests.sync.history import day, small


def test_blind_spots_are_counted_by_their_newest_score(tmp_path: Path) -> None:
    """An account that was silent and then declined has opted out; one without people stays so."""
    place = small(tmp_path).with_model(shipped())
    place.put("contacts", 0, {"id": "c", "account_id": "001", "modified_at": day(-3)})
    asked = {"id": "i", "account_key": "001", "asked_at": day(-2)}
    place.put("invitations", 0, {**asked, "status": "sent"})
    place.score(1)
    place.put("invitations", 2, {**asked, "status": "declined"})
    place.score(3)
    app = place.app
    engine = app.engine()
    found = coverage(app.lake, engine, app.model)
    engine.close()
    assert found is not None
    assert found.accounts == 2
    assert {name: many for name, many in found.blind.items() if many} == {
        "no_contact": 1, "opted_out": 1,
    }  # fmt: skip
