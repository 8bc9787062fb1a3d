"""Requests that hold only if a record still is, or no longer is, what the caller knows.

Moments hold for every object, entity tags for accounts only; elsewhere tags are ignored. Nothing of
this holds for DELETE. A header that makes no sense fails a write and is ignored when reading.
"""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256

import orjson

from ..store import quoted
from .api import Call
from .errors import Refusal

TAGGED = "Account"
_TAGS = re.compile(r'\s*(?:\*|(?:W/)?"[^"]*"(?:\s*,\s*(?:W/)?"[^"]*")*)\s*')
_STRONG = re.compile(r'(?<!W/)"([^"]*)"')
_PACKED = "--gzip"

Headers = tuple[tuple[str, str], ...]


def headers(call: Call, name: str, id_: str) -> Headers:
    """What an answer about a record says of its version."""
    if name != TAGGED:
        return ()
    packed = "gzip" in call.request.headers.get("accept-encoding", "")
    return (("ETag", f'"{_tag(call, id_)}{_PACKED if packed else ""}"'),)


def last_modified(call: Call, name: str, id_: str) -> datetime:
    """When a record was last saved."""
    sql = f"select LastModifiedDate from {quoted(name)} where Id = ?"
    return datetime.fromisoformat(call.store.db.execute(sql, (id_,)).fetchone()[0])


def unchanged(call: Call, name: str, id_: str) -> bool:
    """Whether the caller has this version of a record already; refuses another than was asked."""
    _check(call, name, id_)
    if (same := _matches(call, "if-none-match", name, id_)) is not None:
        return same
    since = _moment(call, "if-modified-since")
    return since is not None and last_modified(call, name, id_) <= since


def check_write(call: Call, name: str, id_: str) -> None:
    """Refuses to touch a record that is not the version the caller names."""
    for header in ("if-match", "if-none-match") if name == TAGGED else ():
        text = call.request.headers.get(header)
        if text is not None and not _TAGS.fullmatch(text):
            raise _senseless(header, text)
    header = "if-unmodified-since"
    text = call.request.headers.get(header)
    if text is not None and _moment(call, header) is None:
        raise _senseless(header, text)
    _check(call, name, id_)
    if _matches(call, "if-none-match", name, id_):
        raise _failed("The record is the version that was excluded")


def _check(call: Call, name: str, id_: str) -> None:
    """Tags come before moments, as HTTP has it."""
    if (same := _matches(call, "if-match", name, id_)) is not None:
        if not same:
            raise _failed("The record is not the version that was asked for")
        return
    since = _moment(call, "if-unmodified-since")
    if since is not None and (at := last_modified(call, name, id_)) > since:
        moment = format_datetime(at.astimezone(UTC), usegmt=True)
        raise _failed(f"The record was last modified {moment}")


def _matches(call: Call, header: str, name: str, id_: str) -> bool | None:
    """Whether one of the tags is the record's; None if there is nothing to compare."""
    text = call.request.headers.get(header)
    if name != TAGGED or text is None or not _TAGS.fullmatch(text):
        return None
    if text.strip() == "*":
        return True
    return _tag(call, id_) in {each.removesuffix(_PACKED) for each in _STRONG.findall(text)}


def _tag(call: Call, id_: str) -> str:
    row = call.store.db.execute(f"select * from {TAGGED} where Id = ?", (id_,)).fetchone()
    return b64encode(sha256(orjson.dumps(row)).digest()).decode()


def _moment(call: Call, header: str) -> datetime | None:
    try:
        return parsedate_to_datetime(call.request.headers.get(header, "")).astimezone(UTC)
    except (TypeError, ValueError):
        return None


def _failed(said: str) -> Refusal:
    return Refusal("PRECONDITION_FAILED", said, status=412)


def _senseless(header: str, text: str) -> Refusal:
    return Refusal("INVALID_HEADER", f"Invalid value of the header {header}: {text}")
