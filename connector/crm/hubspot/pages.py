"""Pages of records: cut out of answers as bytes, and put to disk as arrays that the engine reads.

No record becomes a Python object. A page tells where the next one is behind its last record, and
how many there are in all before its first; an answer in any other order is decoded instead.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ...errors import Malformed

_HEAD = re.compile(rb'\{(?:"total":(\d+),)?"results":\[')
_TAIL = re.compile(
    rb'\](?:,"paging":\{"next":\{"after":"([^"\\]*)"(?:,"link":"(?:[^"\\]|\\.)*")?\}\})?\}'
)
#: Every record has it once; in a text it would stand behind a backslash.
_RECORD = b'"createdAt":"'
_MERGED = re.compile(rb'"hs_merged_object_ids":"([0-9;]+)"')
_HAS_MERGED = b'"hs_merged_object_ids":"'
_INNER = b'"paging":'
#: Pages of one file.
TOGETHER = 200


@dataclass(frozen=True, slots=True)
class Page:
    """The records of a page as the inside of a JSON array, how many they are, and what follows.

    `total` is how many the query finds in all, if the answer says so. `merged` are ids that were
    merged into these records. `cut` says that a record may belong to more than the page shows.
    """

    records: bytes
    rows: int
    next: str
    total: int | None = None
    merged: int = 0
    cut: bool = False


def page_of(body: bytes) -> Page:
    """Take one answer apart."""
    head, tail = _HEAD.match(body), _tail(body)
    if not (head and tail) or 0 <= body.find(_INNER) < tail.start():
        return _decoded(body)
    records = body[head.end() : tail.start()]
    after = (tail[1] or b"").decode()
    return _page(records, after, int(head[1]) if head[1] else None)


def losers(records: bytes) -> list[str]:
    """The ids that were merged into records."""
    if _HAS_MERGED not in records:
        return []
    found = (ids.decode().split(";") for ids in _MERGED.findall(records))
    return [id for ids in found for id in ids if id]


def _tail(body: bytes) -> re.Match[bytes] | None:
    """What stands behind the records, if it is all there."""
    at = body.rfind(b'],"paging":')
    return _TAIL.fullmatch(body, at if at >= 0 else len(body) - len(b"]}"))


def _page(records: bytes, after: str, total: int | None, *, cut: bool = False) -> Page:
    return Page(records, records.count(_RECORD), after, total, len(losers(records)), cut)


def _decoded(body: bytes) -> Page:
    """A page whose keys come in another order, whose records have pages within, or one cut off."""
    try:
        whole = orjson.loads(body)
        results = whole["results"]
        after = str(((whole.get("paging") or {}).get("next") or {}).get("after") or "")
        inner = any(_has_more(each) for each in results)
        records = orjson.dumps(results)[1:-1]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise Malformed(
            "HubSpot sent a page of records that is cut or not JSON.",
            hint="Run again. If it stays, a proxy between here and HubSpot changes answers.",
        ) from error
    total = whole.get("total")
    return _page(records, after, int(total) if total is not None else None, cut=inner)


def _has_more(record: Mapping[str, Any]) -> bool:
    """Whether a record belongs to more others than were given with it."""
    groups = (record.get("associations") or {}).values()
    return any((group.get("paging") or {}).get("next") for group in groups)


class Shelf:
    """A folder of files with one array of records each, written page by page."""

    def __init__(self, folder: Path, files: int = 0) -> None:
        self._folder, self.files = folder, files
        self._pages: list[bytes] = []
        for stray in folder.glob("*.json"):  # what a run that died had not finished
            if stray.stem.isdigit() and int(stray.stem) >= files:
                stray.unlink()

    def add(self, page: Page) -> bool:
        """Keep a page; whether a file was finished by it."""
        if page.rows:
            self._pages.append(page.records)
        return len(self._pages) >= TOGETHER and self.close()

    def close(self) -> bool:
        """Finish the file under way, so that it survives a crash; whether there was one."""
        if not self._pages:
            return False
        path = self._folder / f"{self.files:06}.json"
        part = path.with_suffix(".part")
        with part.open("wb") as out:
            out.write(b"[" + b",\n".join(self._pages) + b"]")
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
        self.files += 1
        self._pages.clear()
        return True
