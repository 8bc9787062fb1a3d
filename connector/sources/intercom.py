"""Intercom: conversations by their last change, how they were rated, and whose they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ..errors import Malformed, RemoteError
from ..http import body_of
from ..protocols import Progress, Spool
from ..rest.columns import each, off_scale
from ..rest.feed import Feed, fetch
from ..rest.known import Known
from ..rest.line import Line, bearer
from ..rest.paging import REPEATED, Ask, Page, Step, at
from ..rest.since import clock
from ..secrets import Secret

PER_PAGE, PER_LOOKUP = 150, 50
#: A search begins anew after so many pages, behind the last second that is complete.
PAGES = 40
VERSION = "2.11"
#: A scroll of somebody else ends when it has not been asked for a minute.
PATIENCE, WAIT = 8, 10.0

COMMON: Mapping[str, str] = {
    "account_key": "who.account",
    "contact_key": "who.contact",
    "company": "who.company",
    "email": "who.email",
    "modified_at": "to_timestamp(cast(updated_at as double))",
}
TICKETS: Mapping[str, str] = {
    **COMMON,
    "id": "id",
    "kind": "'conversation'",
    "priority": "case priority when 'priority' then 'high' else 'medium' end",
    "status": "state",
    "is_closed": "state = 'closed'",
    "satisfaction": "conversation_rating.rating",
    "opened_at": "to_timestamp(cast(created_at as double))",
    # Without statistics the last change is the earliest moment at which it surely was closed.
    "closed_at": "case when state = 'closed' then "
    "to_timestamp(cast(coalesce(statistics.last_close_at, updated_at) as double)) end",
}
RESPONSES: Mapping[str, str] = {
    **COMMON,
    "id": "id",
    "platform": "'intercom'",
    "survey": "'conversation_rating'",
    "kind": "'transactional'",
    "metric": "'csat'",
    "touchpoint": "'support'",
    "channel": "source.type",
    "scale_min": "1",
    "scale_max": "5",
    "score": "conversation_rating.rating",
    "comment": "conversation_rating.remark",
    "labels": each("tags.tags", "name"),
    "submitted_at": "to_timestamp(cast(conversation_rating.created_at as double))",
}
#: In seconds.
TOMORROW = 86_400
ODD = off_scale("conversation_rating.rating", 1, 5)


@dataclass(slots=True)
class Source:
    """An access token of an app of your workspace (Developer Hub → Your apps → Authentication).

    `url` is that of your region. `account_attribute` is the custom attribute of a company that
    holds the CRM's id of the account, where that is not its `company_id`. Conversations that you
    began are no support, and are left out unless `outbound` is true.
    """

    token: Secret
    url: str = "https://api.intercom.io"
    account_attribute: str = ""
    outbound: bool = False
    overlap: timedelta = timedelta(days=3)
    name: str = field(default="intercom", init=False)
    streams: tuple[str, ...] = field(default=("tickets", "responses"), init=False)
    sure: str = field(default="verified", init=False)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        headers = {"Intercom-Version": VERSION}
        signer = bearer("Intercom", self.token, "Developer Hub → Your apps → Authentication")
        self._line = Line(self.url, signer, name="Intercom", headers=headers)

    def check(self) -> None:
        self._line.json("me")

    def pull(
        self, stream: str, since: datetime | None, into: Path, progress: Progress | None = None
    ) -> Spool:
        people = People(self._line, self.account_attribute, progress)
        feed = self._feed(stream, since, people.named)
        return fetch(self._line, [feed], stream, into, progress)

    def ids(
        self, stream: str, since: datetime, into: Path, progress: Progress | None = None
    ) -> Spool:
        # What was begun since then has changed since then, and maybe this second.
        feed = self._feed(stream, since, lambda found: found, TOMORROW)
        return fetch(self._line, [feed], stream, into, progress)

    def calls(self) -> Mapping[str, int]:
        return self._line.calls

    def _feed(
        self,
        stream: str,
        since: datetime | None,
        named: Callable[[Sequence[Any]], Sequence[Any]],
        ahead: int = 0,
    ) -> Feed:
        until = int(clock(self._line, self.check).timestamp()) + ahead
        stepped = Stepped(int(since.timestamp()) if since else 0, until)
        seen = set[tuple[str, int]]()

        def dress(found: Sequence[Any]) -> Sequence[Any]:
            found = [each for each in found if (each["id"], each["updated_at"]) not in seen]
            seen.update((each["id"], each["updated_at"]) for each in found)
            if stream == "responses":
                found = [each for each in found if at(each, "conversation_rating.rating")]
            return named(found)

        return Feed(
            TICKETS if stream == "tickets" else RESPONSES,
            "conversations/search",
            "conversations",
            method="POST",
            paging=stepped,
            odd=self._odd(stream),
            dress=dress,
        )

    def _odd(self, stream: str) -> dict[str, str]:
        if stream == "responses":
            return ODD
        ours = "source.delivered_as in ('admin_initiated', 'automated', 'campaign_initiated')"
        return {} if self.outbound else {"started_by_us": ours}


@dataclass(frozen=True, slots=True)
class Stepped:
    """A search by last change, the oldest first, in steps.

    A cursor stands on quicksand: what changes moves to the end while we read. So a search begins
    anew every so often, with the second in which the last one broke off; and what it said there
    would be has to come.
    """

    start: int
    until: int

    def pages(self, ask: Ask) -> Iterator[Page]:
        start = self.start
        while True:
            last = None
            for page in self._step(ask, start):
                last = page
                yield page
            if last is None or not _next(last):
                return
            reached = int(last.records[-1]["updated_at"])
            if reached <= start:
                raise Malformed(
                    "Intercom has more conversations of one second than a search can hold.",
                    hint="Run again; the watermark has not moved.",
                )
            start = reached

    def _step(self, ask: Ask, start: int) -> Iterator[Page]:
        got, word, most = 0, "", PAGES
        seen = set[str]()
        while most:
            page = ask(Step(body=self._body(start, word)))
            yield page
            got, word = got + len(page.records), _next(page)
            # Even a long search goes on until it has left the second it began with.
            most -= 1 if not page.records or int(page.records[-1]["updated_at"]) > start else 0
            total = at(page.body, "total_count")
            if not word and isinstance(total, int) and got < total:
                raise Malformed(
                    f"Intercom promised {total} conversations and sent {got}.",
                    hint="Run again; the watermark has not moved.",
                )
            if not word:
                return
            if word in seen:
                raise Malformed(REPEATED)
            seen.add(word)

    def _body(self, start: int, word: str) -> dict[str, Any]:
        span = [
            {"field": "updated_at", "operator": ">", "value": start - 1},
            {"field": "updated_at", "operator": "<", "value": self.until},
        ]
        after = {"starting_after": word} if word else {}
        return {
            "query": {"operator": "AND", "value": span},
            "sort": {"field": "updated_at", "order": "ascending"},
            "pagination": {"per_page": PER_PAGE, **after},
        }


def _next(page: Page) -> str:
    return str(at(page.body, "pages.next.starting_after") or "")


@dataclass(slots=True)
class People:
    """Contacts and their companies, and what they say of the account in the CRM."""

    line: Line
    attribute: str
    progress: Progress | None
    contacts: Known = field(init=False)
    companies: dict[str, Mapping[str, Any]] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.contacts = Known(self._contacts, PER_LOOKUP)

    def named(self, found: Sequence[Any]) -> list[Any]:
        """The conversations, each with what is known of who began it."""
        ids = [at(each, "contacts.contacts.0.id") for each in found]
        self.contacts.learn(ids)
        return [
            {**each, "who": self._who(self.contacts.of(id))}
            for each, id in zip(found, ids, strict=True)
        ]

    def _who(self, contact: Mapping[str, Any]) -> dict[str, Any]:
        """Somebody of several companies speaks for none of them; the address has to tell."""
        homes = at(contact, "companies.data") or []
        alone = len(homes) == 1 and not at(contact, "companies.has_more")
        home = self._company(str(homes[0]["id"])) if alone else {}
        return {
            "account": home.get("account"),
            "company": home.get("name"),
            "contact": contact.get("external_id"),
            "email": contact.get("email"),
        }

    def _contacts(self, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        body = {
            "query": {"field": "id", "operator": "IN", "value": list(ids)},
            "pagination": {"per_page": PER_LOOKUP},
        }
        told = self.line.json("contacts/search", method="POST", body=body)
        return {str(each["id"]): each for each in told["data"]}

    def _company(self, id: str) -> Mapping[str, Any]:
        if self.companies is None:
            self.companies = self._scrolled()
        return self.companies.get(id, {})

    def _scrolled(self) -> dict[str, Mapping[str, Any]]:
        """Every company, a hundred at a time."""
        found: dict[str, Mapping[str, Any]] = {}
        told = self._begun()
        while told["data"]:
            page = {str(each["id"]): self._told(each) for each in told["data"]}
            if page.keys() <= found.keys():
                raise Malformed(REPEATED)
            found |= page
            told = self.line.json("companies/scroll", {"scroll_param": str(told["scroll_param"])})
        return found

    def _begun(self) -> Any:
        """A scroll; a workspace has one at a time, so that of somebody else is waited for."""
        for _ in range(PATIENCE):
            answer = self.line.raw("companies/scroll", allowed=frozenset({400}))
            if answer.status_code < 400:
                return body_of(answer, "Intercom")
            if self.progress:
                self.progress.pause(WAIT)
        raise RemoteError(
            "Intercom lets one program at a time read the companies, and another one does.",
            hint="Run again later; the watermark has not moved.",
            status=400,
        )

    def _told(self, company: Mapping[str, Any]) -> Mapping[str, Any]:
        own = (company.get("custom_attributes") or {}).get(self.attribute)
        return {"account": own or company.get("company_id"), "name": company.get("name")}
