"""Answers that are records of the CRM: the blocks of the mapping that are commented out work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from connector.model import stages
from connector.sandbox.seed_schema import link, moment, number, text
from connector.sync.flow import score_only
from connector.sync.score import stage_inputs
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


@contextmanager
def places(here: Any) -> Iterator[Any]:
    """The records of the lake as a run sees them, each with its account."""
    app = here.app()
    engine = app.engine()
    try:
        stage_inputs(app, engine)
        for stage in stages.placing(as_of=app.crm.now(), matching=app.matching):
            engine.stage(stage.name, stage.sql, stage.kind)
        yield engine
    finally:
        engine.close()


# ── Salesforce Surveys ────────────────────────────────────────────────────────────────────────


def test_answers_to_salesforce_surveys_become_responses(here):
    """Those to the NPS question, with score, scale, survey, person, moment, and what was written
    in the same response; of the open link the subject tells the account."""
    here.control("org", {"surveys": True})
    shown(here, "SurveyQuestionResponse", "SurveySubject")
    done = pull(here)
    asked = held(
        here,
        "select a.Id, a.NumberValue, r.SubmitterId, w.ResponseValue, s.SubjectId"
        " from SurveyQuestionResponse a"
        " join SurveyQuestion q on q.Id = a.QuestionId join SurveyResponse r on r.Id = a.ResponseId"
        " left join SurveyQuestionResponse w on w.ResponseId = r.Id and w.ResponseValue is not null"
        " left join SurveySubject s on s.ParentId = r.Id where q.QuestionType = 'NPS'",
    )
    where = "platform = 'salesforce surveys' AND metric IS NOT NULL"
    assert len(asked) > 5
    assert sorted(rows(here, "responses", "id, score, contact_key", where)) == sorted(
        (id, score, person) for id, score, person, _, _ in asked
    )
    whole = "scale_min, scale_max, metric, partial, submitted_at IS NULL, unread"
    assert set(rows(here, "responses", whole, where)) == {(0, 10, "nps", False, False, None)}
    contacts = {id for (id,) in rows(here, "contacts", "id")}
    assert {person for _, _, person, _, _ in asked} - {None} <= contacts
    assert done.exit == 0
    with places(here) as lake:
        sql = "SELECT n.id, n.comment, a.id FROM named_responses AS n LEFT JOIN accounts AS a"
        found = {id: told for id, *told in lake.rows(f"{sql} ON a.key = n.key WHERE {where}")}
        assert lake.one("SELECT count(*) FROM placements WHERE stream = 'responses'") == len(
            lake.rows("SELECT id FROM seen_responses")
        )
    assert set(found) == {id for id, *_ in asked}
    assert {id: said for id, (said, _) in found.items()} == {id: w for id, _, _, w, _ in asked}
    subjects = {id: account for id, _, _, _, account in asked if account}
    assert subjects.items() <= {id: account for id, (_, account) in found.items()}.items()
    assert subjects
    assert any(said for _, _, _, said, _ in asked)


def test_what_an_invitation_is_about_is_whose_its_answer_is(here):
    """A case, here: its account. So it is for an invitation that nobody has answered."""
    here.control("org", {"surveys": True})
    shown(here, "SurveyQuestionResponse", "SurveySubject", "SurveyInvitation")
    (case, account), *_ = held(
        here, 'select Id, AccountId from "Case" where IsDeleted = 0 and AccountId is not null'
    )
    asked = held(
        here,
        "select a.Id, r.InvitationId from SurveyQuestionResponse a join SurveyResponse r"
        " on r.Id = a.ResponseId join SurveyInvitation i on i.Id = r.InvitationId"
        " where i.IsDefault = 0 and a.NumberValue is not null",
    )
    ((silent,), *_) = held(
        here, "select Id from SurveyInvitation where ResponseStatus = 'NotStarted'"
    )
    response, invitation = asked[0]
    nobody = (
        f"update SurveyInvitation set ContactId = null, ParticipantId = null"
        f" where Id in ('{invitation}', '{silent}')",
        f"update SurveyResponse set SubmitterId = null where InvitationId = '{invitation}'",
    )
    for sql in nobody:
        held(here, sql)
    for parent in (invitation, silent):
        about = {"ParentId": parent, "SubjectId": case, "SubjectEntityType": "Case"}
        person(here, "SurveySubject", do="create", values=about)
    pull(here)
    with places(here) as lake:
        sql = "SELECT a.id FROM named_{} AS n JOIN accounts AS a ON a.key = n.key WHERE n.id = '{}'"
        assert lake.rows(sql.format("responses", response)) == [(account,)]
        assert lake.rows(sql.format("invitations", silent)) == [(account,)]


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


# ── a package ─────────────────────────────────────────────────────────────────────────────────


def test_ratings_of_simple_survey_keep_their_scale(here):
    """0 to 10 is NPS, 1 to 5 is not; a case leads to its account, and a begun one is flagged."""
    ((account,), *_) = accounts(here)
    (case, its_account), *_ = held(
        here, 'select Id, AccountId from "Case" where IsDeleted = 0 and AccountId is not null'
    )
    of = "simplesurvey__{}__c".format
    fields = (
        number(of("Survey_Score"), 2), text(of("Rating_Scale")), text(of("Survey_Comments")),
        text(of("Status")), link(of("Account"), "Account"), link(of("Contact"), "Contact"),
        link(of("Case"), "Case"),
    )  # fmt: skip
    told: tuple[dict[str, Any], ...] = (
        {"Account": account, "Survey_Score": 9, "Rating_Scale": "0-10", "Status": "Completed"},
        {"Case": case, "Survey_Score": 2, "Rating_Scale": "1-5", "Status": "Responded",
         "Survey_Comments": "Zu langsam"},
        {"Account": account, "Survey_Score": 5},
    )  # fmt: skip
    with here.store.lock:
        here.store.create(of("Survey"), fields, prefix="a0S")
    for each in told:
        values = {of(name): value for name, value in each.items()}
        person(here, of("Survey"), do="create", values=values)
    shown(here, of("Survey"))
    pull(here)
    with places(here) as lake:
        found = lake.rows(
            "SELECT n.score, n.metric, n.kind, n.scale_max, n.partial, n.comment, a.id"
            " FROM named_responses AS n JOIN accounts AS a ON a.key = n.key"
            " WHERE platform = 'simple survey' ORDER BY n.score"
        )
    assert found == [
        (2, "csat", "transactional", 5, True, "Zu langsam", its_account),
        (5, "csat", "relationship", None, None, None, account),
        (9, "nps", "relationship", 10, False, None, account),
    ]


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
