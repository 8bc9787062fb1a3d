"""More changes than one file holds: what each file is asked beforehand, and what that costs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.crm.salesforce import read as by_page
from connector.sandbox.salesforce import query
from connector.sync import flow
from connector.sync.flow import Receipt
from tests.sync.test_writing_lanes import FILE, lane, times
from tests.world import KNOWN, World

#: Records of a file, and of a page: two files, and the echo of the first is more than a page.
MOST, PAGE = 17, 16
EVA = {"Health_Reason__c": "Ask Eva"}


@pytest.fixture
def filed(here, monkeypatch):
    """Everything is written as files of a few records."""
    monkeypatch.setattr(query, "SMALLEST_BATCH", PAGE)
    monkeypatch.setattr(by_page, "PAGE", PAGE)
    lane(here, FILE)
    here.control("bulk", {"polls": 0})
    return here


def sync(here: World) -> Receipt:
    app = here.app()
    app.crm.most = MOST
    return flow.sync(app)


def test_each_further_file_asks_only_for_what_others_have_changed(filed, monkeypatch):
    """Not for what the files before have written; and the calls are those that were predicted."""
    kind, brought = type(filed.app().crm), []
    original = kind.read

    def seen(self, read, types, into, *more):
        spool = original(self, read, types, into, *more)
        if "load" in into.parts:
            brought.append(spool.rows)
        return spool

    monkeypatch.setattr(kind, "read", seen)
    done = sync(filed)
    assert done.changes["applied"] == KNOWN
    assert brought == [0, 0]
    apart = {k: v for k, v in done.calls.items() if v["predicted"] != v["actual"]}
    assert apart == {}
    assert times(filed) == {1}


@pytest.mark.parametrize("hidden", [True, False])
def test_an_edit_that_automation_hides_is_found_all_the_same(filed, monkeypatch, hidden):
    """A person edits a record that is still to be written, and something that runs as our user
    changes it after that: then our user has changed more than we wrote."""
    kind, edited = type(filed.app().crm), []
    original = kind.load

    def then_eva_edits(self, object, file, into, note, *more):
        text = file.read_text()
        spool = original(self, object, file, into, note, *more)
        if not edited:
            edited.append([id for id in sorted(filed.held()) if id not in text][-1])
            filed.person(edited[0], values=EVA)
            self._client.session.server_now += timedelta(seconds=3)  # its last answer tells so
            if hidden:
                with filed.store.transaction() as db:
                    db.execute(
                        "update Account set LastModifiedById = ? where Id = ?",
                        (self._client.user, edited[0]),
                    )
        return spool

    monkeypatch.setattr(kind, "load", then_eva_edits)
    done = sync(filed)
    assert filed.held("Health_Reason__c")[edited[0]] == EVA
    assert (done.changes["planned"], done.changes["applied"]) == (KNOWN, KNOWN - 1)
