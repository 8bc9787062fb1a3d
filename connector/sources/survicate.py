"""Survicate: answers of every survey, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..protocols import Progress, Spool
from ..rest.columns import first_of, kind, off_scale
from ..rest.feed import Feed, fetch, records
from ..rest.line import Line, Signed
from ..rest.paging import Link, at
from ..rest.shaped import Shaped
from ..rest.since import filled
from ..secrets import Secret

PER_PAGE = 100
#: Type of a question → what it measures, and its scale.
SCORED: Mapping[str, tuple[str, int, int]] = {
    "nps": ("nps", 0, 10),
    "csat": ("csat", 1, 5),
    "ces": ("ces", 1, 7),
    "rating": ("other", 1, 5),
    "smiley_scale": ("other", 1, 5),
}
COLUMNS: Mapping[str, str] = {
    "id": "id",
    "platform": "'survicate'",
    "survey": "_survey",
    "metric": "metric",
    "scale_min": "low",
    "scale_max": "high",
    "score": "score",
    "comment": "comment",
    "language": "lower(language)",
    "email": "attributes.email",
    "submitted_at": "collected_at",
    "modified_at": "collected_at",
}
ODD = off_scale("score", "cast(low as double)", "cast(high as double)")


@dataclass(slots=True)
class Source:
    """Needs the key of the Data Export API (Settings → API), and a plan that has it.

    `transactional` lists the surveys (ids or names) that follow an event. The attributes of a
    respondent hold the CRM's id of the account (`account_property`), its customer number, and an
    id of the person (`contact_property`).
    """

    token: Secret
    transactional: tuple[str, ...] = ()
    account_property: str = "account_id"
    customer_property: str = "customer_number"
    contact_property: str = "user_id"
    company_property: str = "company"
    url: str = "https://data-api.survicate.com/v2"
    overlap: timedelta = timedelta(days=35)
    name: str = field(default="survicate", init=False)
    streams: tuple[str, ...] = field(default=("responses",), init=False)
    sure: str = field(default="verified", init=False)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # The key goes as it is: what Survicate calls Basic is not base64.
        signer = Signed("Survicate", self.token, "Basic {}", made_at="Settings → API")
        self._line = Line(self.url, signer, name="Survicate")

    def check(self) -> None:
        self._line.json("surveys", {"items_per_page": "1"})

    def pull(
        self, stream: str, since: datetime | None, into: Path, progress: Progress | None = None
    ) -> Spool:
        return fetch(self._line, self._feeds(since), stream, into, progress)

    def ids(
        self, stream: str, since: datetime, into: Path, progress: Progress | None = None
    ) -> Spool:
        return self.pull(stream, since, into, progress)

    def calls(self) -> Mapping[str, int]:
        return self._line.calls

    def _feeds(self, since: datetime | None) -> Iterator[Feed]:
        way = Link("pagination_data.next_url", more="pagination_data.has_more")
        size = {"items_per_page": str(PER_PAGE)}
        columns = {
            **COLUMNS,
            "kind": kind(self.transactional, "_survey", "_title"),
            "account_key": first_of("attributes", self.account_property, self.customer_property),
            "contact_key": first_of("attributes", self.contact_property),
            "company": first_of("attributes", self.company_property),
        }
        # `end` is the early bound: Survicate counts back from now.
        query = filled({**size, "end": "{since:micro}"}, {"since": since})
        wanted = "&".join(f"attributes[]={quote(name)}" for name in self._wanted())
        for survey in records(self._line, Feed({}, "surveys", "data", size, paging=way)):
            id = str(survey["id"])
            given = {"_survey": id, "_title": str(survey.get("name") or "")}
            yield Feed(
                columns, f"surveys/{id}/responses?{wanted}", "data", query,
                paging=Shaped(way, _rows), odd=ODD, given=given,
            )  # fmt: skip

    def _wanted(self) -> Iterable[str]:
        own = (self.account_property, self.customer_property, self.contact_property)
        return dict.fromkeys(name for name in ("email", *own, self.company_property) if name)


def _rows(response: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One row for each answer with a score; a response without any is a row without one."""
    answers = [each for each in response.get("answers") or () if isinstance(each, dict)]
    told = at(response, "respondent.attributes") or ()
    row = {
        "collected_at": response.get("collected_at"),
        "language": response.get("language"),
        "attributes": {str(each.get("name")): each.get("value") for each in told},
        "comment": _comment(answers),
    }
    scored = sorted((e for e in answers if e.get("question_type") in SCORED), key=_nps_first)
    if not scored:
        yield {**row, "id": response.get("uuid"), "metric": "other"}
    for number, answer in enumerate(scored):
        metric, low, high = SCORED[answer["question_type"]]
        again = f"-{answer.get('question_id')}" if number else ""
        score = at(answer, "answer.rating")
        yield {
            **row, "id": f"{response.get('uuid')}{again}", "metric": metric, "low": low,
            "high": high, "score": score, "comment": None if number else row["comment"],
        }  # fmt: skip


def _nps_first(answer: Mapping[str, Any]) -> bool:
    return str(answer["question_type"]) != "nps"


def _comment(answers: Iterable[Mapping[str, Any]]) -> str | None:
    """The words of the first question that asks for some."""
    texts = (at(e, "answer.content") for e in answers if e.get("question_type") == "text")
    return next((text for text in texts if isinstance(text, str) and text), None)
