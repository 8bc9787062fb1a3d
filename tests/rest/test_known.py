"""Whom records refer to is asked for once; amounts are in the unit that people pay in."""

from __future__ import annotations

import pytest

from connector.protocols import Spool
from connector.rest.amounts import major
from connector.rest.feed import Feed, fetch, together
from connector.rest.known import Known


def test_each_is_asked_for_once_and_some_at_a_time():
    """Nobody is asked for who is known, nor again who does not exist."""
    asked = []

    def ask(ids):
        asked.append(list(ids))
        return {id: {"name": id} for id in ids if id != "3"}

    known = Known(ask, most=2)
    known.learn([1, "2", 3, None, "", 1])
    known.learn([3, 2, 4])
    assert asked == [["1", "2"], ["3"], ["4"]]
    assert (known.of(1), known.of("3"), known.of(None)) == ({"name": "1"}, {}, {})


def test_what_is_left_out_of_a_page_is_not_missing(line, engine, tmp_path):
    """The platform's total counts what it sent, the rows what was kept."""
    made, _ = line({"d": [{"id": 1}, {"id": 2}], "total": 2})
    feed = Feed({"id": "id"}, "x", "d", total="total", dress=lambda found: found[1:])
    spool = fetch(made, [feed], "responses", tmp_path / "in")
    assert spool.rows == 1
    assert engine.rows(f"SELECT id FROM {spool.relation}") == [("2",)]


def test_several_kinds_of_records_feed_one_stream(engine):
    """Each with columns of its own; what one does not tell is empty."""
    spools = [
        Spool("(SELECT '1' AS id, 5 AS value)", 1, calls=2),
        Spool("", 0, calls=1),
        Spool("(SELECT '2' AS id, 'x' AS name)", 1, calls=1),
    ]
    both = together(spools)
    assert (both.rows, both.calls) == (2, 4)
    found = engine.dicts(f"SELECT * FROM {both.relation} ORDER BY id")
    assert found == [{"id": "1", "value": 5, "name": None}, {"id": "2", "value": None, "name": "x"}]
    assert together([]) == Spool("", 0)


@pytest.mark.parametrize(("currency", "value"), [("EUR", 19.99), ("jpy", 1999), ("KWD", 1.999)])
def test_minor_units(engine, currency, value):
    """A hundredth, none, a thousandth."""
    assert engine.one(f"SELECT {major('1999', repr(currency))}") == value
