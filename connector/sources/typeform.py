"""Typeform: answers of every form with an NPS question, newest first, a page behind the last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from ..errors import Malformed
from ..protocols import Hint, Progress, Singles, Spool
from ..rest.columns import first_of, kind, off_scale
from ..rest.feed import Feed, fetch, records
from ..rest.line import Line, bearer
from ..rest.paging import Cursor, Numbered
from ..rest.since import filled
from ..rest.singles import by_place
from ..secrets import Secret

PER_PAGE = 1000
FORMS = 200


def _place(type: str) -> str:
    return f"list_position(json_extract_string(answers, '$[*].field.type'), '{type}')"


def _of(value: str, *types: str) -> str:
    """What was answered to the first question of one of these types, in their order."""
    places = ", ".join(map(_place, types))
    return f"json_extract_string(answers, '$[' || (coalesce({places}) - 1) || '].{value}')"


COLUMNS: Mapping[str, str] = {
    "id": "response_id",
    "platform": "'typeform'",
    "survey": "form",
    "metric": "'nps'",
    "scale_min": "0",
    "scale_max": "10",
    "comment": _of("text", "long_text", "short_text"),
    "contact_key": "hidden.contact_id",
    "company": "hidden.company",
    "email": f"coalesce(hidden.email, {_of('email', 'email')})",
    "submitted_at": "coalesce(submitted_at, landed_at)",
    "modified_at": "coalesce(submitted_at, landed_at)",
    "partial": "coalesce(response_type = 'partial', submitted_at is null)",
}
#: A scale of which nobody has said how long it is.
UNNAMED = f"{_place('nps')} is null and {_place('opinion_scale')} is not null"


@dataclass(slots=True)
class Source:
    """Needs a personal token with `forms:read` and `responses:read` (Account → Personal tokens).

    `forms` lists the ids of the forms to read; without it every form is read. The score is the
    answer to the first NPS question; with `opinion_scale`, which says that opinion scales run from
    0 to 10 and ask the same, else to the first of those. Hidden fields carry who answered:
    `contact_id`, `email`, `company`, and the account under one of two names.
    """

    token: Secret
    url: str = "https://api.typeform.com"
    forms: tuple[str, ...] = ()
    account_field: str = "account_id"
    customer_field: str = "customer_number"
    transactional: tuple[str, ...] = ()
    opinion_scale: bool = False
    overlap: timedelta = timedelta(days=35)
    name: str = field(default="typeform", init=False)
    streams: tuple[str, ...] = field(default=("responses",), init=False)
    sure: str = field(default="verified", init=False)
    by_id: ClassVar[tuple[str, ...]] = ("responses",)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        signer = bearer("Typeform", self.token, "Account → Personal tokens")
        self._line = Line(self.url, signer, name="Typeform")

    def check(self) -> None:
        self._line.json("forms", {"page": "1", "page_size": "1"})

    def pull(
        self, stream: str, since: datetime | None, into: Path, progress: Progress | None = None
    ) -> Spool:
        return fetch(self._line, self._feeds(since), stream, into, progress)

    def ids(
        self, stream: str, since: datetime, into: Path, progress: Progress | None = None
    ) -> Spool:
        return self.pull(stream, since, into, progress)

    def singles(
        self, stream: str, hints: Sequence[Hint], into: Path, progress: Progress | None = None
    ) -> Singles:
        """Some answers by their ids. Of one that is gone Typeform says nothing at all."""
        feeds = self._feeds(None, by_place(hints))
        return Singles(fetch(self._line, feeds, stream, into, progress))

    def calls(self) -> Mapping[str, int]:
        return self._line.calls

    def _feeds(
        self, since: datetime | None, asked_for: Mapping[str, Sequence[str]] | None = None
    ) -> Iterator[Feed]:
        """One for each form; with ids by form only these answers."""
        asked = {
            "page_size": str(PER_PAGE),
            "response_type": "completed,partial",
            "since": "{since:unix}",
        }
        keys = (self.account_field, self.customer_field)
        score = _of("number", "nps", *(["opinion_scale"] if self.opinion_scale else []))
        unnamed = {} if self.opinion_scale else {"opinion_scale": UNNAMED}
        columns = {
            **COLUMNS,
            "score": score,
            "kind": kind(self.transactional, "form", "form_title"),
            "account_key": first_of("hidden", *keys),
        }
        for id, title in self._forms():
            if asked_for is not None and id not in asked_for:
                continue
            named = {"included_response_ids": ",".join(asked_for[id])} if asked_for else {}
            yield Feed(
                columns,
                path=f"forms/{id}/responses",
                records="items",
                query={**filled(asked, {"since": since}), **named},
                paging=Cursor("before", "items.-1.token"),
                total="" if asked_for else "total_items",
                odd={"no_score_asked": "answers is null", **unnamed, **off_scale(score)},
                given={"form": id, "form_title": title},
            )

    def _forms(self) -> Iterator[tuple[str, str]]:
        if self.forms:
            yield from ((id, "") for id in self.forms)
            return
        paging = Numbered(total="total_items")
        every = Feed({}, "forms", "items", {"page_size": str(FORMS)}, paging=paging)
        for form in records(self._line, every):
            if not isinstance(form, dict) or not form.get("id"):
                raise Malformed("Typeform listed a form without id.", hint="Run again.")
            yield str(form["id"]), str(form.get("title") or "")
