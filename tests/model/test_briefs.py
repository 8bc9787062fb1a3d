"""The line that tells what changed and what would lift an account, for all accounts at once."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from connector.mapping.objects import CrmMapping, Field
from connector.model.definition import Cap, HealthModel, Measure, Override, Segment, Tiers
from connector.sync.explain import explained
from connector.sync.run import Run
from connector.sync.score import score
from tests.model.earlier import keep, run
from tests.model.lake import AS_OF, Lake
from tests.sync.history import day, small

LINE = ((0.0, 0.0), (100.0, 100.0))
COLUMNS = ("employees", "goals_total", "goals_reached", "sentiment")


def measured(name: str, column: str, **more: Any) -> Measure:
    return Measure(
        name=name, stream="accounts", value=column, group=name, points=LINE,
        label={"en": name.title(), "de": name.upper()}, **more,
    )  # fmt: skip


MODEL = HealthModel(
    "brief",
    {"use": 2, "talk": 1, "goals": 1, "mood": 1},
    tiers=Tiers(hysteresis=2),
    measures=(
        measured("use", "employees", action={"en": "raise use", "de": "Nutzung heben"}),
        measured("talk", "goals_total"),
        measured("goals", "goals_reached"),
        measured("mood", "sentiment"),
    ),
    caps=(
        Cap("ticket", "revenue > 0", "C", {"en": "Open ticket", "de": "Offenes Ticket"},
            {"en": "close the ticket", "de": "Ticket schließen"}),
        Cap("mute", "revenue < 0", "C", {"en": "Held", "de": "Gehalten"}),
    ),
    override=Override("override_tier", "override_until", {"de": "Von Hand gesetzt"}),
)  # fmt: skip


def changed(before: dict[str, Any], after: dict[str, Any], model: HealthModel = MODEL) -> Lake:
    """One account on two days."""
    lake = keep(run(Lake().put("accounts", id="001", **before), model), model)
    return edited(lake, after, 1, model)


def edited(lake: Lake, after: dict[str, Any], days: float, model: HealthModel = MODEL) -> Lake:
    """The same account with other values, so many days after the first."""
    lake.db.execute("DELETE FROM lake_accounts")
    return run(lake.put("accounts", id="001", **after), model, days)


def lines(lake: Lake) -> Any:
    return lake.rows("SELECT brief_en, brief_de FROM results ORDER BY id")[0]


def test_a_line_says_what_changed_and_what_would_lift_it():
    """Strongest first; what is left is one number; the advice is the fewest changes that do."""
    before = dict(zip(COLUMNS, (60, 50, 80, 60), strict=True))
    english, german = lines(changed(before, {**before, "employees": 40, "goals_reached": 40}))
    assert english == "62 → 46: Use: 40 −8, Goals: 40 −8. To reach B: raise use."
    assert german == "62 → 46: USE: 40 −8, GOALS: 40 −8. Für B: Nutzung heben."


def test_a_first_score_an_unchanged_one_and_none():
    """Each says so."""
    assert lines(run(Lake().put("accounts", id="1", employees=90), MODEL))[0] == "90 (first score)."
    same = {"employees": 90, "goals_total": 90}
    assert lines(changed(same, same)) == ("90, unchanged.", "90, unverändert.")
    assert lines(run(Lake().put("accounts", id="1"), MODEL))[1] == (
        "Kein Wert: über dieses Konto ist nichts bekannt."
    )


def test_a_line_lasts_until_there_is_news():
    """A run that finds the same minutes later does not call it unchanged; one a day later does."""
    lake = changed({"employees": 90}, {"employees": 40})
    told = lines(lake)
    assert told[0].startswith("90 → 40: Use: 40 −50.")
    assert lines(run(keep(lake, MODEL), MODEL, 1.01)) == told
    assert lines(run(lake, MODEL, 2.01))[0].startswith("40, unchanged.")


def test_a_score_of_the_same_day_is_the_one_before():
    """Whether it is the only one or there is an older one besides."""
    lake = keep(run(Lake().put("accounts", id="001", employees=90), MODEL), MODEL)
    assert lines(edited(lake, {"employees": 60}, 0.5))[0].startswith("90 → 60: Use: 60 −30.")
    keep(lake, MODEL)
    assert lines(edited(lake, {"employees": 40}, 1.25))[0].startswith("60 → 40: Use: 40 −20.")


def test_a_cap_is_a_cause_and_undoing_it_is_the_advice():
    """Where the model says what to do about it; a cap that does not say gets no advice."""
    good = {"employees": 90, "goals_total": 90}
    assert lines(changed(good, {**good, "revenue": 1}))[0] == (
        "90 → 60: Open ticket −30. To reach A: close the ticket."
    )
    assert lines(changed(good, {**good, "revenue": -1}))[0] == "90 → 60: Held −30."
    assert (
        lines(changed({**good, "revenue": 1}, good))[1]
        == "60 → 90: nicht mehr: Offenes Ticket +30."
    )


def test_a_cap_is_no_obstacle_that_the_score_would_not_pass_either():
    """Held at C by a cap and by its numbers: undoing the cap alone lifts nothing."""
    poor = {"employees": 45, "goals_total": 45}
    assert lines(changed(poor, {**poor, "revenue": 1}))[0] == "45, unchanged."


def test_a_person_s_word_is_a_cause_and_gets_no_advice():
    """It is theirs to take back."""
    fine = {"employees": 90, "goals_total": 90}
    held = {**fine, "override_tier": "D", "override_until": (AS_OF + timedelta(days=9)).date()}
    assert lines(changed(fine, held))[1] == "90 → 40: Von Hand gesetzt −50."


def test_what_merely_weighs_otherwise_is_not_blamed():
    """A measure that became known pulls; the rest is one number."""
    english, _ = lines(changed({"employees": 90}, {"employees": 90, "goals_total": 0}))
    assert english == "90 → 60: Talk: 0 −17, other −13. To reach A: Talk to 100."


def test_what_is_no_longer_known_says_so():
    before = {"employees": 90, "goals_total": 0}
    assert (
        lines(changed(before, {"employees": 90}))[1]
        == "60 → 90: TALK nicht mehr bekannt +17, Übriges +13."
    )


def companies() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Many accounts before and after, spread evenly over what may happen."""

    def known(n: int, step: int) -> dict[str, Any]:
        values = [(n * step * (7 + i)) % 113 for i in range(len(COLUMNS))]
        return {c: v for c, v in zip(COLUMNS, values, strict=True) if v <= 100}

    return [
        (known(n, 3), {**known(n, 5), "revenue": (None, 1, None, -1)[n % 4]}) for n in range(200)
    ]


def test_whole_numbers_add_up_and_advice_holds_when_it_is_taken():
    """For 200 accounts: the parts are the difference; the advice leads where it says."""
    edges = {"A": 70, "B": 50, "hysteresis": 4}
    segment = Segment("odd", "id LIKE '%1'", {"talk": 4}, tiers=edges)
    model, lake = replace(MODEL, segments=(segment,)), Lake()
    for n, (before, _) in enumerate(companies()):
        lake.put("accounts", id=f"{n:03}", **before)
    keep(run(lake, model), model)
    lake.db.execute("DELETE FROM lake_accounts")
    for n, (_, after) in enumerate(companies()):
        lake.put("accounts", id=f"{n:03}", **after)
    run(lake, model, 1)
    told = dict(lake.rows("SELECT id, brief_en FROM results"))
    tiers = dict(lake.rows("SELECT account_id, tier FROM scores"))
    taken = 0
    for id, text in told.items():
        parts = [int(each.replace("−", "-")) for each in re.findall(r" ([−+]\d+)", text)]
        if ends := re.match(r"(\d+) → (\d+)", text):
            assert sum(parts) == int(ends[2]) - int(ends[1]), text
        else:
            assert sum(parts) == 0, text
        if found := re.search(r"To reach (.): (.*)\.$", text):
            taken += 1
            assert found[1] < tiers[id]
            for action in found[2].split(" and "):
                column = {
                    "raise use": "employees = 100", "close the ticket": "revenue = 0",
                    "Talk to 100": "goals_total = 100", "Goals to 100": "goals_reached = 100",
                    "Mood to 100": "sentiment = 100",
                }[action]  # fmt: skip
                lake.db.execute(f"UPDATE lake_accounts SET {column} WHERE id = '{id}'")
    assert taken > 80
    keep(lake, model)
    run(lake, model, 2)
    later = dict(lake.rows("SELECT account_id, tier FROM scores"))
    for id, text in told.items():
        if found := re.search(r"To reach (.):", text):
            assert later[id] == found[1], text


def test_a_line_is_cut_by_whole_parts():
    """Long names: fewer causes, and what they add up to; never more than a field takes."""
    long = tuple(
        replace(each, reason={"en": f"{each.name} {'x' * 60} {{value}}"}, action={"en": "y" * 68})
        for each in MODEL.measures
    )
    model = replace(MODEL, measures=long)
    before = dict(zip(COLUMNS, (60, 50, 80, 60), strict=True))
    after = dict(zip(COLUMNS, (20, 10, 30, 20), strict=True))
    english, _ = lines(changed(before, after, model))
    assert len(english) <= 255
    assert english.startswith("62 → 20: use ")
    assert re.search(r", other −\d+\. To reach C: y{68}( and y{68})*\.$", english)
    assert sum(int(each.replace("−", "-")) for each in re.findall(r" ([−+]\d+)", english)) == -42


def test_it_is_made_only_where_a_mapping_writes_it(tmp_path):
    """From the lake of a real installation, against the score that was kept before."""
    place = small(tmp_path)
    place.score(1)
    place.put("accounts", 2, {"id": "001", "name": "One", "sentiment": 1, "sentiment_at": day(1)})
    found = {}
    for source in ("reason_en", "brief_en"):
        told = Field(source, "Told__c", "text")
        app = replace(place.app, mapping=CrmMapping("crm", "Account", fields=(told,)))
        engine = app.engine()
        score(app, Run("r", Now(day(3)), engine))
        found[source] = dict(engine.rows("SELECT id, brief_en FROM results"))
        engine.close()
    assert found["reason_en"] == {"001": None, "002": None}
    assert re.fullmatch(r"\d+ → \d+: CSM sentiment 1 of 5 −\d+.*", found["brief_en"]["001"])
    for id, line in found["brief_en"].items():
        said = explained(place.app, id)["brief"]["en"]
        assert line.partition(" To reach ")[0] == said.partition(" To reach ")[0]


class Now:
    """A CRM whose clock stands at a moment."""

    def __init__(self, now: Any) -> None:
        self.now = now
