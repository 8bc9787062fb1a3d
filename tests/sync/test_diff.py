"""The three-sided diff: what we want, what the CRM holds, what we last wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.engines.duckdb import DuckDB
from connector.mapping.document import parse
from connector.mapping.objects import CrmMapping
from connector.records import Org
from connector.store.lake import Lake
from connector.sync import ledger
from connector.sync.diff import diff_sql
from connector.sync.run import Run

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
RECENTLY = datetime(2026, 11, 1, tzinfo=UTC)

MAPPING = """
crm = "salesforce"
object = "Account"
[write]
max_age = "90d"
[[fields]]
source = "score"
target = "Score"
type = "number"
scale = 1
min_change = 5
group = "health"
[[fields]]
source = "tier"
target = "Tier"
type = "choice"
values = ["A", "B", "C"]
group = "health"
[[fields]]
source = "reason"
target = "Reason"
type = "text"
follows = true
group = "health"
[[fields]]
source = "nps"
target = "Nps"
type = "number"
missing = "clear"
"""
FIELDS = ("Score", "Tier", "Reason", "Nps")


class World:
    """Three small tables and the diff over them. A side that says nothing of a field has NULL."""

    def __init__(self, folder: Any, mapping: str = MAPPING) -> None:
        made, problems = parse(mapping, "m.toml", CrmMapping)
        assert made is not None, problems
        self.engine = DuckDB(scratch=folder / "spill")
        self.app: Any = SimpleNamespace(mapping=made, lake=Lake(folder / "lake"))
        self.run = Run("r", Org("00D", "005", "http://127.0.0.1", NOW), self.engine)
        self.columns = ledger.columns(self.app)
        # An empty ledger that already knows every field: nothing counts as new.
        empty = ", ".join(f'CAST(NULL AS {k}) AS "{n}"' for n, k in self.columns.items())
        self.app.lake.append("outcomes", self.engine, f"SELECT {empty}")

    def words(
        self,
        wanted: dict[str, Any],
        current: dict[str, Any],
        written: dict[str, Any] | None,
        *,
        at: datetime = RECENTLY,
        adopt: bool = False,
        refused: bool = False,
        unread: str | None = None,
    ) -> dict[str, str]:
        """Field → word, for one record."""
        self._side("wanted", {"id": "1"}, wanted)
        here = {"id": "1", "beside": "1", "record_type": None, "modified_at": RECENTLY}
        here["unread"] = unread
        self._side("current", here, current)
        last = {"id": "1", "pulled_at": at, "modified_at": NOW, "result": "applied", "tried": ""}
        self._side("written", last, written or {})
        nothing = ", ".join(f'CAST(NULL AS {self.columns[f]}[]) AS "{f}"' for f in FIELDS)
        self.engine.stage("inherited", f"SELECT '' AS id, {nothing}", "table")
        if written is None:
            self.engine.run("DELETE FROM written")
        if refused:
            tried = self.engine.one(f"SELECT tried FROM ({self._sql(adopt)})")
            self.engine.run(f"UPDATE written SET result = 'failed', tried = '{tried}'")
        row = self.engine.dicts(self._sql(adopt))[0]
        return {name: row[f"word:{name}"] for name in FIELDS}

    def others(self) -> str | None:
        """The fields of the record that was judged last that hold what is not ours."""
        sql = diff_sql(self.app, self.run, adopt=False)
        return self.engine.dicts(f"SELECT others FROM ({sql})")[0]["others"]

    def _sql(self, adopt: bool) -> str:
        columns = ", ".join(f'"word:{name}"' for name in FIELDS)
        return f"SELECT tried, {columns} FROM ({diff_sql(self.app, self.run, adopt=adopt)})"

    def _side(self, name: str, keys: dict[str, Any], values: dict[str, Any]) -> None:
        row = {**keys, **{field: values.get(field) for field in FIELDS}}
        listed = ", ".join(
            f'CAST({self._literal(v)} AS {self.columns.get(k, "VARCHAR")}) AS "{k}"'
            for k, v in row.items()
        )
        self.engine.stage(name, f"SELECT {listed}", "table")

    @staticmethod
    def _literal(value: Any) -> str:
        if value is None:
            return "NULL"
        return f"'{value.isoformat()}'" if isinstance(value, datetime) else repr(value)


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.engine.close()


def test_equal_sides_leave_nothing_to_do(world):
    """What is there already is not written again."""
    same = {"Score": 70.0, "Tier": "B", "Reason": "x", "Nps": 10.0}
    assert set(world.words(same, same, same).values()) == {"same"}


def test_an_empty_record_gets_everything_we_know(world):
    """And what we do not know is left alone, never written as zero."""
    words = world.words({"Score": 70.0, "Tier": "B", "Reason": "x"}, {}, None)
    assert words == {"Score": "set", "Tier": "set", "Reason": "set", "Nps": "same"}


def test_what_is_left_and_not_ours_is_named(world):
    """The ledger has to know it: what we last wrote there is not what the record holds."""
    here = {"Score": 10.0, "Tier": "C", "Reason": "x"}
    world.words({"Score": 70.0, "Tier": "A"}, here, {"Score": 10.0})
    assert world.others() == " Tier  Reason "
    world.words({"Score": 70.0}, {"Score": 10.0, "Tier": "C"}, {"Score": 10.0, "Tier": "C"})
    assert world.others() is None


def test_what_cannot_be_read_is_theirs(world):
    """A number property that was a text before holds "good": it looks empty, and is not."""
    wanted = {"Score": 70.0, "Tier": "A"}
    words = world.words(wanted, {}, None, unread="Other Score")
    assert (words["Score"], words["Tier"]) == ("theirs", "set")
    assert world.others() == " Score "
    assert world.words(wanted, {}, None, unread="Score", adopt=True)["Score"] == "set"


def test_a_field_somebody_edited_is_theirs(world):
    """A value that is neither what we want nor what we last wrote stays."""
    words = world.words({"Tier": "A"}, {"Tier": "C"}, {"Tier": "B"})
    assert words["Tier"] == "theirs"


def test_a_field_somebody_emptied_is_theirs_too(world):
    """Emptying is an edit."""
    assert world.words({"Tier": "A"}, {}, {"Tier": "B"})["Tier"] == "theirs"


def test_an_edit_that_says_what_we_want_is_no_conflict(world):
    """We agree; there is nothing to do."""
    assert world.words({"Tier": "A"}, {"Tier": "A"}, {"Tier": "B"})["Tier"] == "same"


def test_the_neighbours_of_an_edited_field_are_still_written(world):
    """One field of theirs does not freeze the record."""
    words = world.words(
        {"Score": 90.0, "Tier": "A"}, {"Score": 50.0, "Tier": "C"}, {"Score": 50.0, "Tier": "B"}
    )
    assert (words["Score"], words["Tier"]) == ("set", "theirs")


def test_overwrite_takes_an_edited_field_back(tmp_path):
    """If the owner of the mapping says so."""
    overwriting = MAPPING.replace('target = "Tier"', 'target = "Tier"\non_conflict = "overwrite"')
    world = World(tmp_path, overwriting)
    assert world.words({"Tier": "A"}, {"Tier": "C"}, {"Tier": "B"})["Tier"] == "set"


def test_a_small_move_is_held_back(world):
    """Decay alone is not worth a write."""
    words = world.words({"Score": 72.0, "Tier": "B"}, {"Score": 70.0, "Tier": "B"},
                        {"Score": 70.0, "Tier": "B"})  # fmt: skip
    assert words == {"Score": "held", "Tier": "same", "Reason": "same", "Nps": "same"}


def test_a_move_of_min_change_is_written(world):
    """The dead band ends at its edge."""
    words = world.words({"Score": 75.0}, {"Score": 70.0}, {"Score": 70.0})
    assert words["Score"] == "set"


def test_a_group_travels_together(world):
    """A tier that changes takes score and reason along, so that no record is half old."""
    now = {"Score": 70.0, "Tier": "B", "Reason": "old"}
    words = world.words({"Score": 71.0, "Tier": "A", "Reason": "new"}, now, now)
    assert words == {"Score": "set", "Tier": "set", "Reason": "set", "Nps": "same"}


def test_a_follower_is_never_a_reason_to_write(world):
    """New words alone wait for a new value."""
    now = {"Score": 70.0, "Tier": "B", "Reason": "old"}
    words = world.words({"Score": 70.0, "Tier": "B", "Reason": "new"}, now, now)
    assert words["Reason"] == "held"


def test_an_old_value_is_refreshed(world):
    """Written longer ago than max_age and different: write it, however small the move."""
    now = {"Score": 70.0, "Tier": "B"}
    words = world.words({"Score": 71.0, "Tier": "B"}, now, now, at=LONG_AGO)
    assert words["Score"] == "set"


def test_a_field_with_clear_is_emptied_when_nothing_is_known(world):
    """And only such a field."""
    now = {"Score": 70.0, "Nps": 10.0}
    words = world.words({}, now, now)
    assert (words["Score"], words["Nps"]) == ("unknown", "set")


def test_a_filled_field_is_theirs_at_first_contact(world):
    """Unless the owner adopts it."""
    assert world.words({"Tier": "A"}, {"Tier": "C"}, None)["Tier"] == "theirs"
    assert world.words({"Tier": "A"}, {"Tier": "C"}, None, adopt=True)["Tier"] == "set"


def test_adopting_does_not_take_an_edit(world):
    """--adopt is for fields we never wrote."""
    words = world.words({"Tier": "A"}, {"Tier": "C"}, {"Tier": "B"}, adopt=True)
    assert words["Tier"] == "theirs"


def test_a_refused_value_is_not_sent_again_until_something_changes(world):
    """Hammering a validation rule helps nobody."""
    now = {"Tier": "B"}
    assert world.words({"Tier": "A"}, now, now, refused=True)["Tier"] == "failed"
    assert world.words({"Tier": "C"}, now, now)["Tier"] == "set"


sides = st.fixed_dictionaries(
    {
        "Score": st.none() | st.integers(0, 1000).map(lambda n: n / 10),
        "Tier": st.none() | st.sampled_from("ABC"),
        "Reason": st.none() | st.sampled_from(["x", "y"]),
        "Nps": st.none() | st.integers(-100, 100).map(float),
    }
)


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("world"))
    yield made
    made.engine.close()


@settings(max_examples=60, deadline=None)
@given(wanted=sides, current=sides)
def test_applying_a_plan_leaves_nothing_to_do(shared_world, wanted, current):
    """plan → apply → plan writes nothing, whatever the sides held."""
    words = shared_world.words(wanted, current, current)
    after = {name: wanted[name] if words[name] == "set" else current[name] for name in FIELDS}
    again = shared_world.words(wanted, after, after)
    assert "set" not in again.values()


@settings(max_examples=60, deadline=None)
@given(wanted=sides, current=sides, written=st.none() | sides)
def test_a_value_that_is_not_ours_is_never_overwritten(shared_world, wanted, current, written):
    """Whatever differs from what we last wrote is somebody's, or agrees with us."""
    words = shared_world.words(wanted, current, written)
    ours = written or dict.fromkeys(FIELDS)
    assert all(current[n] == ours[n] for n in FIELDS if words[n] == "set")
