"""Webhooks: what platforms send by themselves, received by `connector webhooks serve`.

A body is a hint. Where the platform is a source of its own, the record that the hint names is asked
for there, or that source is read from the moment on that it tells; what else the body says is not
used. Where it is none, the body is the record.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import orjson

from ..errors import ConnectorError
from ..protocols import Hint, Progress, Spool
from ..records import STREAMS
from ..rest.feed import Feed, lines, read
from ..rest.inbox import Body, Inbox
from ..rest.paging import at as inside
from ..rest.signatures import KNOWN, Sent, Signature, told_moment
from ..secrets import Secret

#: The rule under which a body is listed that is neither JSON nor a form.
UNREADABLE = "unreadable"


@dataclass(slots=True)
class Source:
    """A hook: `at` names it in the address that the platform calls, `/hooks/<at>`.

    `platform` tells how it signs; `signature` says so for any other. With `hints` the events lead
    to the source of that name; else `stream` and `columns` say what a body becomes, as in a `rest`
    source, with `received_at` besides its own fields. `event` is where a body has the id of its
    event, `moment` where it says when its record was made, `records` where its records stand;
    `record` and `within` are where it has the ids of a record and of the survey it is in.
    """

    at: str
    secret: Secret
    platform: str = ""
    signature: Signature | None = None
    hints: str = ""
    stream: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    odd: Mapping[str, str] = field(default_factory=dict)
    records: str = ""
    event: str = ""
    moment: str = ""
    record: str = ""
    within: str = ""
    old_secret: Secret | None = None
    inbox: Path = Path("data/inbox")
    name: str = field(default="webhook", init=False)
    sure: str = field(default="partly", init=False)
    overlap: timedelta = field(default=timedelta(0), init=False)
    also: ClassVar[tuple[str, ...]] = ("modified_at", "deleted")
    _looked: list[str] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.at.replace("-", "").replace("_", "").isalnum():
            raise ValueError(f"at = {self.at!r}: use letters, digits, - and _")
        if not self.signature and self.platform not in KNOWN:
            raise ValueError(f"say how it signs: platform = one of {', '.join(KNOWN)}, or a "
                             "table `signature`")  # fmt: skip
        if bool(self.hints) == bool(self.columns):
            raise ValueError("write either `hints`, or `stream` and `columns`")
        if self.columns and self.stream not in STREAMS:
            raise ValueError(f"stream = {self.stream!r}: one of {', '.join(STREAMS)}")
        if self.columns:
            STREAMS[self.stream].check(self.columns)

    @property
    def streams(self) -> tuple[str, ...]:
        return (self.stream,) if self.columns else ()

    def accepts(self, sent: Sent, now: datetime) -> bool:
        """Whether a request is signed by who knows the secret, or the one before it."""
        signature = self.signature or KNOWN[self.platform].signature
        secrets = [each.reveal() for each in (self.secret, self.old_secret) if each]
        return any(signature.accepts(sent, each, now) for each in secrets if each)

    def keep(self, sent: Sent) -> bool:
        """Put an accepted body into the inbox; False when its event is known already."""
        return self._box.keep(self._name_of(sent.body), sent.body)

    def look(self) -> None:
        """Take what has come by now as what this run is about."""
        self._looked = self._box.waiting()

    def hinted(self) -> list[Hint]:
        """What the events that have come were about."""
        return [self._about(body) for body in self._bodies()]

    def settle(self) -> None:
        """Forget all of what this run was about: its records are stored."""
        if self._looked:
            self._box.settle(self._looked, datetime.now(UTC))
        self._looked = []

    def check(self) -> None:
        """The inbox is, or can become, a folder."""
        if self.inbox.exists() and not self.inbox.is_dir():
            raise ConnectorError(
                f"{self.inbox} is no folder.", hint="Set `inbox` of this hook to a folder."
            )

    def pull(
        self,
        stream: str,
        since: datetime | None,  # noqa: ARG002 (what has come is read whole)
        into: Path,
        progress: Progress | None = None,
    ) -> Spool:
        into.mkdir(parents=True, exist_ok=True)
        rows, file = 0, into / "00000.ndjson"
        with file.open("wb") as out:
            for body in self._bodies():
                if progress:
                    progress.pause(0)
                made = list(self._records(body))
                out.writelines(lines(made, {"received_at": body.received.isoformat()}, self.at))
                rows += len(made)
        odd = {UNREADABLE: f"{UNREADABLE} is not null", **self.odd}
        feed = Feed({"modified_at": "received_at", **self.columns}, "", odd=odd)
        return Spool(read([file], stream, feed) if rows else "", rows)

    def calls(self) -> Mapping[str, int]:
        return {}

    @property
    def _box(self) -> Inbox:
        return Inbox(self.inbox / self.at)

    def _name_of(self, body: bytes) -> str:
        """The same for the same event; without an id of an event, for the same body."""
        told = self._told(_decoded(body), "event")
        said = str(told).encode() if isinstance(told, str | int) and told != "" else body
        return hashlib.sha256(self.at.encode() + b"\0" + said).hexdigest()

    def _bodies(self) -> Iterator[Body]:
        return (self._box.read(name) for name in self._looked)

    def _about(self, body: Body) -> Hint:
        """What a body is about. If it does not say when that was made, it is when the body came."""
        decoded = _decoded(body.content)
        record, within = (_id(self._told(decoded, name)) for name in ("record", "within"))
        at = told_moment(self._told(decoded, "moment")) or body.received
        return Hint(record, within, min(at, body.received))

    def _told(self, decoded: Any, name: str) -> Any:
        """What a body says where the configuration, or what is known of the platform, looks."""
        path = getattr(self, name) or getattr(KNOWN.get(self.platform), name, "")
        return inside(decoded, path) if path else None

    def _records(self, body: Body) -> Iterator[dict[str, Any]]:
        decoded = _decoded(body.content)
        found = inside(decoded, self.records) if self.records else decoded
        for each in found if isinstance(found, list) else [found]:
            yield each if isinstance(each, dict) else {UNREADABLE: body.name}


def _id(told: Any) -> str:
    """An id that may stand in an address; "" for anything else."""
    text = str(told) if isinstance(told, str | int) else ""
    return text if re.fullmatch(r"[A-Za-z0-9_-]{1,100}", text) else ""


def _decoded(body: bytes) -> Any:
    """A body as JSON or as a form; None when it is neither."""
    if body.lstrip()[:1] in {b"{", b"["}:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            return None
    try:
        return dict(parse_qsl(body.decode(), strict_parsing=True)) or None
    except ValueError:  # a UnicodeDecodeError is one, too
        return None
