"""Nobody's edit is written over, however late HubSpot tells of it."""

from __future__ import annotations

from connector.crm.hubspot.stamps import Stamps
from tests.sync.hubspot.test_echo import EVA, reason
from tests.sync.hubspot.test_flow import both


def reworded(here) -> None:
    """Every reason is to be written anew, by itself."""
    here.mapping('source  = "reason_en"\ntarget', "source  = \"'new ' || reason_en\"\ntarget")
    tail = 'target  = "health_reason"\ntype    = "text"\nlength  = 255'
    here.mapping(f'{tail}\ngroup   = "health"\nfollows = true', tail)


@both
def test_an_edit_that_a_search_tells_minutes_late_stays(here, lane):
    """It is older than anything that a look at stamps would find suspicious, and was not pulled."""
    here.sync()
    here.advance("2h")
    here.sync()
    here.lane(lane)
    here.set(records={"index_lag": 600})
    id = sorted(here.held())[0]
    here.person(id, values=EVA)
    here.advance("90s")
    reworded(here)
    done = here.sync(force=True)
    assert reason(here, id) == "Ask Eva"
    assert (done.changes["applied"], done.changes["conflicts"]) == (len(here.held()) - 3, 1)


def test_an_edit_within_the_echo_of_our_write_stays(here, monkeypatch):
    """It is left out of the next pull with it, and found by whoever writes there next."""
    original, ids = Stamps.wrote, []

    def wrote(kept, stamps):
        original(kept, stamps)
        if not ids:
            ids.append(here.writes()[0]["id"])
            here.does(ids[0], values=EVA)

    here.lane("chunk = 6", "threads = 1")
    with monkeypatch.context() as once:
        once.setattr(Stamps, "wrote", wrote)
        here.sync()
    here.sync()
    here.advance("3h")
    here.sync(force=True)
    here.lane("bulk_from = 1")
    here.edit("config.toml", "chunk = 6\n", "")
    reworded(here)
    here.sync(force=True)
    assert reason(here, ids[0]) == "Ask Eva"
