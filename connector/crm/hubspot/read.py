"""Reading records: everything by list, changes by search, and what belongs to what.

List gives records by id, a hundred at a time, without a limit. Search gives what has changed, two
hundred at a time and ten thousand in all; it may be late and out of order, so the next pull begins
some time before the end of this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import orjson

from ...errors import Malformed, RemoteError
from .catalogue import Parts
from .client import Client
from .pages import Page, page_of

LIST, SEARCH, BATCH, HISTORY, LINKS = 100, 200, 100, 50, 1000
#: Search gives no more of one query than this.
WALL = 10_000
#: Longer addresses are refused somewhere on the way; then properties go in the body of a POST.
LONGEST_ADDRESS = 7_500
#: A search may have 3,000 characters: the names of properties, and what is looked for.
LONGEST_SEARCH = 2_500
#: How often a search is begun again that others' edits have disturbed.
LOOKS = 5
SECOND = 1000
AGAIN = "Run again; what was read so far is kept, and the watermark has not moved."
#: A search from the very beginning of time is answered with an error.
FIRST_MOMENT = 1_000
#: A record begins with its id; what it belongs to has a type behind its id.
_ID = re.compile(rb'\{"id":"(\d+)","properties"')

Query = dict[str, str]


def is_long(parts: Parts) -> bool:
    """Whether so many properties do not fit into an address."""
    return sum(len(quote_plus(name)) + 3 for name in parts.properties) > LONGEST_ADDRESS


def is_too_long(parts: Parts) -> bool:
    """Whether so many properties do not fit into a search."""
    return sum(len(name) + 3 for name in parts.properties) > LONGEST_SEARCH


def listed(
    client: Client, kind: str, parts: Parts, *, after: str = "", archived: bool = False
) -> Iterator[Page]:
    """Every record of a kind, page by page in the order of their ids, behind `after`."""
    size = HISTORY if parts.dated else LIST
    query: Query = {"limit": str(size), "archived": str(archived).lower()}
    if not is_long(parts):
        query |= {"properties": ",".join(parts.properties)}
    if parts.belongs:
        query |= {"associations": ",".join(parts.belongs)}
    if parts.dated:
        query |= {"propertiesWithHistory": ",".join(parts.dated)}
    path, doing, seen = client.paths.objects(kind), f"to read {kind}", set[str]()
    while True:
        asked = {**query, "after": after} if after else query
        page = page_of(client.raw("GET", path, doing, query=asked).content)
        yield page
        after = page.next
        if not after:
            return
        if after in seen:
            raise Malformed(f"HubSpot repeats a page while reading {kind}.", hint=AGAIN)
        seen.add(after)


def owners(client: Client) -> Iterator[Page]:
    """Every owner, those who have left included."""
    path, doing = client.paths.crm("owners"), "to read owners"
    for archived in ("false", "true"):
        after, seen = "", set[str]()
        while True:
            query = {"limit": str(LIST), "archived": archived} | ({"after": after} if after else {})
            page = page_of(client.raw("GET", path, doing, query=query).content)
            yield page
            after = page.next
            if not after:
                break
            if after in seen:
                raise Malformed("HubSpot repeats a page while reading owners.", hint=AGAIN)
            seen.add(after)


def by_id(client: Client, kind: str, ids: Sequence[str], parts: Parts) -> Iterator[Page]:
    """The records with these ids; those that are gone are left out."""
    size = HISTORY if parts.dated else BATCH
    path, doing = client.paths.objects(kind, "batch", "read"), f"to read {kind} by id"
    for start in range(0, len(ids), size):
        body: dict[str, Any] = {
            "properties": list(parts.properties),
            "inputs": [{"id": id} for id in ids[start : start + size]],
        }
        if parts.dated:
            body["propertiesWithHistory"] = list(parts.dated)
        answer = client.raw("POST", path, doing, body=orjson.dumps(body), safe=True)
        yield _results_of(answer.content)


def ids_of(page: Page) -> list[str]:
    """The ids of the records of a page."""
    return [each["id"] for each in orjson.loads(b"[" + page.records + b"]")] if page.rows else []


def ids_in(records: bytes) -> list[str]:
    """The ids of records on disk."""
    return [id.decode() for id in _ID.findall(records)]


# ── changes ───────────────────────────────────────────────────────────────────────────────────


def count(
    client: Client, kind: str, modified: str, since: datetime | None, until: datetime | None = None
) -> int:
    """How many records of a kind there are, or have changed within these moments."""
    filters = _window(modified, since, until)
    return _total(client, kind, filters)


def _total(client: Client, kind: str, filters: Sequence[Mapping[str, str]]) -> int:
    body = {"filterGroups": [{"filters": filters}] if filters else [], "limit": 1, "properties": []}
    page = _search(client, kind, body)
    if page.total is None:
        raise Malformed(f"HubSpot did not say how many {kind} a search finds.", hint=AGAIN)
    return page.total


def changed(
    client: Client, kind: str, parts: Parts, modified: str, since: datetime
) -> Iterator[Page]:
    """What has changed since a moment, oldest first. A page without records is a count.

    Behind the wall the search begins anew with the last moment but one that was seen, for the last
    may be incomplete and results out of order; where one moment has more records than the wall lets
    through, those are read by id. So a record may come twice.
    """
    begin, now = max(_ms(since), FIRST_MOMENT), _ms(client.now) - SECOND
    while True:
        window = _Window(client, kind, parts, modified, begin)
        yield from window.read(now)
        if not window.full:
            return
        *before, last = sorted(window.moments)
        if before and before[-1] > begin:  # results are a little out of order
            begin = before[-1]
            continue
        # One moment, or the first and one more, fill everything that a search gives.
        yield from _of_one_moment(client, kind, parts, modified, before[-1] if before else last)
        begin = last if before else last + 1


@dataclass(slots=True)
class _Window:
    """Everything that one search gives from a moment on: up to ten thousand records.

    Its pages are places in a list that goes on changing: a record that is edited meanwhile moves to
    the end, and the one behind it slips back onto a page that was read. So what there is of the
    time before is counted at the end, and if that is more than came, all is asked for again.
    """

    client: Client
    kind: str
    parts: Parts
    modified: str
    begin: int
    full: bool = False
    _seen: dict[str, int] = field(default_factory=dict)

    @property
    def moments(self) -> set[int]:
        """When its records were changed; what lies before is there by a mistake of the index."""
        found = {at for at in self._seen.values() if at >= self.begin}
        if not found:
            raise Malformed(
                f"A search for changes of {self.kind} brings only records from before.", hint=AGAIN
            )
        return found

    def read(self, now: int) -> Iterator[Page]:
        """Its pages; what was changed after `now` the next pull reads again.

        If asking again brings nothing new, then a count and the results are not of one mind.
        """
        known = -1
        for _ in range(LOOKS):
            pages = 0
            for page in _pages(self.client, self.kind, self.parts, self.modified, self.begin):
                yield page
                pages += 1
                self._seen |= _moments(page, self.modified)
                self.full = page.next == WALLED
            if pages < 2 or len(self._seen) == known or self._is_complete(now):
                return
            known = len(self._seen)
            yield Page(b"", 0, "")
        raise Malformed(
            f"{self.kind} change faster than a search can tell of them.",
            hint="Run again at a quieter time; the watermark has not moved.",
        )

    def _is_complete(self, now: int) -> bool:
        until = min(now, max(self._seen.values(), default=now) - 1) if self.full else now
        if until < self.begin:  # all of one moment, which is read by id
            return True
        had = sum(at <= until for at in self._seen.values())
        end = {"propertyName": self.modified, "operator": "LTE", "value": str(until)}
        return had >= _total(self.client, self.kind, [_at_least(self.modified, self.begin), end])


#: What stands for the next page where the wall is.
WALLED = "wall"


def _pages(client: Client, kind: str, parts: Parts, modified: str, begin: int) -> Iterator[Page]:
    """One search, page by page, up to the wall."""
    body: dict[str, Any] = {
        "filterGroups": [{"filters": [_at_least(modified, begin)]}],
        "sorts": [{"propertyName": modified, "direction": "ASCENDING"}],
        "properties": [] if is_too_long(parts) else _asked(parts, modified),
        "limit": SEARCH,
    }
    offset = 0
    while True:
        page = _search(client, kind, {**body, "after": str(offset)} if offset else body)
        more = page.next
        if more and not (more.isdigit() and int(more) > offset):
            raise Malformed(f"HubSpot repeats a page while searching {kind}.", hint=AGAIN)
        if more and int(more) + SEARCH > WALL:
            yield Page(page.records, page.rows, WALLED, page.total, page.merged, page.cut)
            return
        yield page
        if not more:
            return
        offset = int(more)


def _of_one_moment(
    client: Client, kind: str, parts: Parts, modified: str, moment: int
) -> Iterator[Page]:
    """All records that were changed in one millisecond, in the order of their ids."""
    last = 0
    while True:
        filters = [
            {"propertyName": modified, "operator": "EQ", "value": str(moment)},
            {"propertyName": "hs_object_id", "operator": "GT", "value": str(last)},
        ]
        page = _search(
            client,
            kind,
            {
                "filterGroups": [{"filters": filters}],
                "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
                "properties": [] if is_too_long(parts) else _asked(parts, modified),
                "limit": SEARCH,
            },
        )
        if not page.rows:
            return
        yield page
        if not page.next:
            return
        reached = max(map(int, ids_of(page)))
        if reached <= last:
            raise Malformed(f"HubSpot repeats records while searching {kind}.", hint=AGAIN)
        last = reached


def _search(client: Client, kind: str, body: Mapping[str, Any]) -> Page:
    path, doing = client.paths.objects(kind, "search"), f"to look for changes of {kind}"
    return page_of(client.raw("POST", path, doing, body=orjson.dumps(body), safe=True).content)


def _asked(parts: Parts, modified: str) -> list[str]:
    return list(dict.fromkeys([*parts.properties, modified]))


def _window(modified: str, since: datetime | None, until: datetime | None) -> list[dict[str, str]]:
    filters = []
    if since is not None:
        filters.append(_at_least(modified, max(_ms(since), FIRST_MOMENT)))
    if until is not None:
        filters.append({"propertyName": modified, "operator": "LTE", "value": str(_ms(until))})
    return filters


def _at_least(modified: str, moment: int) -> dict[str, str]:
    return {"propertyName": modified, "operator": "GTE", "value": str(moment)}


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _moments(page: Page, modified: str) -> dict[str, int]:
    """Id → when the record was changed, in milliseconds."""
    found = {}
    for record in orjson.loads(b"[" + page.records + b"]"):
        told = record["properties"].get(modified) or record["updatedAt"]
        moment = datetime.fromisoformat(told.replace("Z", "+00:00")).astimezone(UTC)
        found[record["id"]] = _ms(moment)
    return found


# ── what belongs to what ──────────────────────────────────────────────────────────────────────


def links(client: Client, kind: str, to: str, ids: Sequence[str]) -> Iterator[bytes]:
    """What records belong to, as the inside of JSON arrays; a thousand records a call.

    A record that belongs to more than one answer holds is asked for again, behind the last.
    """
    waiting: list[dict[str, str]] = [{"id": id} for id in ids]
    while waiting:
        batch, waiting = waiting[:LINKS], waiting[LINKS:]
        results = _links(client, kind, to, batch)
        waiting += [
            {"id": each["from"]["id"], "after": str(each["paging"]["next"]["after"])}
            for each in results
            if (each.get("paging") or {}).get("next")
        ]
        if results:
            yield orjson.dumps(results)[1:-1]


def _links(
    client: Client, kind: str, to: str, inputs: Sequence[Mapping[str, str]]
) -> list[Mapping[str, Any]]:
    """One call; where so many at once are too many they are halved."""
    path, doing = client.paths.associations(kind, to), f"to look up the {to} of {kind}"
    try:
        body = client.json("POST", path, doing, body={"inputs": list(inputs)}, safe=True)
    except RemoteError as error:
        if error.status != 400 or len(inputs) == 1:
            raise
        middle = len(inputs) // 2
        return [
            *_links(client, kind, to, inputs[:middle]),
            *_links(client, kind, to, inputs[middle:]),
        ]
    found: list[Mapping[str, Any]] = body.get("results") or []
    return found


def _results_of(body: bytes) -> Page:
    """The records of a batch; errors about records that are gone stand beside them."""
    try:
        results = orjson.loads(body)["results"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise Malformed(
            "HubSpot sent a batch of records that is cut or not JSON.", hint=AGAIN
        ) from error
    records = orjson.dumps(results)[1:-1]
    return Page(records, len(results), "")


def save(folder: Path, name: str, arrays: Iterator[bytes]) -> list[Path]:
    """Put the inside of arrays into files of their own."""
    files = []
    for number, array in enumerate(arrays):
        file = folder / f"{name}-{number:05}.links"
        file.write_bytes(b"[" + array + b"]")
        files.append(file)
    return files
