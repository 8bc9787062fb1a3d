"""Why a score is what it is, why it changed, and what would lift it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.model import ageing, files, whatif
from connector.model.arithmetic import shown
from connector.model.explain import explanation
from connector.model.telling import text
from tests.model.lake import AS_OF, SHIPPED, Lake, ago, answer, only, shipped


def customer() -> Lake:
    """A customer of whom something is known in most groups."""
    lake = Lake().put(
        "accounts",
        id="001",
        sentiment=3,
        sentiment_at=ago(5),
        goals_total=4,
        goals_reached=1,
        advocacy="Neutral",
    )
    for n, status in enumerate(("held", "no_show", "held")):
        meeting = {"kind": "meeting", "status": status, "contact_id": f"003{n}"}
        lake.put("activities", id=f"a{n}", account_id="001", occurred_at=ago(9 + n), **meeting)
    lake.put("tickets", id="t", account_id="001", priority="high", opened_at=ago(20))
    return answer(answer(lake, "r", 7, 30), "q", 9, 60)


def explained(lake: Lake, model=None, previous=None):
    model = model or shipped()
    return explanation(model, lake.run(model).row(), previous)


def tenths(value: float) -> int:
    return round(value * 10)


def test_it_has_the_agreed_keys():
    """And is plain JSON."""
    found = explained(customer())
    agreed = {
        "account",
        "as_of",
        "model",
        "score",
        "tier",
        "confidence",
        "unknown",
        "contributions",
    }
    assert agreed | {"caps", "change", "next_tier"} <= set(found)
    assert json.loads(json.dumps(found)) == found


def test_contributions_add_up():
    """To the score before caps less 50."""
    found = explained(customer())
    assert sum(tenths(c["contribution"]) for c in found["contributions"]) == (
        tenths(found["score_before_caps"]) - 500
    )


def test_known_and_unknown_are_all_measures():
    """Nothing is passed over, and what is unknown says why."""
    found = explained(customer())
    names = [each["name"] for each in (*found["contributions"], *found["unknown"])]
    assert sorted(names) == sorted(each.name for each in shipped().scored)
    why = {each["name"]: each["why"] for each in found["unknown"]}
    assert why["usage_trend"] == "no signals within 60 days"
    assert why["onboarding_state"] == "the account has no value"


def test_caps_are_listed():
    """With their names in both languages."""
    lake = customer().put(
        "tickets", id="u", account_id="001", priority="urgent", is_closed=False, opened_at=ago(1)
    )
    lake.db.execute("UPDATE lake_accounts SET sentiment = 5, goals_reached = 4")
    found = explained(lake)
    assert [cap["name"] for cap in found["caps"]] == ["open_urgent_ticket"]
    assert found["next_tier"][0]["cause"] == "cap"


def changed(lake: Lake, happens=None, days: float = 7, model=None, before=None):
    """The explanation after some days in which something happens, with age told from data;
    `before` is the model of the earlier score, if that was another."""
    model = model or shipped()
    first, now = lake.run(before or model).row(), AS_OF + timedelta(days=days)
    lake.keep()
    if happens:
        happens(lake)
    second = lake.run(model, now).row()
    for stage in ageing.alone(model, "001", AS_OF, now):
        lake.db.execute(f"CREATE OR REPLACE TEMP {stage.kind} {stage.name} AS {stage.sql}")
    found = lake.db.execute("SELECT * FROM aged")
    names = [column[0] for column in found.description]
    aged = ageing.read(model, dict(zip(names, found.fetchone(), strict=True)))
    return explanation(model, second, first, aged)


def total(change) -> int:
    return sum(tenths(term["delta"]) for term in change["terms"])


def test_the_terms_of_a_change_add_up():
    """New answers, new tickets, lost values: to − from, exactly."""

    def week(lake: Lake) -> None:
        answer(lake, "s", 2, -3)
        lake.put(
            "tickets",
            id="t2",
            account_id="001",
            priority="urgent",
            is_closed=True,
            opened_at=ago(-2),
        )
        lake.db.execute("UPDATE lake_accounts SET advocacy = NULL")

    change = changed(customer(), week)["change"]
    assert change["from"] > change["to"]
    assert total(change) == tenths(change["to"]) - tenths(change["from"])
    told = {(term["cause"], term["name"]) for term in change["terms"] if not term["reweighed"]}
    assert told == {("data", "loyalty"), ("data", "ticket_load")}


def test_a_cap_is_a_term_of_its_own():
    """What a cap takes is not blamed on a measure."""

    def week(lake: Lake) -> None:
        lake.put(
            "tickets",
            id="t2",
            account_id="001",
            priority="urgent",
            is_closed=False,
            opened_at=ago(-2),
        )

    lake = customer()
    lake.db.execute(
        "UPDATE lake_accounts SET sentiment = 5, goals_reached = 4, advocacy = 'Reference'"
    )
    change = changed(lake, week)["change"]
    (cap,) = [term for term in change["terms"] if term["cause"] == "cap"]
    assert (cap["name"], cap["delta"] < 0) == ("open_urgent_ticket", True)
    assert total(change) == tenths(change["to"]) - tenths(change["from"])


def heavier():
    """The shipped model with another weight."""
    new = SHIPPED.read_text().replace("outcomes           = 10", "outcomes           = 60")
    model, _ = files.read(new, "new.toml")
    return model


def test_a_new_model_is_a_term_of_its_own():
    """Other weights, the same data: all of the change is the model's."""
    model, lake = heavier(), customer()
    first = lake.run(shipped()).row()
    change = explanation(model, lake.run(model).row(), first)["change"]
    assert [(t["cause"], t["name"]) for t in change["terms"]] == [("model", model.version)]
    assert total(change) == tenths(change["to"]) - tenths(change["from"]) != 0


def test_a_new_model_and_new_data_are_told_apart():
    """Both terms are there, and they add up."""
    found = changed(
        customer(), lambda lake: answer(lake, "s", 0, -3), model=heavier(), before=shipped()
    )
    change = found["change"]
    assert {"model", "data"} <= {term["cause"] for term in change["terms"]}
    assert total(change) == tenths(change["to"]) - tenths(change["from"])


FEW = only("meetings_held", "goals_share")


def other(name: str, **values):
    """That model before one of its measures was what it is."""
    told = (replace(each, **values) if each.name == name else each for each in FEW.measures)
    return replace(FEW, measures=tuple(told))


@pytest.fixture(
    params=[
        pytest.param(other("meetings_held", window=10), id="another window"),
        pytest.param(other("meetings_held", value="count(*)"), id="another SQL"),
        pytest.param(other("csm_sentiment", points=((1, 0), (9, 100))), id="other points"),
        pytest.param(only("meetings_held"), id="a measure added"),
        pytest.param(only("meetings_held", "goals_share", "goodwill"), id="a measure removed"),
    ]
)
def before(request: pytest.FixtureRequest):
    """A model that is another one."""
    return request.param


def test_whatever_a_model_changes_is_the_model(before):
    """No record was touched, and in an hour nothing aged: there is one term, and it is all."""
    found = changed(customer(), days=1 / 24, model=FEW, before=before)
    assert [(t["cause"], t["name"]) for t in found["change"]["terms"]] == [("model", FEW.version)]
    assert total(found["change"]) == tenths(found["change"]["to"] - found["change"]["from"]) != 0


def test_a_record_beside_another_model_is_told_apart(before):
    """The model has what it had without the record, and the record the rest."""

    def meet(lake: Lake) -> None:
        meeting = {"kind": "meeting", "status": "held", "contact_id": "0039"}
        lake.put("activities", id="b", account_id="001", occurred_at=ago(-0.5), **meeting)

    alone = causes(changed(customer(), days=1, model=FEW, before=before))
    found = changed(customer(), meet, days=1, model=FEW, before=before)
    told = causes(found)
    assert set(told) == {("model", FEW.version), ("data", "meetings_held")}
    assert told["model", FEW.version] == alone["model", FEW.version]
    assert told["data", "meetings_held"] > 0
    assert total(found["change"]) == tenths(found["change"]["to"] - found["change"]["from"])


def test_age_beside_another_model_is_told_apart():
    """What the window of now lets go is age, whatever the window was before."""
    told = causes(changed(customer(), days=80, model=FEW, before=other("meetings_held", window=10)))
    assert told["model", FEW.version] > 0 > told["age", "meetings_held"]
    assert not [name for cause, name in told if cause == "data"]


def test_what_was_edited_beside_another_model_is_part_of_its_step():
    """By its value alone an old record does not tell an edit from another SQL."""

    def edit(lake: Lake) -> None:
        lake.db.execute("UPDATE lake_accounts SET goals_reached = 4")

    assert ("data", "goals_share") in causes(changed(customer(), edit, days=1, model=FEW))
    told = causes(changed(customer(), edit, days=1, model=FEW, before=only("meetings_held")))
    assert set(told) == {("model", FEW.version)}


# ── age and data ──────────────────────────────────────────────────────────────────────────────────


def causes(found) -> dict[tuple[str, str], float]:
    return {(t["cause"], t["name"]): t["delta"] for t in found["change"]["terms"]}


def test_what_the_clock_does_is_age():
    """Nothing happens for a hundred days: whatever changed, no record is to blame."""
    found = changed(customer(), days=100)
    change = found["change"]
    assert {each["cause"] for each in change["terms"]} == {"age"}
    assert total(change) == tenths(change["to"]) - tenths(change["from"]) != 0


def test_a_new_record_is_data():
    """A bad answer the day after, and nothing else that moves much."""
    found = changed(customer(), lambda lake: answer(lake, "s", 0, -0.5), days=1)
    told = causes(found)
    assert told["data", "loyalty"] < 0
    assert abs(told.get(("age", "loyalty"), 0)) < abs(told["data", "loyalty"])
    assert total(found["change"]) == tenths(found["change"]["to"]) - tenths(found["change"]["from"])


def test_an_edited_record_is_no_matter_of_age():
    """A complaint that is settled counts less, although it is an old record."""
    lake = customer().put(
        "tickets", id="c", account_id="001", kind="complaint", is_closed=False, opened_at=ago(40)
    )

    def settle(lake: Lake) -> None:
        lake.db.execute("UPDATE lake_tickets SET is_closed = TRUE WHERE id = 'c'")

    told = causes(changed(lake, settle, days=1))
    assert told["data", "complaints"] > 0
    assert ("age", "complaints") not in told


def test_age_and_data_of_one_measure_are_told_apart():
    """Meetings leave the window while another one is held: minus by age, plus by data."""

    def meet(lake: Lake) -> None:
        meeting = {"kind": "meeting", "status": "held", "contact_id": "0039"}
        lake.put("activities", id="b", account_id="001", occurred_at=ago(-85), **meeting)

    told = causes(changed(customer(), meet, days=86))
    assert told["age", "meetings_held"] < 0 < told["data", "meetings_held"]


def test_an_old_answer_says_how_old_it_is():
    """Where the model limits the age of a value."""
    brief = changed(customer(), days=180)["change"]["terms"]
    (loyalty,) = [t for t in brief if (t["cause"], t["name"]) == ("age", "loyalty")]
    assert loyalty["text"]["en"].endswith("210 days old")
    assert loyalty["text"]["de"].endswith("210 Tage alt")


def test_a_person_is_a_term_of_their_own():
    """A tier set by hand is blamed on nobody else; when it expires, that is said."""
    lake = customer()
    by_hand = "UPDATE lake_accounts SET override_tier = 'D', override_until = DATE '2026-02-03'"
    found = changed(lake, lambda each: each.db.execute(by_hand), days=1)
    assert causes(found)["override", "override"] < 0
    assert found["override"] == {
        "tier": "D", "until": "2026-02-03", "by": None, "reason": None,
        "label": {"en": "Set by hand", "de": "Von Hand gesetzt"},
    }  # fmt: skip
    assert total(found["change"]) == tenths(found["change"]["to"]) - tenths(found["change"]["from"])
    after = changed(lake, days=7)
    assert causes(after)["override", "override"] > 0
    assert "no longer: Set by hand" in after["brief"]["en"]


def test_whose_word_it_is_and_why_is_told_with_it():
    """As long as it holds, and only what the account says; the score is what it is without."""
    lake = customer()
    lake.db.execute(
        "UPDATE lake_accounts SET override_tier = 'D', override_until = DATE '2026-12-31'"
    )
    unsaid = explained(lake)
    assert "Set by hand: D until 2026-12-31" in text(unsaid, "en")
    lake.db.execute("UPDATE lake_accounts SET override_by = ' Eva ', override_reason = 'leaving'")
    said = explained(lake)
    assert (said["override"]["by"], said["override"]["reason"]) == ("Eva", "leaving")
    assert "Set by hand: D until 2026-12-31, by Eva (leaving)" in text(said, "en")
    assert "Von Hand gesetzt: D bis 2026-12-31, von Eva (leaving)" in text(said, "de")
    assert {**said, "override": None} == {**unsaid, "override": None}
    lake.db.execute("UPDATE lake_accounts SET override_until = DATE '2020-01-01'")
    assert explained(lake)["override"] is None
    row = lake.run(shipped()).row()
    assert (row["override_until"], row["override_by"], row["override_reason"]) == (None,) * 3


@given(st.lists(st.integers(-300, 300), max_size=30), st.integers(0, 9), st.integers(0, 9))
def test_whole_numbers_add_up_to_the_change_that_is_seen(deltas, rest, more):
    """However the tenths fall; and none is off by a whole point."""
    begun = 5000 + rest * 10 + more
    before, after = (begun + 5) // 10, (begun + sum(deltas) + 5) // 10
    whole = shown(deltas, begun)
    assert sum(whole) == after - before or not deltas
    assert all(abs(w * 10 - d) < 10 for w, d in zip(whole, deltas, strict=True))


# ── what would lift it ────────────────────────────────────────────────────────────────────────────


def reach_of(lake: Lake, model=None, as_of=AS_OF):
    """What the model finds to lift account 001."""
    model = model or shipped()
    row = lake.run(model, as_of).row()
    tried = whatif.moves(model, row)
    values = ", ".join(f'm."{each.name}".value AS "{each.name}"' for each in model.measures)
    for size in range(1, whatif.LARGEST + 1):
        if not (chosen := whatif.sets(tried, size)):
            break
        sql = whatif.query(
            model,
            row,
            tried,
            chosen,
            "SELECT * FROM accounts WHERE id = '001'",
            f"SELECT {values} FROM measures AS m WHERE account_id = '001'",
            as_of,
        )
        if reach := whatif.best(tried, chosen, lake.db.execute(sql).fetchall()):
            return whatif.told(model, row, reach), row, reach
    return None, row, None


def healthy() -> Lake:
    """A customer who is well."""
    lake = customer()
    lake.db.execute(
        "UPDATE lake_accounts SET sentiment = 5, goals_reached = 4, advocacy = 'Reference'"
    )
    return lake


def test_a_cap_is_lifted_by_what_it_asks_about():
    """The open ticket is the one thing between this account and a better tier."""
    lake = healthy().put(
        "tickets", id="u", account_id="001", priority="urgent", is_closed=False, opened_at=ago(1)
    )
    advice, row, _ = reach_of(lake)
    assert row["tier"] == "C"
    assert advice["tier"] == "B"
    (change,) = advice["changes"]
    assert (change["name"], change["to"]) == ("open_urgent_tickets", 0)
    found = explanation(shipped(), row, None, None, reach_of(lake)[2])
    assert found["brief"]["en"].endswith("To reach B: close the urgent ticket.")
    assert found["brief"]["de"].endswith("Für B: dringendes Ticket schließen.")


def test_advice_holds_when_it_is_taken():
    """What is advised, done, gives the tier that was promised; nothing smaller does."""
    model = only("goals_share")
    lake = Lake().put(
        "accounts", id="001", sentiment=3, sentiment_at=ago(1), goals_total=10, goals_reached=1
    )
    advice, _, _ = reach_of(lake, model)
    lake.keep()
    assert [each["name"] for each in advice["changes"]] == ["goals_share"]
    lake.db.execute("UPDATE lake_accounts SET goals_reached = 10")
    assert lake.run(model, AS_OF + timedelta(days=1)).tier() == advice["tier"] == "B"


def test_two_changes_are_advised_where_one_is_not_enough():
    """The smallest set, and only because no single one does it."""
    model = only("goals_share", "goodwill")
    lake = Lake().put(
        "accounts", id="001", sentiment=1, sentiment_at=ago(1), goals_total=10, goals_reached=0
    )
    lake.db.execute("UPDATE lake_accounts SET advocacy = 'Critic'")
    advice, row, _ = reach_of(lake, model)
    assert row["tier"] == "D"
    assert len(advice["changes"]) == 1
    heavy = replace(model, tiers=replace(model.tiers, C=55))
    advice, _, _ = reach_of(lake, heavy)
    assert len(advice["changes"]) == 2


def test_the_best_tier_and_an_override_get_no_advice():
    """Nothing the customer does moves a tier that was set by hand."""
    lake = customer()
    lake.db.execute(
        "UPDATE lake_accounts SET override_tier = 'D', override_until = DATE '2026-12-31'"
    )
    assert reach_of(lake)[0] is None
    advice, row, _ = reach_of(healthy())
    assert (row["tier"], advice) == ("A", None)
    assert any(row[each.name]["points"] not in (None, 1000) for each in shipped().scored)


# ── the line for a field ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_line_fits_a_field_and_adds_up(language):
    """At most 255 characters; its whole numbers are the change."""

    def week(lake: Lake) -> None:
        for n in range(3):
            answer(lake, f"bad{n}", 0, -2)
        lake.put(
            "tickets", id="u", account_id="001", priority="urgent", is_closed=False,
            opened_at=ago(-2),
        )  # fmt: skip

    found = changed(healthy(), week, days=100)
    line, ends = found["brief"][language], found["change"]["shown"]
    assert len(line) <= 255
    assert line.startswith(f"{ends['from']} → {ends['to']}: ")
    numbers = re.findall(r" ([+−]\d+)(?=[,.])", line)
    assert sum(int(each.replace("−", "-")) for each in numbers) == ends["to"] - ends["from"]


def test_what_only_weighs_otherwise_is_not_blamed():
    """When goals become unknown the others share their weight: that is one sum, not a list."""

    def forget(lake: Lake) -> None:
        lake.db.execute("UPDATE lake_accounts SET goals_total = NULL")

    found = changed(customer(), forget, days=1)
    blamed = {t["name"] for t in found["change"]["terms"] if not t["reweighed"]}
    assert "goals_share" in blamed
    assert "csm_sentiment" not in blamed
    line = found["brief"]["en"]
    assert "Goals reached no longer known" in line
    assert "CSM sentiment" not in line


def test_a_first_score_says_so():
    """There is nothing to compare with."""
    found = explained(customer())
    assert found["brief"]["en"].endswith("(first score).")
    assert found["brief"]["de"].endswith("(erster Wert).")


def test_without_an_earlier_score_there_is_no_change():
    """The first run explains only itself."""
    assert explained(customer())["change"] is None


def test_the_step_to_the_next_tier_is_the_smallest():
    """Doing it reaches the tier; doing a little less does not."""
    model = only("goals_share")
    lake = Lake().put(
        "accounts", id="001", sentiment=3, sentiment_at=ago(1), goals_total=1000, goals_reached=300
    )
    found = explained(lake, model)
    assert found["tier"] == "C"
    step = next(each for each in found["next_tier"] if each["name"] == "goals_share")
    lake.keep()
    for value, tier in ((step["to"]["value"], "B"), (step["to"]["value"] - 0.2, "C")):
        lake.db.execute("UPDATE lake_accounts SET goals_reached = ?", [value * 10])
        assert lake.run(model, AS_OF + timedelta(days=1)).tier() == tier


def test_what_cannot_reach_the_next_tier_is_not_offered():
    """The rest of the weight is too heavy."""
    lake = Lake().put(
        "accounts", id="001", sentiment=1, sentiment_at=ago(1), goals_total=4, goals_reached=0
    )
    offered = [each["name"] for each in explained(lake, only("goals_share"))["next_tier"]]
    assert offered == ["csm_sentiment"]


def test_the_best_tier_has_no_next():
    """Nothing is asked of an A."""
    lake = Lake().put("accounts", id="001", sentiment=5, sentiment_at=ago(1))
    assert explained(lake, only("csm_sentiment"))["next_tier"] == []


@pytest.mark.parametrize(
    ("language", "head", "decimal"), [("en", "Score", "."), ("de", "Wert", ",")]
)
def test_it_can_be_read_in_two_languages(language, head, decimal):
    """The first line says score, tier and confidence; German has a decimal comma."""
    lines = text(explained(customer()), language)
    assert lines[0].startswith(head)
    assert any(f"{decimal}" in line for line in lines[1:4])
    assert not any("{" in line for line in lines)


def test_an_unknown_account_is_said_to_be_unknown():
    """In one line, without numbers."""
    found = explained(Lake().put("accounts", id="001"))
    assert text(found, "en") == ["No score: nothing is known about this account"]
    assert found["score"] is None
