"""An org with Salesforce Surveys: who was asked, who answered, and each answer to each question.

The answers are those that all platforms of the sandbox show. One of a contact has the contact's
invitation; any other came through the link that everybody may use, and only its subject, if it has
one, tells the account.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..clock import stamp
from ..seed_schema import choice, flag, link, moment, text
from ..store import Field, Store
from ..surveys import answers, unanswered
from ..surveys.answers import Answer

_SUBJECTS = ("Account", "Contact", "Case", "Opportunity")
_PEOPLE = ("Contact", "User", "Lead")
OBJECTS: Mapping[str, tuple[str, tuple[Field, ...]]] = {
    "Survey": ("0Kd", (text("Name"), text("DeveloperName", 80))),
    "SurveyVersion": (
        "0Ke",
        (text("Name"), link("SurveyId", "Survey"), choice("SurveyStatus", "Draft", "Active")),
    ),
    "SurveyQuestion": (
        "0Kv",
        (
            text("Name"),
            link("SurveyVersionId", "SurveyVersion"),
            choice("QuestionType", "NPS", "CSAT", "Rating", "Slider", "FreeText", "ShortText"),
            flag("IsDeprecated"),
        ),
    ),
    "SurveyInvitation": (
        "0Ki",
        (
            text("Name"),
            link("SurveyId", "Survey"),
            link("ParticipantId", *_PEOPLE),
            link("ContactId", "Contact"),
            choice("ResponseStatus", "NotStarted", "Started", "Completed", "Paused"),
            flag("IsDefault"),
        ),
    ),
    "SurveyResponse": (
        "0Kr",
        (
            text("Name"),
            link("SurveyId", "Survey"),
            link("SurveyVersionId", "SurveyVersion"),
            link("InvitationId", "SurveyInvitation"),
            link("SubmitterId", *_PEOPLE),
            choice("Status", "Started", "Paused", "Completed"),
            choice("Language"),
            moment("CompletionDateTime"),
        ),
    ),
    "SurveyQuestionResponse": (
        "0Kw",
        (
            link("ResponseId", "SurveyResponse"),
            link("QuestionId", "SurveyQuestion"),
            link("InvitationId", "SurveyInvitation"),
            link("SurveyVersionId", "SurveyVersion"),
            choice("Datatype", "Number", "String"),
            Field("NumberValue", "int", precision=9),
            text("ResponseShortText"),
            Field("ResponseValue", "textarea", length=32000, filterable=False),
        ),
    ),
    "SurveySubject": (
        "0Kz",
        (
            link("ParentId", "SurveyInvitation", "SurveyResponse"),
            link("SurveyResponseId", "SurveyResponse"),
            link("SubjectId", *_SUBJECTS),
            choice("SubjectEntityType", *_SUBJECTS),
        ),
    ),
}
Row = Mapping[str, Any]


def enable(store: Store) -> dict[str, int]:
    """Switches surveys on, with what was asked and answered; tells how many answers."""
    if "Survey" in store.objects():
        return {"answers": _count(store, "SurveyResponse")}
    for name, (prefix, fields) in OBJECTS.items():
        store.create(name, fields, prefix=prefix)
    for survey in answers.surveys(store):
        _add_survey(store, survey.id, survey.title)
    return {"answers": _count(store, "SurveyResponse")}


def _add_survey(store: Store, key: str, title: str) -> None:
    survey = _add(store, "Survey", {"Name": title, "DeveloperName": "s" + key[:8]})
    version = _add(store, "SurveyVersion", {"Name": title, "SurveyId": survey})
    asked = {
        kind: _add(
            store,
            "SurveyQuestion",
            {"Name": kind, "SurveyVersionId": version, "QuestionType": kind, "IsDeprecated": 0},
        )
        for kind in ("NPS", "FreeText")
    }
    everybody = _add(store, "SurveyInvitation", {"Name": title, "SurveyId": survey, "IsDefault": 1})
    of = {"SurveyId": survey, "SurveyVersionId": version}
    for each in answers.find(store, "survey = ? and score between 0 and 10", (key,)):
        _add_answer(store, each, of, asked, everybody)
    unanswered.create_tables(store)
    for silent in unanswered.find(store, "survey = ? and contact_key is not null", key):
        if _is_contact(store, silent.contact_key):
            _invite(store, survey, silent.contact_key, "NotStarted", silent.asked_at)


def _add_answer(
    store: Store, answer: Answer, of: Row, asked: Mapping[str, str], everybody: str
) -> None:
    person = answer.contact_key if _is_contact(store, answer.contact_key) else None
    at = _shown(answer.submitted_at)
    invitation = (
        _invite(store, of["SurveyId"], person, "Completed", answer.asked_at or at)
        if person
        else everybody
    )
    whole = {**of, "InvitationId": invitation, "SubmitterId": person, "Status": "Completed",
             "Language": answer.language, "CompletionDateTime": at}  # fmt: skip
    response = _add(store, "SurveyResponse", whole, at)
    account = None if person else _account(store, answer.account_key)
    if account:
        about = {"ParentId": response, "SurveyResponseId": response,
                 "SubjectId": account, "SubjectEntityType": "Account"}  # fmt: skip
        _add(store, "SurveySubject", about, at)
    part = {"ResponseId": response, "InvitationId": invitation,
            "SurveyVersionId": of["SurveyVersionId"]}  # fmt: skip
    score = {"QuestionId": asked["NPS"], "Datatype": "Number", "NumberValue": answer.whole_score}
    _add(store, "SurveyQuestionResponse", {**part, **score}, at)
    if answer.comment:
        said = {"QuestionId": asked["FreeText"], "Datatype": "String",
                "ResponseShortText": answer.comment[:255],
                "ResponseValue": answer.comment}  # fmt: skip
        _add(store, "SurveyQuestionResponse", {**part, **said}, at)


def _invite(store: Store, survey: str, person: str | None, status: str, at: str) -> str:
    row = {"Name": "Invitation", "SurveyId": survey, "ParticipantId": person, "ContactId": person,
           "ResponseStatus": status, "IsDefault": 0}  # fmt: skip
    return _add(store, "SurveyInvitation", row, _shown(at))


def _add(store: Store, name: str, row: Row, at: str = "") -> str:
    """One record, made at that moment; its id."""
    made = {**row, "Id": store.new_id(name), "CreatedDate": at or stamp(store.clock.now())}
    store.insert(name, tuple(made), [tuple(made.values())])
    return str(made["Id"])


def _shown(moment: str) -> str:
    """A moment as the org writes it."""
    return stamp(answers.moment(moment))


def _is_contact(store: Store, id: str | None) -> bool:
    return bool(store.db.execute("select 1 from Contact where Id = ?", (id,)).fetchone())


def _account(store: Store, key: str | None) -> str | None:
    """The whole id of an account, of which platforms may know the first fifteen letters."""
    sql = "select Id from Account where substr(Id, 1, 15) = substr(?, 1, 15)"
    found = store.db.execute(sql, (key,)).fetchone()
    return str(found[0]) if found else None


def _count(store: Store, name: str) -> int:
    return int(store.db.execute(f"select count(*) from {name}").fetchone()[0])
