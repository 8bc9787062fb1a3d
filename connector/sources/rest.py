"""Any REST API, by configuration alone: where records are, how pages go on, what they become."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from ..protocols import Progress, Spool
from ..records import STREAMS
from ..rest import feed as feeds
from ..rest import since as moments
from ..rest.feed import Feed
from ..rest.line import Basic, ClientCredentials, Line, Signed, Signer
from ..rest.paging import Cursor, Link, Numbered, Offset, Paging, Single, at
from ..secrets import Secret
from ..spans import span


@dataclass(frozen=True, slots=True)
class Bearer:
    """A secret in `Authorization`; `how` is the template of the value."""

    secret: Secret
    kind: Literal["bearer"] = "bearer"
    how: str = "Bearer {}"

    def signer(self, name: str, url: str) -> Signer:  # noqa: ARG002 (a way in's shape)
        return Signed(name, self.secret, self.how)


@dataclass(frozen=True, slots=True)
class ByBasic:
    """HTTP Basic; with `secret_first` the secret is the user name, as with many API keys."""

    secret: Secret
    kind: Literal["basic"] = "basic"
    user: str = ""
    secret_first: bool = False

    def signer(self, name: str, url: str) -> Signer:  # noqa: ARG002
        return Basic(name, self.secret, self.user, self.secret_first)


@dataclass(frozen=True, slots=True)
class Named:
    """A secret in a header of its own, or in the query of the address."""

    secret: Secret
    name: str
    kind: Literal["header", "query"]

    def signer(self, name: str, url: str) -> Signer:  # noqa: ARG002
        return Signed(name, self.secret, "{}", self.name, in_query=self.kind == "query")


@dataclass(frozen=True, slots=True)
class ByClient:
    """OAuth client credentials; `token_host` where tokens do not come from the API's own host."""

    client_id: str
    client_secret: Secret
    token_path: str
    kind: Literal["client_credentials"]
    token_host: str = ""
    form: dict[str, str] = field(default_factory=dict)
    basic: bool = False

    def signer(self, name: str, url: str) -> Signer:
        return ClientCredentials(
            name,
            self.token_host or url,
            self.token_path,
            self.client_id,
            self.client_secret,
            self.form,
            self.basic,
        )


#: Without these a kind of paging cannot go on.
NEEDED: Mapping[str, tuple[str, ...]] = {"cursor": ("param", "at"), "offset": ("size",)}


@dataclass(frozen=True, slots=True)
class Pages:
    """How the list goes on: `kind` and what that kind needs, as `connector.rest.paging` has it."""

    kind: Literal["single", "number", "offset", "cursor", "link"] = "single"
    param: str = ""
    first: int = 1
    size: int = 100
    at: str = ""
    more: str = ""
    total: str = ""
    last: str = ""
    short: int = 0
    path: str = ""
    until_empty: bool = False
    in_body: bool = False
    relative_to: str = ""

    def __post_init__(self) -> None:
        lacking = [name for name in NEEDED.get(self.kind, ()) if not getattr(self, name)]
        if lacking:
            raise ValueError(f"paging by {self.kind} needs {' and '.join(lacking)}")

    def made(self) -> Paging:
        """The way of going on."""
        match self.kind:
            case "number":
                return Numbered(
                    self.param or "page", self.first, self.total, self.last, self.short, self.path
                )
            case "offset":
                return Offset(self.size, self.param or "offset")
            case "cursor":
                return Cursor(self.param, self.at, self.more, self.until_empty, self.in_body)
            case "link":
                return Link(self.at, self.relative_to, self.more)
        return Single()


@dataclass(frozen=True, slots=True)
class Each:
    """A list to go through first: for each of its records `path` of the source is asked.

    `{id}` in that path stands for the field `id` of the record; `given` is what goes along from it
    to the records, as `survey = "public_hash_id"`.
    """

    path: str
    id: str = "id"
    records: str = ""
    query: dict[str, str] = field(default_factory=dict)
    paging: Pages = field(default_factory=Pages)
    given: dict[str, str] = field(default_factory=dict)


def _is_span(text: str) -> str:
    span(text)
    return text


def _asks_for_moments(query: dict[str, str]) -> dict[str, str]:
    for name, value in query.items():
        for which, form in moments.marks(value):
            if which != "since" or form not in moments.FORMS:
                known = ", ".join(f"{{since:{each}}}" for each in moments.FORMS)
                raise ValueError(f"{name} asks for {{{which}:{form}}}; known are {known}")
    return query


#: What goes into the address behind its question mark.
Query = Annotated[dict[str, str], AfterValidator(_asks_for_moments)]


@dataclass(slots=True)
class Source:
    """A REST API whose records feed one stream.

    `columns` says what each column of the stream is, as SQL over the fields of a record, named by
    their path (`person.email`), all of them texts; `modified_at` and `deleted` may be told, too.
    `odd` names rules under which records are listed and left out. Queries may ask for
    `{since:iso}` (or date, unix, ms, micro); what asks for it is left out of a first pull.

    `listed` says how everything since a moment is listed, by when it was made, so that what was
    deleted is found: the query with these keys in place of its own, "" to leave one out.
    """

    url: str
    auth: Annotated[Bearer | ByBasic | Named | ByClient, Field(discriminator="kind")]
    stream: Literal["responses", "invitations", "tickets", "signals", "activities"]
    path: str
    columns: Mapping[str, str]
    records: str = ""
    total: str = ""
    query: Query = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    method: Literal["GET", "POST"] = "GET"
    body: dict[str, Any] = field(default_factory=dict)
    paging: Pages = field(default_factory=Pages)
    each: Each | None = None
    odd: Mapping[str, str] = field(default_factory=dict)
    listed: Query | None = None
    again: Annotated[str, AfterValidator(_is_span)] = "3d"
    label: str = "The REST source"
    name: str = field(default="rest", init=False)
    sure: str = field(default="verified", init=False)
    also: ClassVar[tuple[str, ...]] = ("modified_at", "deleted")
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if ("{id}" in self.path) != (self.each is not None):
            raise ValueError("{id} in `path` and a table `each`, which tells the ids, go together")
        STREAMS[self.stream].check(self.columns)
        signer = self.auth.signer(self.label, self.url)
        self._line = Line(self.url, signer, name=self.label, headers=self.headers)

    @property
    def streams(self) -> tuple[str, ...]:
        return (self.stream,)

    @property
    def overlap(self) -> timedelta:
        """How far behind its watermark a pull begins again: `again`."""
        return span(self.again)

    def check(self) -> str | None:
        """Read one page, and say which columns come of it."""
        from ..rest.sample import look

        feed = next(self._feeds(self.query, None), None)
        return look(self._line, feed, self.stream) if feed else None

    def pull(
        self, stream: str, since: datetime | None, into: Path, progress: Progress | None = None
    ) -> Spool:
        return feeds.fetch(self._line, self._feeds(self.query, since), stream, into, progress)

    @property
    def ids(self) -> Callable[..., Spool] | None:
        """What lists the records that are still there; None where nothing says how."""
        return None if self.listed is None else self._listing

    def _listing(
        self, stream: str, since: datetime, into: Path, progress: Progress | None = None
    ) -> Spool:
        own = {**self.query, **(self.listed or {})}
        query = {name: value for name, value in own.items() if value}
        return feeds.fetch(self._line, self._feeds(query, since), stream, into, progress)

    def calls(self) -> Mapping[str, int]:
        return self._line.calls

    def _feeds(self, query: Mapping[str, str], since: datetime | None) -> Iterator[Feed]:
        """One feed, or one for each record of the list that is gone through first."""
        query = moments.filled(query, {"since": since})
        if self.each is None:
            yield self._feed(query, self.path, {})
            return
        listing = Feed({}, self.each.path, self.each.records, self.each.query,
                       paging=self.each.paging.made())  # fmt: skip
        for record in feeds.records(self._line, listing):
            given = {name: str(at(record, path)) for name, path in self.each.given.items()}
            path = self.path.replace("{id}", str(at(record, self.each.id)))
            yield self._feed(query, path, given)

    def _feed(self, query: Mapping[str, str], path: str, given: Mapping[str, str]) -> Feed:
        return Feed(
            self.columns,
            path,
            self.records,
            query,
            self.method,
            self.body,
            self.paging.made(),
            self.total,
            self.odd,
            given,
        )
