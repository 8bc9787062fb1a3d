"""Qualtrics: surveys, and answers by export jobs that are asked for, looked at and downloaded.

A job needs two looks. Its file is a zip of lines, some of which are empty objects. What was
recorded last comes last, and the token to go on with knows how far that was.

Whoever answered or was silent had been invited: one distribution for each survey, and a reminder to
the same people. Its history names people by ids; who they are is in the mailing list.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.responses import Response
from starlette.routing import Route

from ..store import Store
from . import answers, unanswered
from .answers import Answer, Survey
from .serving import Ask, Platform, Refused, key
from .tokens import by_token, client, issue

PAGE, LOOKS, HOUR = 1, 2, 3600
PEOPLE, DIRECTORY = 4, "POOL_1"
#: What Qualtrics says of those who were silent.
SILENT = {"sent": "Success", "declined": "Opened", "bounced": "HardBounce"}
ROOT = "/qualtrics"
BY_TOKEN = by_token("qualtrics")
#: What else an answer may be; the platform's own numbers.
STATUS = {"preview": 1, "test": 2, "imported": 4, "synthetic": 256}
QUESTIONS: Mapping[str, Any] = {
    "QID1": {"questionType": {"type": "DB", "selector": "TB", "subSelector": None}},
    "QID2": {"questionType": {"type": "MC", "selector": "NPS", "subSelector": None}},
    "QID3": {"questionType": {"type": "TE", "selector": "ESTB", "subSelector": None}},
    "QID5": {"questionType": {"type": "MC", "selector": "SAHR", "subSelector": "TX"}},
}


def _admits(ask: Ask) -> bool:
    return ask.header("x-api-token") == key(ask.store, "qualtrics") or BY_TOKEN(ask)


def _error(status: int, message: str) -> dict[str, Any]:
    error = {"errorCode": "E_1", "errorMessage": message}
    return {"meta": {"httpStatus": f"{status} - Refused", "requestId": "r1", "error": error}}


PLATFORM = Platform(f"{ROOT}/API/v3", _admits, _error, "Unrecognized X-API-TOKEN")
LOGIN = Platform(ROOT, lambda _: True, _error)


def routes(store: Store) -> list[Route]:
    """The platform's addresses under `/qualtrics/API/v3`, and where tokens come from."""
    unanswered.create_tables(store)
    exports = "surveys/{id}/export-responses"
    read = {
        "surveys": _surveys,
        "surveys/{id}": _survey,
        "surveys/{id}/responses/{response}": _response,
        f"{exports}/{{job}}": _progress,
        f"{exports}/{{job}}/file": _file,
        "distributions": _distributions,
        "distributions/{id}/history": _history,
        "directories/{directory}/mailinglists/{id}/contacts": _contacts,
    }
    return [
        LOGIN.route(store, "oauth2/token", _signed_in, "POST"),
        PLATFORM.route(store, exports, _start, "POST"),
        *PLATFORM.routes(store, read),
    ]


def _signed_in(ask: Ask) -> dict[str, Any]:
    return issue(ask, "qualtrics", HOUR, scoped=True)


def credentials(store: Store, base: str) -> dict[str, Any]:
    """What a client needs to sign in."""
    url = f"{base}{ROOT}/API/v3"
    return {"url": url, "token": key(store, "qualtrics"), **client(store, "qualtrics")}


def survey_id(survey: Survey) -> str:
    """The id that the platform has for a survey."""
    return f"SV_{survey.id}"


def _ok(result: Any) -> dict[str, Any]:
    return {"result": result, "meta": {"httpStatus": "200 - OK", "requestId": "r1"}}


def _surveys(ask: Ask) -> dict[str, Any]:
    """One survey a page, so that nobody overlooks the next."""
    every, start = answers.surveys(ask.store), ask.count("offset", 0)
    elements = [
        {"id": survey_id(each), "name": each.title, "ownerId": "UR_1", "isActive": True,
         "lastModified": each.created_at}
        for each in every[start : start + PAGE]
    ]  # fmt: skip
    more = start + PAGE < len(every)
    url = f"{ask.base}{ROOT}/API/v3/surveys?offset={start + PAGE}"
    return _ok({"elements": elements, "nextPage": url if more else None})


def _survey(ask: Ask) -> dict[str, Any]:
    known = _known(ask)
    return _ok({"id": ask.path("id"), "name": known.title, "questions": QUESTIONS})


def _distributions(ask: Ask) -> dict[str, Any]:
    """The invitation to a survey and its reminder, on a page each."""
    survey = ask.query("surveyId").removeprefix("SV_")
    if not survey:
        raise Refused(400, "surveyId is needed")
    sent = min((each["sentAt"] for each in _invited(ask.store, survey)), default=None)
    every = [
        {"id": f"{kind}_{survey}", "parentDistributionId": f"EMD_{survey}" if reminds else None,
         "requestType": "Reminder" if reminds else "Invite", "requestStatus": "Done",
         "sendDate": sent, "recipients": {"mailingListId": f"CG_{survey}", "contactId": None}}
        for kind, reminds in (("EMD", False), ("RMD", True))
    ]  # fmt: skip
    return _paged(ask, every if sent else [], PAGE)


def _history(ask: Ask) -> dict[str, Any]:
    told = ("contactId", "distributionId", "status", "sentAt", "responseId", "responseCompletedAt")
    every = _invited(ask.store, ask.path("id").partition("_")[2])
    return _paged(ask, [{name: each.get(name) for name in told} for each in every], PEOPLE)


def _contacts(ask: Ask) -> dict[str, Any]:
    if ask.path("directory") != DIRECTORY:
        raise Refused(404, "The directory does not exist")
    every = _invited(ask.store, ask.path("id").removeprefix("CG_"))
    names = ("contactId", "email", "extRef", "embeddedData")
    told = [{name: each[name] for name in names} for each in every]
    return _paged(ask, told, PEOPLE)


def _invited(store: Store, survey: str) -> list[dict[str, Any]]:
    """Everybody whom the invitation to a survey went to."""
    found = [
        {"contactId": f"CID_{each.id}", "email": each.email, "extRef": each.contact_key,
         "embeddedData": _embedded(each.account_key),
         "sentAt": _z(each.asked_at or each.submitted_at), "responseId": each.id,
         "responseCompletedAt": _z(each.submitted_at),
         "status": "SurveyPartiallyFinished" if each.partial else "SurveyFinished"}
        for each in answers.find(store, "survey = ?", (survey,))
    ]  # fmt: skip
    found += [
        {"contactId": f"CID_{each.id}", "email": each.email, "extRef": each.contact_key,
         "embeddedData": _embedded(each.account_key),
         "sentAt": _z(each.asked_at), "status": SILENT.get(each.state, each.state)}
        for each in unanswered.find(store, "survey = ?", survey)
    ]  # fmt: skip
    return [{**each, "distributionId": f"EMD_{survey}"} for each in found]


def _embedded(key: str | None) -> dict[str, str]:
    return {"customer_number": key} if key else {}


def _paged(ask: Ask, every: list[dict[str, Any]], size: int) -> dict[str, Any]:
    start = ask.count("skipToken", 0)
    query = {**ask.request.query_params, "skipToken": start + size}
    more = start + size < len(every)
    url = f"{ask.base}{ask.request.url.path}?{urlencode(query)}"
    return _ok({"elements": every[start : start + size], "nextPage": url if more else None})


def _z(moment: str) -> str:
    return f"{moment[:19]}Z"


def _known(ask: Ask) -> Survey:
    for each in answers.surveys(ask.store):
        if survey_id(each) == ask.path("id"):
            return each
    raise Refused(404, "The requested survey does not exist")


def _response(ask: Ask) -> dict[str, Any]:
    where, given = "survey = ? and id = ?", (_known(ask).id, ask.path("response"))
    found = answers.find(ask.store, where, given)
    if not found:
        raise Refused(404, "The requested response does not exist")
    return _ok(_record(found[0]))


def _jobs(store: Store) -> dict[str, dict[str, Any]]:
    jobs: dict[str, dict[str, Any]] = store.passing.setdefault("qualtrics_jobs", {})
    return jobs


def _start(ask: Ask) -> dict[str, Any]:
    survey, wanted = _known(ask), ask.json()
    if wanted.get("format") != "ndjson" or wanted.get("useLabels"):
        raise Refused(400, "format must be ndjson here; useLabels is for csv")
    where, given = ["survey = ?"], [survey.id]
    token = wanted.get("continuationToken")
    if token is not None:
        since = ask.store.passing.get("qualtrics_tokens", {}).get(token)
        if since is None:
            raise Refused(400, "The continuation token is not valid or has expired")
        where, given = [*where, "updated_at > ?"], [*given, since]
    for name, sign in (("startDate", ">="), ("endDate", "<")):
        if name in wanted:
            where = [*where, f"submitted_at {sign} ?"]
            given = [*given, answers.stamp(datetime.fromisoformat(wanted[name]))]
    found = answers.find(ask.store, " and ".join(where), given, order="updated_at, id")
    job = f"ES_{len(_jobs(ask.store)) + 1}"
    goes_on = bool(token or wanted.get("allowContinuation"))
    _jobs(ask.store)[job] = {"answers": found, "looks": 0, "goes_on": goes_on}
    return _ok({"progressId": job, "percentComplete": 0.0, "status": "inProgress"})


def _progress(ask: Ask) -> dict[str, Any]:
    job = _jobs(ask.store).get(ask.path("job"))
    if job is None:
        raise Refused(404, "There is no such export")
    job["looks"] += 1
    if job["looks"] < LOOKS:
        return _ok({"percentComplete": 50.0, "status": "inProgress"})
    done = {"percentComplete": 100.0, "status": "complete", "fileId": f"{ask.path('job')}-file"}
    if job["goes_on"]:
        done["continuationToken"] = _token(ask.store, job)
    return _ok(done)


def _token(store: Store, job: dict[str, Any]) -> str:
    tokens: dict[str, str] = store.passing.setdefault("qualtrics_tokens", {})
    if "token" not in job:
        last = max((each.updated_at for each in job["answers"]), default=_newest(store))
        job["token"] = f"ct_{len(tokens) + 1}"
        tokens[job["token"]] = last
    return str(job["token"])


def _newest(store: Store) -> str:
    return answers.stamp(store.clock.now())


def _file(ask: Ask) -> Response:
    job = _jobs(ask.store).get(ask.path("job").removesuffix("-file"))
    if job is None:
        raise Refused(404, "There is no such file")
    lines = [b"{}"]
    for each in job["answers"]:
        lines += [orjson.dumps(_record(each)), b"{}"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Survey.ndjson", b"\n".join(lines))
    return Response(packed.getvalue(), media_type="application/zip")


def _record(answer: Answer) -> dict[str, Any]:
    score = answer.whole_score
    values: dict[str, Any] = {
        "startDate": f"{answer.submitted_at[:19]}Z",
        "endDate": f"{answer.submitted_at[:19]}Z",
        "recordedDate": f"{answer.submitted_at[:23]}Z",
        "status": 2 if answer.test else STATUS.get(answer.more.get("mark", ""), 0),
        "progress": 60 if answer.partial else 100,
        "finished": 0 if answer.partial else 1,
        "_recordId": answer.id,
        "recipientEmail": answer.email,
        "externalDataReference": answer.contact_key or "",
        "distributionChannel": answer.channel or "email",
        "userLanguage": (answer.language or "en").upper(),
        "QID3_TEXT": answer.comment,
        "QID3_TEXT_TOPICS": ", ".join(answer.labels),
        "QID3_TEXT_SENTIMENT": str(answer.more.get("sentiment") or "").title(),
    }
    if answer.metric == "csat":
        values["QID5"] = score
    elif isinstance(score, int):
        values |= {"QID2": score, "QID2_NPS_GROUP": 3 if score > 8 else 2 if score > 6 else 1}
    if answer.account_key:
        values["account_id" if answer.is_of_record else "customer_number"] = answer.account_key
    return {"responseId": answer.id, "values": values, "labels": {}, "displayedFields": []}
