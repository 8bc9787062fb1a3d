"""Records that are easily misread: currencies, hierarchies, people, archived activities."""

from __future__ import annotations

from typing import Any

import pytest

from connector.sync.flow import score_only, sync

from .reading import change, odd, person, pull, rows


def scored(here, sql: str) -> list[tuple]:
    """Ask the tables of a scoring run over what is in the lake."""
    from connector.model import seen, stages
    from connector.sync.run import Run
    from connector.sync.score import stage_inputs

    app = here.app()
    engine = app.engine()
    run = Run("look", app.crm.check(), engine)
    stage_inputs(app, engine)
    # With all columns of activities, not those alone that a measure looks at.
    for stage in (*stages.stages(app.model, as_of=run.as_of), *seen.placed(run.as_of)):
        engine.stage(stage.name, stage.sql, stage.kind)
    found = engine.rows(sql)
    engine.close()
    return found


# ── currencies ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dated", [False, True])
def test_amounts_of_an_org_with_several_currencies_are_comparable(here, dated):
    """Each deal in the company's own currency, by the rate that counts for it."""
    here.control("org", {"multi_currency": True, **({"dated_rates": True} if dated else {})})
    done = pull(here)
    assert done.streams["rates"]["pulled"] > 0
    worth = scored(
        here,
        "SELECT r.currency, max(abs(s.amount - r.amount / x.per_unit)) FROM seen_opportunities s "
        "JOIN lake_opportunities r USING (id) JOIN exchange_by_day x ON x.code = r.currency "
        "AND r.close_on >= x.starts AND r.close_on < x.ends WHERE r.amount IS NOT NULL "
        "GROUP BY r.currency",
    )
    assert len(worth) > 1
    assert {difference for _, difference in worth} == {0}
    steps = scored(
        here, "SELECT max(n) FROM (SELECT count(*) n FROM exchange_by_day GROUP BY code)"
    )
    assert (steps[0][0] > 1) == dated


def test_an_org_with_one_currency_is_read_as_it_was(here):
    """No rates, no currency, amounts as they stand."""
    done = pull(here)
    assert "rates" not in done.streams
    assert scored(
        here,
        "SELECT count(*) FROM seen_opportunities s JOIN lake_opportunities r USING (id) "
        "WHERE s.amount IS DISTINCT FROM r.amount",
    ) == [(0,)]


# ── hierarchies and people ────────────────────────────────────────────────────────────────────


def test_a_hierarchy_leads_to_its_top(here):
    """Four levels of companies; the receipt has nothing odd to tell."""
    here.control("org", {"hierarchy": 4})
    pull(here)
    assert scored(here, "SELECT max(depth) FROM accounts") == [(3,)]
    assert scored(here, "SELECT count(*) FROM accounts WHERE depth > 0 AND root_id = id") == [(0,)]


def test_a_ring_of_parents_is_counted_and_harms_nobody(here):
    """Scores are there as before."""
    a, b = sorted(here.held("Name"))[:2]
    person(here, "Account", a, values={"ParentId": b})
    person(here, "Account", b, values={"ParentId": a})
    pull(here)
    done = score_only(here.app())
    assert odd(done)["parent_ring"][0] == 2
    assert done.accounts == 20


def test_activities_with_a_person_belong_to_the_person_account(here):
    """They hang on the contact behind the account."""
    here.control("org", {"person_accounts": 3})
    held = here.control(
        "values?crm=salesforce&object=Account&fields=IsPersonAccount,PersonContactId"
    )
    account, contact = next(
        (id, cell["PersonContactId"]) for id, cell in held.items() if cell["IsPersonAccount"]
    )
    task = person(
        here,
        "Task",
        do="create",
        values={"Subject": "Call", "WhoId": contact, "Status": "Completed"},
    )
    pull(here)
    assert scored(
        here,
        f"SELECT a.id FROM v_activities v JOIN accounts a USING (key) WHERE v.id = '{task}'",
    ) == [(account,)]


# ── activities ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("about", ["Case", "Opportunity"])
def test_a_task_about_a_case_or_deal_without_account_finds_its_account(here, about):
    """`AccountId` is empty on tasks on cases without a contact: what they are about tells."""
    pull(here)
    stream = {"Case": "tickets", "Opportunity": "opportunities"}[about]
    ((what, account),) = rows(
        here, stream, "id, account_id", "account_id IS NOT NULL AND NOT deleted ORDER BY id LIMIT 1"
    )
    task = person(here, "Task", do="create", values={"Subject": "x", "WhatId": what,
                                                     "Status": "Completed"})  # fmt: skip
    here.store.db.execute("update Task set AccountId = null where Id = ?", (task,))
    pull(here)
    assert rows(here, "activities", "account_id, about_id", f"id = '{task}'") == [(None, what)]
    assert scored(
        here,
        f"SELECT a.id FROM v_activities v JOIN accounts a USING (key) WHERE v.id = '{task}'",
    ) == [(account,)]


def test_an_email_is_not_counted_as_a_task_and_a_message(here):
    """The message knows its task and stays."""
    pull(here)
    assert scored(
        here,
        "SELECT count(*) FROM seen_activities m JOIN seen_activities t ON t.id = m.same_as",
    ) == [(0,)]
    assert rows(here, "activities", "count(same_as) > 0") == [(True,)]
    counted = "SELECT count(*) FROM v_activities WHERE same_as IS NOT NULL"
    assert scored(here, counted)[0][0] > 0


def test_a_mail_to_a_contact_that_is_related_to_nothing_counts_once(here):
    """As Salesforce logs it from a contact's page: the message tells neither account nor contact,
    its task tells both."""
    held = here.control("values?crm=salesforce&object=Contact&fields=AccountId")
    contact, account = next((id, c["AccountId"]) for id, c in held.items() if c["AccountId"])
    logged = {"Subject": "Email: x", "Status": "Completed", "TaskSubtype": "Email"}
    task = person(here, "Task", do="create", values={**logged, "WhoId": contact})
    sent = {"ActivityId": task, "Subject": "x", "Status": "3"}
    mail = person(here, "EmailMessage", do="create", values=sent)
    pull(here)
    assert scored(
        here,
        "SELECT v.id, a.id, v.contact_id FROM v_activities v JOIN accounts a USING (key) "
        f"WHERE v.id IN ('{task}', '{mail}')",
    ) == [(mail, account, contact)]


def test_a_mail_that_nothing_tells_of_is_of_the_people_that_wrote_and_got_it(here):
    """Related to nothing and without a task: `EmailMessageRelation` names them. Of mails that say
    more of themselves it is not read."""
    held = here.control("values?crm=salesforce&object=Contact&fields=AccountId")
    people = [(id, c["AccountId"]) for id, c in held.items() if c["AccountId"]]
    contact, account = people[0]
    other = next(id for id, whose in people if whose != account)
    owner = here.store.db.execute("SELECT Id FROM User").fetchone()[0]

    def mail(*to: str, **values: Any) -> str:
        sent = {"Subject": "x", "Status": "3", **values}
        id = person(here, "EmailMessage", do="create", values=sent)
        for each in to:
            said = {"EmailMessageId": id, "RelationId": each, "RelationType": "ToAddress"}
            person(here, "EmailMessageRelation", do="create", values=said)
        return id

    known, both = mail(contact, owner), mail(contact, other)
    about, nobody = mail(other, RelatedToId=account), mail(owner)
    pull(here)
    told = "SELECT v.id, a.id, v.contact_id FROM v_activities v JOIN accounts a USING (key)"
    mails = f"WHERE v.id IN ('{known}', '{both}', '{about}', '{nobody}') ORDER BY v.id"
    assert scored(here, f"{told} {mails}") == sorted(
        [(known, account, contact), (about, account, None)]
    )
    parts = rows(here, "activities", "part_of, contact_id", "part_of IS NOT NULL")
    assert sorted(parts) == sorted([(known, contact), (both, contact), (both, other)])
    assert scored(here, "SELECT id FROM shared WHERE accounts > 1") == [(both,)]


def test_a_meeting_with_several_invitees_counts_once(here):
    """Each invitee has a copy of the event, and a series has a template: neither is a meeting."""
    kinds = "SELECT count(*), sum(IsChild), sum(IsRecurrence) FROM Event WHERE IsDeleted = 0"
    every, copies, templates = here.store.db.execute(kinds).fetchone()
    assert copies
    assert templates
    meeting, what = here.store.db.execute(
        "SELECT o.Id, o.WhatId FROM Event o JOIN Event c ON c.StartDateTime = o.StartDateTime "
        "AND c.WhatId = o.WhatId WHERE c.IsChild = 1 AND o.IsChild = 0 AND o.IsDeleted = 0"
    ).fetchone()
    pull(here)
    met = "object = 'Event' AND NOT deleted"
    assert rows(here, "activities", "count(*)", met) == [(every - copies - templates,)]
    start = f"occurred_at = (SELECT occurred_at FROM lake_activities WHERE id = '{meeting}')"
    found = f"SELECT id FROM v_activities WHERE about_id = '{what}' AND kind = 'meeting' AND "
    assert scored(here, found + start) == [(meeting,)]


def test_archived_activities_count_as_before(here):
    """A year on they have left `query`; scores that rest on history do not change by themselves."""
    pull(here)
    ((before,),) = rows(here, "activities", "count(*)", "NOT deleted")
    here.advance("400d")
    (here.folder / "data").rename(here.folder / "data-before")
    pull(here)
    assert rows(here, "activities", "count(*)", "NOT deleted") == [(before,)]


# ── ids as people write them ──────────────────────────────────────────────────────────────────


def test_ids_of_15_characters_in_a_file_find_their_account(here):
    """Reports and addresses carry them; case decides, and the last three say so."""
    account = sorted(here.held("Name"))[0]
    (here.folder / "deals.csv").write_text(
        f"number,account,created\nD1,{account[:15]},2026-01-05\n"
    )
    deals = (
        '[sources.deals]\ntype = "file"\npath = "deals.csv"\nstream = "opportunities"\n'
        '[sources.deals.columns]\nid = "number"\naccount_id = "account"\ncreated_at = "created"\n\n'
    )
    change(here.config, "[pull]\n", f"{deals}[pull]\n")
    pull(here)
    assert rows(here, "opportunities", "account_id", "id = 'D1'") == [(account,)]


def test_an_alias_of_15_characters_finds_its_account(here):
    """A person writes what the address bar shows."""
    account = sorted(here.held("Name"))[0]
    (here.folder / "aliases.csv").write_text(f"key,account_id\nkunde.example,{account[:15]}\n")
    assert "alias_to_unknown_account" not in odd(sync(here.app()))
