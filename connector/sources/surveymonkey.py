"""SurveyMonkey: answers of the surveys that have new ones, with what their choices mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from ..errors import BudgetSpent
from ..protocols import Progress, Spool
from ..rest.columns import first_of, kind, off_scale, words
from ..rest.feed import Feed, fetch, page
from ..rest.line import Line, bearer
from ..rest.paging import Numbered, at
from ..rest.shaped import Shaped
from ..rest.since import filled
from ..secrets import Secret

SURVEYS, RESPONSES = 1000, 100
#: What is left of the day's calls.
LEFT = "X-Ratelimit-App-Global-Day-Remaining"
HOSTS: Mapping[str, str] = {"us": "api.surveymonkey.com", "eu": "api.eu.surveymonkey.com"}

COLUMNS: Mapping[str, str] = {
    "id": "id",
    "platform": "'surveymonkey'",
    "survey": "_survey",
    "language": "lower(language)",
    "metric": "metric",
    "scale_min": "low",
    "scale_max": "high",
    "score": "score",
    "comment": "comment",
    "labels": words("labels"),
    "channel": "channel",
    "email": "nullif(email, '')",
    "submitted_at": "date_created",
    "modified_at": "date_modified",
    "partial": "response_status <> 'completed'",
}
ODD: Mapping[str, str] = {
    "preview": "collection_mode like '%preview%'",
    "not_in_target": "response_status in ('overquota', 'disqualified')",
    **off_scale("score", "cast(low as double)", "cast(high as double)"),
}


@dataclass(slots=True)
class Source:
    """Needs the access token of an app (developer.surveymonkey.com → My Apps).

    A question whose choices are the numbers 0 to 10 asks for NPS; `csat` lists ids of questions
    that ask for satisfaction by weights. `surveys` (ids or titles) are those that are read, all
    without it; `transactional` those that follow an event. `account_property` and
    `customer_property` are custom variables of the link.
    """

    token: Secret
    region: Literal["us", "eu"] = "us"
    surveys: tuple[str, ...] = ()
    transactional: tuple[str, ...] = ()
    csat: tuple[str, ...] = ()
    account_property: str = "account_id"
    customer_property: str = "customer_number"
    contact_property: str = "contact_id"
    url: str = ""
    overlap: timedelta = timedelta(days=3)
    name: str = field(default="surveymonkey", init=False)
    streams: tuple[str, ...] = field(default=("responses",), init=False)
    sure: str = field(default="verified", init=False)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        base = self.url or f"https://{HOSTS[self.region]}/v3"
        signer = bearer("SurveyMonkey", self.token, "developer.surveymonkey.com → My Apps")
        self._line = Line(base, signer, name="SurveyMonkey")

    def check(self) -> None:
        self._line.json("surveys", {"per_page": "1"})

    def pull(
        self, stream: str, since: datetime | None, into: Path, progress: Progress | None = None
    ) -> Spool:
        known = progress.recall() if progress else {}
        every, left = self._listed()
        asked = [each for each in every if since is None or _has_news(each, since, known)]
        self._refuse_too_many(asked, left)
        window = filled({"start_modified_at": "{since:iso}"}, {"since": since})
        spool = fetch(self._line, self._feeds(asked, window), stream, into, progress)
        if progress:
            progress.remember({str(each["id"]): each.get("response_count") for each in every})
        return spool

    def ids(
        self, stream: str, since: datetime, into: Path, progress: Progress | None = None
    ) -> Spool:
        every, left = self._listed()
        self._refuse_too_many(every, left)
        window = filled({"start_created_at": "{since:iso}"}, {"since": since})
        return fetch(self._line, self._feeds(every, window), stream, into, progress)

    def calls(self) -> Mapping[str, int]:
        return self._line.calls

    def _listed(self) -> tuple[list[Mapping[str, Any]], int | None]:
        """The surveys that are read, and how many calls are left today."""
        query = {"per_page": str(SURVEYS), "include": "response_count,date_modified,language"}
        listing = Feed({}, "surveys", "data", query, paging=Numbered(total="total"))
        found, left = list[Mapping[str, Any]](), None
        for each in listing.paging.pages(lambda step: page(self._line, listing, step)):
            found += each.records
            said = each.reply.headers.get(LEFT) or ""
            left = int(said) if said.isdecimal() else left
        named = set(self.surveys)
        return [e for e in found if not named or {e.get("id"), e.get("title")} & named], left

    def _refuse_too_many(self, asked: list[Mapping[str, Any]], left: int | None) -> None:
        """A day's calls that do not suffice are known before they are spent."""
        pages = (int(each.get("response_count") or 1) // RESPONSES for each in asked)
        # What changed may be far less than there is: without `since` it is all of it.
        least = 2 * len(asked)
        if left is not None and least > left:
            raise BudgetSpent(
                f"SurveyMonkey: {len(asked)} surveys need {least} to {least + sum(pages)} calls, "
                f"and {left} are left today.",
                hint="Name the surveys that matter in `surveys`; the next day has its own calls.",
            )

    def _feeds(
        self, surveys: Iterable[Mapping[str, Any]], window: Mapping[str, str]
    ) -> Iterator[Feed]:
        query = {
            "per_page": str(RESPONSES),
            "sort_by": "date_modified",
            "sort_order": "ASC",
            **window,
        }
        own = (self.account_property, self.customer_property)
        columns = {
            **COLUMNS,
            "kind": kind(self.transactional, "_survey", "_title"),
            "account_key": first_of("custom_variables", *own),
            "contact_key": first_of("custom_variables", self.contact_property),
        }
        for survey in surveys:
            id = str(survey["id"])
            make = Answers.of(self._line.json(f"surveys/{id}/details"), self.csat)
            if make.scored:
                yield Feed(
                    columns, f"surveys/{id}/responses/bulk", "data",
                    query,
                    paging=Shaped(Numbered(total="total"), make.rows, "total", "id"), odd=ODD,
                    given={"_survey": id, "_title": str(survey.get("title") or "")},
                )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answers:
    """What the answers of one survey mean: question → (metric, choice → number)."""

    scored: Mapping[str, tuple[str, Mapping[str, float]]]
    language: str

    @classmethod
    def of(cls, details: Mapping[str, Any], csat: Iterable[str]) -> Answers:
        """Read a survey's questions."""
        scored = dict[str, tuple[str, Mapping[str, float]]]()
        wanted = set(csat)
        for sheet in details.get("pages") or ():
            for question in sheet.get("questions") or ():
                choices, id = at(question, "answers.choices") or [], str(question.get("id"))
                numbers = _numbers(choices, _by_text)
                if sorted(numbers.values()) == list(range(11)):
                    scored[id] = ("nps", numbers)
                elif id in wanted and (numbers := _numbers(choices, _by_weight)):
                    scored[id] = ("csat", numbers)
        # NPS first: the id of an answer is that of its first row, whatever else is asked.
        scored = dict(sorted(scored.items(), key=lambda each: each[1][0] != "nps"))
        return cls(scored, str(details.get("language") or ""))

    def rows(self, response: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """One row for each answer with a score; a response without any is a row without one."""
        given = {
            str(question.get("id")): question.get("answers") or []
            for sheet in response.get("pages") or ()
            for question in sheet.get("questions") or ()
        }
        row = {
            **{name: response.get(name) for name in KEPT},
            "email": _email(response),
            "channel": at(response, "metadata.collector.type"),
            "language": self.language,
            "comment": _words(given.values()),
            "labels": _labels(given.values()),
        }
        asked = [id for id in self.scored if given.get(id)] or [next(iter(self.scored))]
        for number, id in enumerate(asked):
            metric, numbers = self.scored[id]
            again = {"id": f"{response.get('id')}-{id}", **BARE} if number else {}
            low, high = min(numbers.values()), max(numbers.values())
            yield {
                **row, "metric": metric, "low": low, "high": high,
                "score": _chosen(given.get(id) or [], numbers), **again,
            }  # fmt: skip


#: What was said stands with the first row of an answer alone.
BARE = {"comment": None, "labels": None}
KEPT = (
    "id",
    "date_created",
    "date_modified",
    "response_status",
    "collection_mode",
    "custom_variables",
)


def _numbers(
    choices: Iterable[Mapping[str, Any]], number: Callable[[Mapping[str, Any]], float | None]
) -> dict[str, float]:
    """Choice → what it counts; choices that count nothing are left out."""
    found = {str(each.get("id")): number(each) for each in choices}
    return {id: value for id, value in found.items() if value is not None}


def _by_text(choice: Mapping[str, Any]) -> float | None:
    """The number that a choice begins with: `0 - Not at all likely`.

    The weights of an NPS question may be those of its three groups, not the numbers.
    """
    found = re.match(r"\s*(\d+)\b", str(choice.get("text") or ""))
    return float(found[1]) if found else None


def _by_weight(choice: Mapping[str, Any]) -> float | None:
    weight = choice.get("weight")
    return float(weight) if isinstance(weight, int | float) and not choice.get("is_na") else None


def _chosen(answers: Iterable[Mapping[str, Any]], numbers: Mapping[str, float]) -> float | None:
    found = (numbers.get(str(each.get("choice_id"))) for each in answers)
    return next((number for number in found if number is not None), None)


def _email(response: Mapping[str, Any]) -> str | None:
    """The address of a contact, which may be told as it is or with its type."""
    told = at(response, "metadata.contact.email")
    told = told.get("value") if isinstance(told, dict) else told
    return str(told or response.get("email_address") or "") or None


def _words(given: Iterable[Iterable[Mapping[str, Any]]]) -> str | None:
    """The first words that were written; those beside a score count too."""
    texts = (each.get("text") for answers in given for each in answers)
    return next((text for text in texts if isinstance(text, str) and text), None)


def _labels(given: Iterable[Iterable[Mapping[str, Any]]]) -> list[str]:
    """The tags that people put to words, or that were found in them; each once."""
    tags = (tag for answers in given for each in answers for tag in each.get("tag_data") or ())
    names = (tag.get("label") or tag.get("tag") if isinstance(tag, dict) else tag for tag in tags)
    return list(dict.fromkeys(str(name) for name in names if name))


def _has_news(survey: Mapping[str, Any], since: datetime, known: Mapping[str, Any]) -> bool:
    """Whether it has changed, or has another number of answers than the last time."""
    id, counted = str(survey["id"]), survey.get("response_count")
    if id not in known or counted is None or counted != known[id]:
        return True
    said = str(survey.get("date_modified") or "")
    try:
        at_ = datetime.fromisoformat(said)
    except ValueError:
        return True
    return (at_ if at_.tzinfo else at_.replace(tzinfo=UTC)) >= since
