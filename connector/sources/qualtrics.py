"""Qualtrics: answers by export jobs, one for each survey that asks for a score; who was invited."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from ..errors import ConfigError, Malformed, RemoteError, Unreachable
from ..http import body_of
from ..mapping.expressions import identifier
from ..protocols import Hint, Progress, Singles, Spool
from ..rest.columns import first_of, kind, listed, mood, off_scale
from ..rest.feed import Feed, Got, fetch, records
from ..rest.line import ClientCredentials, Line, Signed, Signer
from ..rest.paging import Link, at
from ..rest.several import joined
from ..rest.signatures import told_moment
from ..rest.since import FORMS
from ..rest.singles import by_place, kept
from ..rest.unpack import copied, members
from ..secrets import Secret

#: Seconds between two looks at a job, at first and at most; and how long a job may take.
FIRST_LOOK, LAST_LOOK, LONGEST_JOB = 0.5, 10.0, 3600.0
#: The largest archive that Qualtrics makes, and what it may unpack to.
ARCHIVE, UNPACKED = 1_900_000_000, 20_000_000_000
#: A token to go on with is kept so often; more would only be more to remember.
TOKEN_EVERY = timedelta(days=1)

COLUMNS: Mapping[str, str] = {
    "platform": "'qualtrics'",
    "survey": "_survey",
    "channel": 'values."distributionChannel"',
    "language": 'lower(values."userLanguage")',
    "email": 'values."recipientEmail"',
    "contact_key": "nullif(values.\"externalDataReference\", '')",
    # Some exports carry endDate in the survey's own zone, without saying which.
    "submitted_at": 'case when values."endDate" like \'%Z\' then values."endDate" '
    'else values."recordedDate" end',
    "modified_at": 'values."recordedDate"',
    "partial": "values.\"finished\" in ('0', 'false')",
}
ODD: Mapping[str, str] = {
    "preview": "values.\"status\" = '1'",
    "test_answer": "values.\"status\" = '2'",
    "synthetic": "values.\"status\" = '256'",
}
#: What became of an invitation. Of whom a rule of the directory spared, nobody asked anything.
INVITATIONS: Mapping[str, str] = {
    "id": "_distribution || ' ' || contactId",
    "platform": "'qualtrics'",
    "survey": "_survey",
    "account_key": "_contact.account",
    "contact_key": "_contact.reference",
    "email": "_contact.email",
    "status": "case when status in ('SurveyFinished', 'SurveyPartiallyFinished') then 'answered' "
    "when status in ('SurveyStarted', 'Opened') then 'opened' "
    "when status in ('HardBounce', 'SoftBounce', 'Failure', 'Blocked') then 'bounced' "
    "else 'sent' end",
    "asked_at": "coalesce(sentAt, _sent)",
    "modified_at": "coalesce(responseCompletedAt, responseStartedAt, openedAt, sentAt, _sent)",
}
NOT_SENT: Mapping[str, str] = {"not_sent": "status like '%Skipped'"}


@dataclass(slots=True)
class Source:
    """Needs an API token, or a client id and secret (Account settings → Qualtrics IDs).

    `datacenter` is the first part of the host (`fra1`); a brand's own host goes into `url`.
    `surveys` (ids or names) are those that are read, all without it; `csat` names questions
    besides NPS that are asked on a scale from 1 to 5. `account_property` and `customer_property`
    are the embedded data that hold the CRM's id of the account, or its customer number. `topics`
    and `sentiment` name the values in which Text iQ writes what it read in the comment. With
    `directory` (`POOL_…`) the stream `invitations` tells who was invited by e-mail.
    """

    datacenter: str = ""
    token: Secret | None = None
    client_id: str = ""
    client_secret: Secret | None = None
    scope: str = "read:surveys read:survey_responses manage:survey_responses"
    surveys: tuple[str, ...] = ()
    transactional: tuple[str, ...] = ()
    csat: tuple[str, ...] = ()
    account_property: str = "account_id"
    customer_property: str = "customer_number"
    topics: str = ""
    sentiment: str = ""
    directory: str = ""
    url: str = ""
    overlap: timedelta = timedelta(days=35)
    name: str = field(default="qualtrics", init=False)
    streams: tuple[str, ...] = field(default=("responses", "invitations"), init=False)
    sure: str = field(default="verified", init=False)
    by_id: ClassVar[tuple[str, ...]] = ("responses",)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not (self.url or self.datacenter):
            raise ConfigError("Qualtrics needs `datacenter`.", hint="As in fra1.qualtrics.com.")
        base = (self.url or f"https://{self.datacenter}.qualtrics.com/API/v3").rstrip("/")
        self._line = Line(base, self._signer(base), name="Qualtrics", lane=_lane)
        if not self.directory:  # not every token may read the people of a directory
            self.streams = ("responses",)

    def check(self) -> None:
        _result(self._line.json("surveys"))

    def pull(
        self, stream: str, since: datetime | None, into: Path, progress: Progress | None = None
    ) -> Spool:
        if stream == "invitations":
            return fetch(self._line, self._invited(since), stream, into, progress)
        kept = progress.recall() if progress else {}
        spool, tokens = self._read(stream, since, kept, into, progress)
        if progress:
            progress.remember(tokens)
        return spool

    def ids(
        self, stream: str, since: datetime, into: Path, progress: Progress | None = None
    ) -> Spool:
        if stream == "invitations":
            # By when it was sent off: people whose turn came later are among these.
            return self.pull(stream, since - self.overlap, into, progress)
        return self._read(stream, since, {}, into, progress)[0]

    def singles(
        self, stream: str, hints: Sequence[Hint], into: Path, progress: Progress | None = None
    ) -> Singles:
        """Some answers by their ids, of surveys that are read here."""
        before, parts = sum(self._line.calls.values()), list[tuple[Feed, Got]]()
        asked, gone = by_place(hints), list[str]()
        into.mkdir(parents=True, exist_ok=True)
        for number, survey in enumerate(self._surveys()):
            key = str(survey["id"])
            feeds = list(self._feeds(survey)) if key in asked else []
            if not feeds:
                continue
            paths = {id: f"surveys/{key}/responses/{id}" for id in asked[key]}
            file = into / f"{number:05}.ndjson"
            lost = kept(self._line, paths, {}, file, inside="result", given=feeds[0].given,
                        progress=progress)  # fmt: skip
            parts += [(feed, Got(file, len(paths) - len(lost))) for feed in feeds]
            gone += [name for id in lost for name in (id, *(f"{id}-{each}" for each in self.csat))]
        spool = joined(parts, stream, calls=sum(self._line.calls.values()) - before)
        return Singles(spool, tuple(gone))

    def calls(self) -> Mapping[str, int]:
        return self._line.calls

    def _read(
        self,
        stream: str,
        since: datetime | None,
        kept: Mapping[str, list[list[str]]],
        into: Path,
        progress: Progress | None,
    ) -> tuple[Spool, dict[str, list[list[str]]]]:
        """One job for each survey, and the tokens to go on with."""
        before, parts = sum(self._line.calls.values()), list[tuple[Feed, Got]]()
        tokens: dict[str, list[list[str]]] = {}
        for survey in self._surveys():
            key, feeds = str(survey["id"]), list(self._feeds(survey))
            if not feeds:
                continue
            known = _worth_keeping(kept.get(key, []), since)
            done = self._job(key, self._started(key, since, known), progress)
            tokens[key] = _with(known, str(done.get("continuationToken") or ""))
            file = into / f"{len(tokens):05}.ndjson"
            rows = self._fetched(key, str(done["fileId"]), file, feeds[0].given)
            parts += [(feed, Got(file, rows)) for feed in feeds]
        spool = joined(parts, stream, calls=sum(self._line.calls.values()) - before)
        return spool, tokens

    def _signer(self, base: str) -> Signer:
        if self.token:
            return Signed(
                "Qualtrics", self.token, "{}", "X-API-TOKEN",
                made_at="Account settings → Qualtrics IDs",
            )  # fmt: skip
        if not (self.client_id and self.client_secret):
            raise ConfigError(
                "Qualtrics needs `token`, or `client_id` and `client_secret`.",
                hint="Account settings → Qualtrics IDs shows the API token.",
            )
        host, form = base.removesuffix("/API/v3"), {"scope": self.scope}
        return ClientCredentials(
            "Qualtrics", host, "oauth2/token", self.client_id, self.client_secret, form, basic=True
        )

    def _surveys(self) -> Iterator[Mapping[str, Any]]:
        for survey in _elements(self._line, "surveys"):
            if not self.surveys or {survey.get("id"), survey.get("name")} & set(self.surveys):
                yield survey

    def _invited(self, since: datetime | None) -> Iterator[Feed]:
        """Whom each invitation went to; reminders went to the same people."""
        own = (self.account_property, self.customer_property)
        people = People(self._line, self.directory, own)
        for survey in self._surveys():
            key = str(survey["id"])
            for sent in _elements(self._line, "distributions", surveyId=key):
                # Both spellings were recorded, side by side.
                id = str(sent.get("id") or sent.get("distributionId") or "")
                day = str(sent.get("sendDate") or "")
                is_asking = id and sent.get("requestType") == "Invite"
                if not is_asking or not _is_since(day, since):
                    continue
                yield Feed(
                    INVITATIONS,
                    f"distributions/{id}/history",
                    "result.elements",
                    paging=Link("result.nextPage"),
                    odd=NOT_SENT,
                    given={"_distribution": id, "_survey": key, "_sent": day},
                    dress=people.of(sent.get("recipients") or sent.get("recipient") or {}),
                )

    def _feeds(self, survey: Mapping[str, Any]) -> Iterator[Feed]:
        """One for each question with a score; they read the same file."""
        questions = _result(self._line.json(f"surveys/{survey['id']}")).get("questions") or {}
        words = [id for id, each in questions.items() if at(each, "questionType.type") == "TE"]
        comment = ", ".join(f"values.{identifier(f'{id}_TEXT')}" for id in words) or "null"
        account = first_of("values", self.account_property, self.customer_property)
        scored = [(id, "nps") for id, each in questions.items() if _asks_nps(each)]
        scored += [(id, "csat") for id in questions if id in self.csat]
        for number, (id, metric) in enumerate(scored):
            score, low, high = f"values.{identifier(id)}", *SCALES[metric]
            columns = {
                **COLUMNS,
                "id": f"responseId || '-{id}'" if number else "responseId",
                "kind": kind(self.transactional, "_survey", "_title"),
                "metric": f"'{metric}'",
                "scale_min": low,
                "scale_max": high,
                "score": score,
                "comment": f"coalesce({comment}, null)" if not number else "null",
                "account_key": account,
            }
            if not number:
                columns |= self._heard()
            odd = {**ODD, **off_scale(score, low, high)}
            given = {"_survey": str(survey["id"]), "_title": str(survey.get("name") or "")}
            yield Feed(columns, "", odd=odd, given=given)

    def _heard(self) -> dict[str, str]:
        """What the platform read in the words, where it says under which names."""
        named = {"labels": (self.topics, listed), "sentiment": (self.sentiment, mood)}
        return {
            column: read(f"values.{identifier(name)}")
            for column, (name, read) in named.items()
            if name
        }

    def _fetched(self, survey: str, id: str, file: Path, given: Mapping[str, str]) -> int:
        """Download what a job made, as a file of records; how many they are."""
        archive, rows = file.with_suffix(".zip"), 0
        self._line.save(f"{_exports(survey)}/{id}/file", archive, most=ARCHIVE)
        with file.open("wb") as out:
            for member in members(archive, file.parent, most=UNPACKED):
                rows += copied(member, out, given)
                member.unlink()
        archive.unlink()
        return rows

    def _started(self, survey: str, since: datetime | None, known: list[list[str]]) -> str:
        """Start a job where the last one ended, or, if that is no longer known, by date."""
        path = _exports(survey)
        body: dict[str, Any] = {"format": "ndjson", "compress": True}
        body["sortByLastModifiedDate"] = True
        if known:
            going_on = {**body, "continuationToken": known[0][1]}
            reply = self._line.raw(path, method="POST", body=going_on, allowed=frozenset({400}))
            if reply.status_code == 200:
                return _word(_result(body_of(reply, "Qualtrics")), "progressId")
        body["allowContinuation"] = True
        if since:
            body["startDate"] = FORMS["iso"](since.astimezone(UTC))
        return _word(_result(self._line.json(path, method="POST", body=body)), "progressId")

    def _job(self, survey: str, job: str, progress: Progress | None) -> Mapping[str, Any]:
        """Wait for a job; what it says when it is complete."""
        pause, waited = FIRST_LOOK, 0.0
        while waited < LONGEST_JOB:
            state = _result(self._line.json(f"{_exports(survey)}/{job}"))
            if state.get("status") == "complete":
                _word(state, "fileId")
                return state
            if state.get("status") == "failed":
                raise RemoteError("Qualtrics could not make an export.", hint="Run again.")
            (progress.pause if progress else time.sleep)(pause)
            waited, pause = waited + pause, min(pause * 1.5, LAST_LOOK)
        raise Unreachable("Qualtrics has not finished an export within an hour.", hint="Run again.")


@dataclass(slots=True)
class People:
    """The people of a directory, read by mailing list, each list once."""

    line: Line
    directory: str
    own: tuple[str, ...] = ()
    _lists: dict[str, dict[str, Any]] = field(default_factory=dict, init=False, repr=False)

    def of(self, recipients: Mapping[str, Any]) -> Callable[[Sequence[Any]], Sequence[Any]]:
        """What puts its person to each entry of a distribution's history."""
        mailing_list = str(recipients.get("mailingListId") or "")

        def dress(entries: Sequence[Any]) -> Sequence[Any]:
            known = self._listed(mailing_list) if entries and mailing_list else {}
            return [{**each, "_contact": known.get(each.get("contactId"))} for each in entries]

        return dress

    def _listed(self, id: str) -> Mapping[str, Any]:
        if id not in self._lists:
            path = f"directories/{self.directory}/mailinglists/{id}/contacts"
            found = _elements(self.line, path)
            self._lists[id] = {str(each.get("contactId")): self._keys(each) for each in found}
        return self._lists[id]

    def _keys(self, contact: Mapping[str, Any]) -> dict[str, Any]:
        """By what a person is found in the CRM; the rest is not kept."""
        embedded = contact.get("embeddedData") or {}
        return {
            "email": contact.get("email"),
            "reference": contact.get("extRef") or contact.get("externalDataReference"),
            "account": next((embedded[name] for name in self.own if embedded.get(name)), None),
        }


def _elements(line: Line, path: str, **query: str) -> Iterator[Mapping[str, Any]]:
    """The elements of a list, page by page."""
    paging = Link("result.nextPage")
    yield from records(line, Feed({}, path, "result.elements", query, paging=paging))


def _is_since(day: str, since: datetime | None) -> bool:
    """Whether a day is not before a moment; of one that cannot be read nobody knows."""
    at = told_moment(day)
    return since is None or at is None or at >= since


SCALES: Mapping[str, tuple[str, str]] = {"nps": ("0", "10"), "csat": ("1", "5")}


def _exports(survey: str) -> str:
    return f"surveys/{survey}/export-responses"


def _asks_nps(question: Mapping[str, Any]) -> bool:
    return bool(at(question, "questionType.selector") == "NPS")


def _result(body: Any) -> Mapping[str, Any]:
    """What an answer is about; a refusal may hide in an answer that calls itself 200."""
    status = str(at(body, "meta.httpStatus") or "")
    if not status.startswith("2"):
        code = at(body, "meta.error.errorCode") or ""
        raise RemoteError(f"Qualtrics answered {status or 'without a status'} {code}".strip() + ".")
    found = at(body, "result")
    if not isinstance(found, dict):
        raise Malformed("Qualtrics sent no result.", hint="Run again; the watermark has not moved.")
    return found


def _word(result: Mapping[str, Any], name: str) -> str:
    if not result.get(name):
        raise Malformed(f"Qualtrics sent no {name}.", hint="Run again.")
    return str(result[name])


def _worth_keeping(tokens: list[list[str]], since: datetime | None) -> list[list[str]]:
    """From the youngest token that is older than `since` on: the last days are read again."""
    if since is None:
        return []
    old = [each for each in tokens if datetime.fromisoformat(each[0]) <= since]
    return [*old[-1:], *(each for each in tokens if each not in old)]


def _with(tokens: list[list[str]], token: str) -> list[list[str]]:
    """The tokens and a new one, unless the last is nearly as new."""
    now = datetime.now(UTC)
    if not token or (tokens and now - datetime.fromisoformat(tokens[-1][0]) < TOKEN_EVERY):
        return tokens
    return [*tokens, [now.isoformat(), token]]


def _lane(_: str, path: str) -> str:
    if "/export-responses" in path:
        return "export-responses"
    return "distributions" if "distributions" in path or "mailinglists" in path else "surveys"
