"""Answers that are records of the CRM: the blocks of the mapping that are commented out work."""

from __future__ import annotations

import re
from typing import Any

from connector.sandbox.seed_schema import link, moment, number, text
from connector.sync.flow import score_only
from tests.mapping.test_shipped import MAPPINGS

from .reading import mapping, odd, person, pull, rows

SHIPPED = (MAPPINGS / "salesforce.toml").read_text(encoding="utf-8")
OWN = "NPS_Response__c"


def shown(here: Any, *objects: str) -> None:
    """Take the `# ` away from the pulls of some objects."""
    for name in objects:
        (block,) = re.findall(
            rf'(?:^# \[\[pull\]\]\n# stream *= "\w+"\n# object *= "{name}"\n)(?:^# \S.*\n)+',
            SHIPPED,
            re.MULTILINE,
        )
        mapping(here, block, re.sub("^# ", "", block, flags=re.MULTILINE))


def made(here: Any, rules: list[dict[str, Any]]) -> None:
    """An object of the company's own, with some answers."""
    fields = (
        text("Survey__c"), number("Score__c", 2), text("Comment__c"), text("Email__c"),
        link("Account__c", "Account"), link("Contact__c", "Contact"), moment("Answered_On__c"),
    )  # fmt: skip
    with here.store.lock:
        here.store.create(OWN, fields, prefix="a0N")
        for each in rules:
            here.store.insert(OWN, tuple(each), [tuple(each.values())])


def held(here: Any, sql: str) -> Any:
    with here.store.lock:
        return here.store.db.execute(sql).fetchall()


# ── Salesforce Surveys ────────────────────────────────────────────────────────────────────────


def test_answers_to_salesforce_surveys_become_responses(here):
    """Those to the NPS question, with score, scale, survey, person and moment; comments are not."""
    here.control("org", {"surveys": True})
    shown(here, "SurveyQuestionResponse")
    done = pull(here)
    asked = held(
        here,
        "select a.Id, a.NumberValue, r.SubmitterId from SurveyQuestionResponse a"
        " join SurveyQuestion q on q.Id = a.QuestionId join SurveyResponse r on r.Id = a.ResponseId"
        " where q.QuestionType = 'NPS'",
    )
    where = "platform = 'salesforce surveys'"
    assert len(asked) > 5
    assert sorted(rows(here, "responses", "id, score, contact_key", where)) == sorted(
        (id, score, person) for id, score, person in asked
    )
    whole = "scale_min, scale_max, metric, partial, submitted_at IS NULL, unread"
    assert set(rows(here, "responses", whole, where)) == {(0, 10, "nps", False, False, None)}
    contacts = {id for (id,) in rows(here, "contacts", "id")}
    assert {person for _, _, person in asked} - {None} <= contacts
    assert done.exit == 0


def test_who_was_asked_and_did_not_answer_is_known(here):
    """Invitations of both kinds; the link that everybody may use is none."""
    here.control("org", {"surveys": True})
    shown(here, "SurveyInvitation")
    pull(here)
    told = dict(
        rows(
            here, "invitations", "status, count(*)", "platform = 'salesforce surveys' GROUP BY ALL"
        )
    )
    sql = "select ResponseStatus, count(*) from SurveyInvitation where IsDefault = 0 group by 1"
    kept = dict(held(here, sql))
    assert told == {"answered": kept["Completed"], "sent": kept["NotStarted"]}
    assert min(told.values()) > 0


def test_an_org_without_surveys_is_read_without_them(here):
    """The pulls are optional: it is said, and nothing is wrong."""
    shown(here, "SurveyQuestionResponse", "SurveyInvitation")
    done = pull(here)
    assert (done.exit, "Survey" in str(done.streams)) == (0, False)


def test_an_answer_that_was_deleted_is_gone(here):
    """The recycle bin tells of it."""
    here.control("org", {"surveys": True})
    shown(here, "SurveyQuestionResponse")
    pull(here)
    ((id,), *_) = rows(here, "responses", "id", "platform = 'salesforce surveys'")
    person(here, "SurveyQuestionResponse", id, do="delete")
    here.advance("1h")
    pull(here)
    assert rows(here, "responses", "deleted", f"id = '{id}'") == [(True,)]


# ── any object ────────────────────────────────────────────────────────────────────────────────


def test_answers_of_an_object_of_ones_own_go_through_the_same_rules(here):
    """What is not on its scale is kept as it came, listed, and counts nowhere."""
    ((account,), *_) = accounts(here)
    made(here, [{"Account__c": account, "Score__c": each} for each in (11, -1, 8.5, 9)])
    shown(here, OWN)
    pull(here)
    told = dict(rows(here, "responses", "score, id", "platform = 'salesforce'"))
    found = odd(score_only(here.app()))
    assert {told[11], told[-1]} <= set(found["score_outside_scale"][1])
    assert told[8.5] in found["score_not_whole"][1]
    assert told[9] not in str(found)


def test_an_answer_that_is_edited_in_the_crm_arrives(here):
    """By its stamp, as any other record; so does one that is new."""
    ((account,), *_) = accounts(here)
    made(here, [{"Account__c": account, "Score__c": 9}])
    shown(here, OWN)
    pull(here)
    ((id,),) = rows(here, "responses", "id", "platform = 'salesforce'")
    here.advance("1d")
    person(here, OWN, id, values={"Score__c": 3})
    person(here, OWN, do="create", values={"Account__c": account, "Score__c": 4})
    pull(here)
    assert sorted(rows(here, "responses", "score", "platform = 'salesforce'")) == [(3,), (4,)]


def test_an_answer_that_does_not_say_when_is_counted(here):
    """Nobody knows whether it had happened: it counts nowhere, and the receipt says so."""
    made(here, [{"Score__c": 9}])
    shown(here, OWN)
    mapping(here, "coalesce(Answered_On__c, CreatedDate)", "Answered_On__c")
    assert odd(pull(here))["without_submitted_at"][0] == 1


def accounts(here: Any) -> Any:
    return held(here, "select Id from Account where IsDeleted = 0 order by Id")
