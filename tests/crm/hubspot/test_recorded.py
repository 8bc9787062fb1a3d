"""What HubSpot really answered to others, read by our readers as it stands.

Every recording has a reader here, or a reason why we never meet such an answer.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.crm.hubspot import catalogue, definitions, read, relation, segments, write
from connector.crm.hubspot.answers import refused, slow_down
from connector.crm.hubspot.catalogue import Parts
from connector.crm.hubspot.client import DAILY, DAILY_LEFT, Client
from connector.crm.hubspot.pages import Shelf, page_of
from connector.engines.duckdb import DuckDB
from connector.errors import ConnectorError, Throttled
from connector.http import Again
from connector.records import TEXT, Outcome
from connector.rest.pooled import Reply
from tests.conftest import SHARED, Answer, beside

RECORDED = SHARED / "data" / "api_payloads" / "hubspot"
pytestmark = [pytest.mark.shared, beside]


@dataclass(frozen=True)
class Recording:
    """One call as it was made, and the answer to the byte."""

    method: str
    path: str
    sent: Any
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def key(self) -> str:
        """What was asked, without ids, and the status that it was answered with."""
        path = re.sub(r"\d{2,}", "N", self.path)
        return f"{self.method} {path} {self.status}"

    @property
    def told(self) -> Any:
        return orjson.loads(self.body)

    def holding(self, body: Any) -> Recording:
        """The same with another body, for what our readers meet only as a part of a whole."""
        return replace(self, body=orjson.dumps(body))


def recordings() -> list[Recording]:
    """All of them, from every file of the folder."""
    return [
        Recording(
            each["request"]["method"],
            each["request"]["url"].partition(".com/")[2].partition("?")[0],
            each["request"]["body"],
            each["response"]["status"],
            each["response"]["headers"],
            _bytes(each["response"]["body"]),
        )
        for file in sorted(RECORDED.iterdir())
        for each in json.loads(file.read_bytes())["interactions"]
    ]


def _bytes(body: Any) -> bytes:
    if not isinstance(body, str):
        return orjson.dumps(body)
    return base64.b64decode(body) if body.startswith(("eyJ", "W3s")) else body.encode()


@dataclass
class Tools:
    """What readers read with: a client of a server that answers as recorded, an engine, a disk."""

    scripted: Callable[..., Any]
    connected: Callable[[str], Client]
    engine: DuckDB
    folder: Path
    _numbers: count = field(default_factory=count)

    def client(self, found: Sequence[Recording]) -> Client:
        """One that is answered with these, one after the other."""
        script = [Answer(each.status, each.body, dict(each.headers)) for each in found]
        return self.connected(self.scripted(*script).url)

    def place(self) -> Path:
        made = self.folder / f"{next(self._numbers)}"
        made.mkdir()
        return made

    def rows(self, table: str, paths: Sequence[str]) -> list[tuple[Any, ...]]:
        listed = ", ".join(f'"{path}"' for path in paths)
        return self.engine.rows(f"SELECT {listed} FROM {table} ORDER BY ALL")


@pytest.fixture
def tools(scripted, client, engine, tmp_path) -> Tools:
    return Tools(scripted, client, engine, tmp_path)


# ── readers ───────────────────────────────────────────────────────────────────────────────────


def as_pages(found: Sequence[Recording], tools: Tools) -> None:
    """Pages of records: the same records, the same next page, and every value in the table."""
    for each in found:
        page, whole = page_of(each.body), each.told
        records = whole["results"]
        assert orjson.loads(b"[" + page.records + b"]") == records
        assert page.rows == len(records)
        assert page.next == str(((whole.get("paging") or {}).get("next") or {}).get("after") or "")
        assert page.total == whole.get("total")
        assert not page.cut
        assert read.ids_of(page) == [record["id"] for record in records]
        as_table(page.records, records, tools)


def as_table(raw: bytes, records: Sequence[Mapping[str, Any]], tools: Tools) -> None:
    """Records on disk as the table that a pull reads, against what they say."""
    names = list(dict.fromkeys(name for each in records for name in each["properties"]))
    if not names:
        return
    kinds = list(dict.fromkeys(kind for each in records for kind in each.get("associations", ())))
    folder = tools.place()
    shelf = Shelf(folder)
    shelf.add(page_of(b'{"results":[' + raw + b"]}"))
    shelf.close()
    paths = [*names, *(f"{kind}.id" for kind in kinds), "archived"]
    parts = Parts(tuple(names), tuple(kinds), ())
    table = relation.of_records(
        relation.Raw(folder, parts, {}, inline=bool(kinds)), dict.fromkeys(paths, TEXT), ()
    )
    rows = [
        (
            *(each["properties"].get(name) or None for name in names),
            *(each["associations"][kind]["results"][0]["id"] for kind in kinds),
            str(each["archived"]).lower(),
        )
        for each in records
    ]
    assert sorted(map(str, tools.rows(table, paths))) == sorted(map(str, rows))


def as_one_of_a_page(found: Sequence[Recording], tools: Tools) -> None:
    """A record alone is what a page holds many of."""
    as_pages([each.holding({"results": [each.told]}) for each in found], tools)


def as_batch(found: Sequence[Recording], tools: Tools) -> None:
    """The answer to a batch of records that were asked for or made by their ids."""
    client = tools.client(found)
    for each in found:
        records = each.told["results"]
        (page,) = read.by_id(client, "companies", ["1"], Parts(("name",)))
        assert orjson.loads(b"[" + page.records + b"]") == records
        as_table(page.records, records, tools)


def as_written(found: Sequence[Recording], tools: Tools) -> None:
    """Batch updates: each record that was sent is told as written, and when that was; without
    decoding the answer, which is what makes large writes cheap."""
    client = tools.client(found)
    for each in found:
        rows = [{"id": one["id"], **one["properties"]} for one in each.sent["inputs"]]
        batch = list(write.inputs(rows))
        assert [json.loads(line) for _, line in batch] == each.sent["inputs"]
        assert write._is_whole(Reply(each.status, each.headers, each.body), batch)
        ((*outcomes,),) = write.write(client, "companies", rows, threads=1)
        assert outcomes == [Outcome(row["id"], "applied") for row in rows]
        assert write._outcomes(batch, each.told) == tuple(outcomes)
    told = [record["updatedAt"] for each in found for record in each.told["results"]]
    moments = [datetime.fromisoformat(stamp) for stamp in told]
    wrote = client.stamps._wrote.values()
    assert sum(each.records for each in wrote) == len(moments)
    assert min(each.begin for each in wrote) == min(moments)
    assert max(each.end for each in wrote) == max(moments)
    counted = [each.headers for each in found if DAILY.lower() in each.headers][-1]
    most, left = int(counted[DAILY.lower()]), int(counted[DAILY_LEFT.lower()])
    assert client.allowance == (most - left, most)


def as_owners(found: Sequence[Recording], tools: Tools) -> None:
    """Owners, those who are here and those who have left; each answer stands for both."""
    client = tools.client([each for each in found for _ in ("here", "left")])
    for each in found:
        folder, pages = tools.place(), list(read.owners(client))
        told = [orjson.loads(b"[" + page.records + b"]") for page in pages]
        assert told == [each.told["results"]] * 2
        shelf = Shelf(folder)
        shelf.add(pages[0])
        shelf.close()
        names = list(catalogue.OWNER)
        table = relation.of_owners(folder, dict.fromkeys(names, TEXT))
        rows = [tuple(_said(owner.get(name)) for name in names) for owner in each.told["results"]]
        assert sorted(map(str, tools.rows(table, names))) == sorted(map(str, rows))


def as_one_owner(found: Sequence[Recording], tools: Tools) -> None:
    """An owner alone."""
    as_owners([each.holding({"results": [each.told]}) for each in found], tools)


def _said(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value in (None, "") else str(value)


def as_links(found: Sequence[Recording], tools: Tools) -> None:
    """What one record belongs to, as it stands in an answer about many."""
    ids = [each.path.split("/")[4] for each in found]
    whole = [
        each.holding({"results": [{"from": {"id": id}, "to": each.told["results"]}]})
        for id, each in zip(ids, found, strict=True)
    ]
    client = tools.client(whole)
    for near, each in zip(ids, found, strict=True):
        arrays = read.links(client, "deals", "contacts", [near])
        files = read.save(tools.place(), "contacts", arrays)
        others = [str(other["toObjectId"]) for other in each.told["results"]]
        several = ";".join(others) if len(others) > 1 else None
        assert tools.engine.rows(relation.links(files)) == [(near, min(others), several)]


def as_no_links(found: Sequence[Recording], tools: Tools) -> None:
    """An answer of several statuses: nothing for these records, and the errors say why."""
    client = tools.client(found)
    for each in found:
        near = [str(one["from"]["id"]) for one in each.sent["inputs"]]
        assert list(read.links(client, "deals", "contacts", near)) == []
        told = [refused(one) for one in each.told["errors"]]
        assert [one.code for one in told] == ["VALIDATION_ERROR"] * each.told["numErrors"]
        assert all(one.message.endswith("is not valid") for one in told)
        # The same envelope in an answer to an update: nobody it does not name is taken for written.
        batch = [(id, b"{}") for id in near]
        assert not write._is_whole(Reply(each.status, each.headers, each.body), batch)
        assert {one.result for one in write._outcomes(batch, each.told)} == {"doubt"}


def as_properties(found: Sequence[Recording], tools: Tools) -> None:
    """A property as it was made, alone and in a list of them."""
    for each in found:
        raw = each.told
        listed = each.holding({"results": [raw]})
        assert catalogue.properties(tools.client([listed]), "tickets") == {raw["name"]: raw}
        made = catalogue.field_of(raw)
        assert (made.name, made.label, made.type) == (raw["name"], raw["label"], raw["type"])
        assert made.writable
        assert not definitions.owned(raw)
        assert definitions.words(raw) == f"{raw['type']}/{raw['fieldType']}"


def as_segments(found: Sequence[Recording], tools: Tools) -> None:
    """A segment that is there; one that people fill by hand is somebody else's."""
    client = tools.client(found)
    wanted = segments.wanted("companies", "health_tier", "A", "Tier A")
    for each in found:
        segment = segments._found(client, "companies", each.told["list"]["name"])
        assert segment == each.told["list"]
        assert not segments._same(segment, wanted)


def as_refusals(found: Sequence[Recording], tools: Tools) -> None:
    """Refusals end in our own error with what to do, and every 429 asks to wait."""
    limited = [each for each in found if each.status == 429]
    for each in limited:
        asked = slow_down(Reply(each.status, each.headers, each.body), search=True)
        assert isinstance(asked, Again)
        assert isinstance(asked.error, Throttled)
        assert asked.wait == 1.0
    others = [each for each in found if each.status != 429]
    client = tools.client(others)
    for each in others:
        with pytest.raises(ConnectorError) as caught:
            client.json("GET", "crm/v3/anything", "to do something")
        assert caught.value.hint
        if each.body.startswith(b"{"):
            assert str(each.status) in caught.value.message
            assert refused(each.told).message == each.told["message"]
    assert len(limited) == 22
    assert len(others) > 15


# ── which is read by which ────────────────────────────────────────────────────────────────────

#: What was asked and answered → the reader of ours that meets such an answer.
READERS = {
    r"GET crm/v3/objects/\w+ 200": as_pages,
    r"POST crm/v3/objects/\w+/search 200": as_pages,
    r"GET crm/v3/objects/\w+/N 200": as_one_of_a_page,
    r"POST crm/v3/objects/\w+ 201": as_one_of_a_page,
    r"PATCH crm/v3/objects/\w+/N 200": as_one_of_a_page,
    r"PUT crm/v3/objects/\w+/N/associations/\w+/N/\w+ 200": as_one_of_a_page,
    r"POST crm/v3/objects/\w+/batch/create 201": as_batch,
    r"POST crm/v3/objects/\w+/batch/update 200": as_written,
    r"GET crm/v3/owners 200": as_owners,
    r"GET crm/v3/owners/N 200": as_one_owner,
    r"GET crm/v4/objects/\w+/N/associations/\w+ 200": as_links,
    r"POST crm/v4/associations/\w+/\w+/batch/create 207": as_no_links,
    r"POST crm/v3/properties/\w+ 201": as_properties,
    r"GET crm/v3/lists/N 200": as_segments,
    r"POST crm/v3/lists 200": as_segments,
    r"\w+ .* [45]\d\d": as_refusals,
}
#: What we never ask → why.
UNREAD = {
    r"\w+ (companies/v2|deals/v1|engagements/v1|owners/v2|properties/v1)/.* 20\d": "APIs of before "
    "v3, which ends the same day; none of them has a dated spelling, and engagements lose records",
    r"POST crm/v4/associations/\w+/\w+/batch/create 201": "we read what belongs to what, and make "
    "no associations",
    r"PUT crm/v3/lists/N/(memberships/(add|remove)|update-list-name) 200": "segments that we make "
    "fill themselves, and keep their names",
    r"GET crm/v3/lists/N/memberships 200": "who is in a segment is not read",
    r"GET crm/v3/lists 200": "a segment is looked up by its name",
    r"POST crm/v3/lists/search 200": "a segment is looked up by its name",
    r"(POST|DELETE) crm/.* 204": "archives something, and has no body",
}


def of(pattern: str) -> list[Recording]:
    return [each for each in recordings() if re.fullmatch(pattern, each.key)]


@pytest.mark.parametrize("pattern", READERS)
def test_what_hubspot_gave_to_others_is_read_unchanged(pattern, tools):
    """Each kind of answer by the reader that meets it."""
    found = of(pattern)
    assert found
    READERS[pattern](found, tools)


def test_every_recording_has_a_reader_or_a_reason():
    """Nothing is overlooked, nothing is claimed twice, and no reason is for nothing."""
    every = {each.key for each in recordings()}
    patterns = [*READERS, *UNREAD]
    wrong = {key: [p for p in patterns if re.fullmatch(p, key)] for key in every}
    assert {key: told for key, told in wrong.items() if len(told) != 1} == {}
    assert [p for p in UNREAD if not of(p)] == []
    assert all(not each.body for each in of(r"(POST|DELETE) crm/.* 204"))
