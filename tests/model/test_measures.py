"""Which records measures look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connector.model import ageing, measures
from connector.model.stages import stages
from tests.model.lake import AS_OF, Lake, ago, only


def test_what_is_older_than_every_window_is_not_read():
    """And what one of the windows still holds counts there alone."""
    model = only("meetings_held", "two_way_mail")
    windows = {each.name: each.window for each in model.measures}
    longest = AS_OF - timedelta(days=max(windows["meetings_held"], windows["two_way_mail"]))
    assert f"WHERE occurred_at > TIMESTAMPTZ '{longest:%Y-%m-%d}" in measures.raw(model, AS_OF)
    lake = Lake().put("accounts", id="001", name="A").put("accounts", id="002", name="B")
    between = ago((windows["two_way_mail"] + windows["meetings_held"]) / 2)
    lake.put("activities", id="a", account_id="001", kind="email", direction="in",
             status="done", occurred_at=between)  # fmt: skip
    lake.put("activities", id="b", account_id="001", kind="meeting", status="held",
             occurred_at=between)  # fmt: skip
    lake.put("activities", id="c", account_id="002", kind="meeting", status="held",
             occurred_at=ago(windows["meetings_held"] + 1))  # fmt: skip
    scored = lake.run(model)
    assert scored.value("two_way_mail", "001") is None
    assert scored.value("meetings_held", "001") is not None
    assert scored.value("meetings_held", "002") is None


def test_a_measure_of_all_time_reads_all():
    """One without a window is enough."""
    model = only("meetings_held")
    model = replace(model, measures=tuple(replace(each, window=None) for each in model.measures))
    assert "WHERE occurred_at > " not in measures.raw(model, AS_OF)


def test_different_things_are_counted_apart_and_come_to_the_same():
    """Nothing to count is none where there are records, and unknown where there are none; within
    the window and where the condition holds, as if counted beside all others."""
    model = only("contact_breadth")
    (measure,) = (each for each in model.measures if each.name == "contact_breadth")
    plain = replace(measure, value="count(distinct owner_id)", where="kind = 'call'", absent=None)
    beside = replace(plain, name="beside", value="count(distinct owner_id) + 0")
    model = replace(model, measures=(*model.measures[:-1], plain, beside))
    assert [name for name, _ in measures.apart(model, AS_OF)] == ["contact_breadth__apart"]
    lake = Lake()
    for account in ("001", "002", "003"):
        lake.put("accounts", id=account, name=account)
    calls = [
        ("001", "u1", 1), ("001", "u1", 2), ("001", "u2", 3), ("001", None, 4),
        ("001", "u3", plain.window + 1), ("002", None, 1),
    ]  # fmt: skip
    for n, (account, owner, days) in enumerate(calls):
        lake.put("activities", id=f"a{n}", account_id=account, owner_id=owner, kind="call",
                 status="done", occurred_at=ago(days))  # fmt: skip
    lake.put("activities", id="m", account_id="003", owner_id="u1", kind="meeting",
             status="held", occurred_at=ago(1))  # fmt: skip
    lake.run(model)
    asked = "SELECT contact_breadth, beside FROM raw ORDER BY account_id"
    assert lake.rows(asked) == [(2, 2), (0, 0), (None, None)]


def test_an_account_that_takes_looking_up_is_looked_up_once():
    """However many steps read activities; with lines for fields and without."""
    model = only("meetings_held", "contact_breadth")
    for brief in (False, True):
        made = stages(model, as_of=AS_OF, brief=brief)
        (once,) = (each for each in made if "told_activities" in each.sql)
        assert (once.name, once.kind) == ("other_activities", "table")


def test_a_measure_of_accounts_may_look_at_any_column_of_their_records():
    """How long ago it was modified, say, which no result has; also where earlier records age."""
    model = only()
    touched = replace(
        model.measures[0], name="touched", value="(epoch(as_of) - epoch(modified_at)) / 86400",
        where="", at="", window=None, max_age=None, half_life=None, missing="exclude", absent=None,
    )  # fmt: skip
    model = replace(model, measures=(*model.measures, touched))
    lake = Lake().put("accounts", id="001", name="A", modified_at=ago(3)).run(model)
    assert lake.value("touched") == 3
    for stage in ageing.alone(model, "001", AS_OF - timedelta(days=1), AS_OF):
        lake.db.execute(f"CREATE OR REPLACE TEMP {stage.kind} {stage.name} AS {stage.sql}")
    assert lake.rows("SELECT touched__then, touched__now FROM aged") == [(2, 3)]
