"""The file everything is in, its clock and its ids."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.sandbox.clock import duration, stamp
from connector.sandbox.ids import checksum, is_id, long_id, numbered
from connector.sandbox.store import Field, Store


@pytest.fixture
def empty(tmp_path: Path) -> Store:
    """A store with one object and nothing in it."""
    store = Store(tmp_path / "s.sqlite")
    store.create("Thing__c", [Field("Name", "string"), Field("Size__c", "int")], prefix="a01")
    return store


def test_a_known_id_has_the_known_checksum():
    """The published example of the algorithm comes out as published."""
    assert long_id("001D000000IqhSL") == "001D000000IqhSLIAZ"


def test_an_id_with_a_wrong_checksum_is_no_id():
    """Lower-casing an id breaks it, and that is noticed."""
    assert is_id("001D000000IqhSLIAZ")
    assert not is_id("001D000000IqhSLIAA")


def test_ids_sort_by_creation():
    """A later record has the greater id, also where the digits carry."""
    ids = [numbered("001", number) for number in range(1, 5_000)]
    assert ids == sorted(ids)


def test_ids_carry_their_own_checksum():
    """What the store gives out is what everybody else would compute."""
    id_ = numbered("001", 123_456_789)
    assert id_[15:] == checksum(id_[:15])


def test_a_row_without_system_fields_gets_them(empty: Store):
    """Id, stamps and the deleted flag need not be given."""
    empty.insert("Thing__c", ["Name"], [("one",)])
    row = empty.db.execute("select Id, IsDeleted, SystemModstamp from Thing__c").fetchone()
    assert row == (numbered("a01", 1), 0, stamp(empty.clock.now()))


def test_a_row_with_an_old_date_is_old_everywhere(empty: Store):
    """A record that was created long ago was not modified today."""
    then = "2020-01-01T00:00:00.000+0000"
    empty.insert("Thing__c", ["CreatedDate"], [(then,)])
    assert empty.db.execute("select SystemModstamp from Thing__c").fetchone() == (then,)


def test_ids_given_out_and_ids_filled_in_never_meet(empty: Store):
    """Taking ids first and inserting without ids later uses one count."""
    taken = empty.new_ids("Thing__c", 3)
    empty.insert("Thing__c", ["Name"], [("x",)])
    (filled,) = empty.db.execute("select Id from Thing__c").fetchone()
    assert filled > max(taken)


def test_everything_is_there_after_a_restart(empty: Store, tmp_path: Path):
    """Catalogue, settings and the next id live in the file."""
    empty.put("key", {"a": [1]})
    first = empty.new_id("Thing__c")
    empty.close()
    again = Store(tmp_path / "s.sqlite")
    assert list(again.fields("Thing__c"))[-2:] == ["Name", "Size__c"]
    assert again.get("key") == {"a": [1]}
    assert again.new_id("Thing__c") > first


def test_a_transaction_that_fails_leaves_nothing(empty: Store):
    """Rows and catalogue go back together."""

    def fail() -> None:
        with empty.transaction():
            empty.add_field("Thing__c", Field("Extra__c", "string"))
            empty.insert("Thing__c", ["Nope"], [(1,)])

    with pytest.raises(sqlite3.OperationalError):
        fail()
    assert "Extra__c" not in empty.fields("Thing__c")


def test_a_formula_is_worked_out_when_read(empty: Store):
    """A formula holds no value of its own."""
    empty.add_field("Thing__c", Field("Twice__c", "int", formula="Size__c * 2"))
    empty.insert("Thing__c", ["Size__c"], [(21,)])
    assert empty.db.execute(f"select Twice__c from {empty.source('Thing__c')}").fetchone() == (42,)


def test_a_formula_may_ask_for_today(empty: Store):
    """A formula follows the sandbox's clock although nobody touches the record."""
    empty.add_field("Thing__c", Field("Day__c", "date", formula="today()"))
    empty.insert("Thing__c", ["Size__c"], [(1,)])
    empty.clock.advance(timedelta(days=3))
    row = empty.db.execute(f"select Day__c from {empty.source('Thing__c')}").fetchone()
    assert row == (empty.clock.now().date().isoformat(),)


def test_a_dropped_field_is_gone(empty: Store):
    """Its column and its place in the catalogue go together."""
    empty.drop_field("Thing__c", "Size__c")
    assert "Size__c" not in empty.fields("Thing__c")
    with pytest.raises(sqlite3.OperationalError):
        empty.db.execute("select Size__c from Thing__c")


def test_the_clock_starts_where_it_is_told(empty: Store):
    """A world of 2018 lives in 2018."""
    empty.clock.set(datetime(2018, 1, 1, tzinfo=UTC))
    assert empty.clock.now() - datetime(2018, 1, 1, tzinfo=UTC) < timedelta(minutes=1)


def test_a_leap_of_the_clock_survives_a_restart(empty: Store, tmp_path: Path):
    """Forty days later is forty days later tomorrow too."""
    then = empty.clock.advance(duration("40d"))
    empty.close()
    again = Store(tmp_path / "s.sqlite")
    assert then <= again.clock.now() < then + timedelta(minutes=1)


@pytest.mark.parametrize("text", ["40", "d", "-1d", "1w"])
def test_a_duration_that_is_none_is_refused(text: str):
    """What cannot be read is not guessed."""
    with pytest.raises(ValueError, match="not a duration"):
        duration(text)
