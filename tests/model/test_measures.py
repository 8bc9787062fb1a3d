"""Which records measures look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connector.model import measures
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
