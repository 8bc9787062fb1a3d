"""Moments as HubSpot writes them: milliseconds since 1970, and ISO 8601 with a Z."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ..store import Store

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now_ms(store: Store) -> int:
    """The sandbox's time in milliseconds."""
    return (store.clock.now() - _EPOCH) // timedelta(milliseconds=1)


def iso(ms: int) -> str:
    """A moment in words; milliseconds are left out when there are none, as HubSpot does."""
    seconds, rest = divmod(ms, 1000)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest:03d}Z" if rest else f"{text}Z"


def ms_of(text: str) -> int:
    """The milliseconds of a moment in words; without a zone it is UTC."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)
