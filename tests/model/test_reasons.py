"""The reason in one line: strongest causes first, within the field, in two languages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.model.definition import Cap, HealthModel, Measure, Override
from connector.model.reasons import said
from tests.model.lake import Lake

COLUMNS = {
    "revenue": "Alpha",
    "employees": "Beta",
    "goals_total": "Gamma",
    "goals_reached": "Delta",
}
GERMAN = {"Alpha": "Erstes", "Beta": "Zweites", "Gamma": "Drittes", "Delta": "Viertes"}
#: Zero is not in the middle, so that it is a cause.
STEEP = ((-20.0, 0.0), (0.0, 100.0))
LINE = ((-1000.0, 0.0), (0.0, 50.0), (1000.0, 100.0))


def model(*caps: Cap, reason: dict[str, str] | None = None) -> HealthModel:
    measures = tuple(
        Measure(
            name=name.lower(),
            stream="accounts",
            value=column,
            group="g",
            points=LINE,
            label={"en": name, "de": GERMAN[name]},
            reason=reason or {},
        )
        for column, name in COLUMNS.items()
    )
    return HealthModel("test", {"g": 1}, measures=measures, caps=caps)


def reasons(values, mine=None):
    lake = Lake().put("accounts", id="001", **dict(zip(COLUMNS, values, strict=True)))
    return lake.run(mine or model()).rows("SELECT reason_en, reason_de FROM scores")[0]


def test_what_carries_a_good_account_leads_and_what_pulls_most_is_told():
    """The brake has the last place, however strong what lifts may be."""
    assert reasons([900, -100, 950, 800])[0] == "Gamma: 950; Alpha: 900; Beta: -100"
    assert reasons([900, -700, 950, None])[0] == "Gamma: 950; Alpha: 900; Beta: -700"


def test_a_brake_of_less_than_a_point_takes_no_place():
    """It would crowd out what matters."""
    assert reasons([900, -30, 950, 800])[0] == "Gamma: 950; Alpha: 900; Delta: 800"
    assert reasons([900, -30, 950, None])[0] == "Gamma: 950; Alpha: 900; Beta: -30"


def test_of_several_brakes_the_strongest_is_told():
    assert reasons([1000, -90, -110, 950])[1] == "Erstes: 1000; Viertes: 950; Drittes: -110"
    assert reasons([1000, -90, -110, None])[1] == "Erstes: 1000; Drittes: -110; Zweites: -90"


def test_what_pulls_a_low_account_down_leads():
    """Also where the score is above the middle, and however strong what lifts may be."""
    assert reasons([900, -500, -600, None])[0] == "Gamma: -600; Beta: -500; Alpha: 900"
    assert reasons([100, 700, -300, 200]) == (
        "Gamma: -300; Beta: 700; Delta: 200",
        "Drittes: -300; Zweites: 700; Viertes: 200",
    )


def test_what_pulls_leads_where_a_cap_makes_the_tier_low():
    """The cap itself, then what else is wrong."""
    cap = Cap("late", "known(alpha)", "C", {"en": "Late", "de": "Spät"})
    assert reasons([900, -100, 950, 800], model(cap))[1] == (
        "Spät; Zweites: -100; Drittes: 950; Erstes: 900"
    )


def test_equal_causes_keep_the_order_of_the_file():
    """The same every time."""
    assert reasons([400, 400, 400, 400])[0] == "Alpha: 400; Beta: 400; Gamma: 400"


def test_what_moves_nothing_is_no_cause():
    """50 points contribute 0."""
    assert reasons([0, 400, None, None])[0] == "Beta: 400"


@pytest.mark.parametrize(
    ("value", "english", "german"),
    [
        (12.34, "12.3", "12,3"),
        (12.35, "12.4", "12,4"),
        (-7.0, "-7", "-7"),
        (999.96, "1000", "1000"),
        (-40.5, "-40.5", "-40,5"),
    ],
)
def test_numbers_are_written_as_people_write_them(value, english, german):
    """One decimal at most; a comma in German."""
    assert reasons([value, None, None, None]) == (f"Alpha: {english}", f"Erstes: {german}")


def test_a_template_places_the_value():
    """Or leaves it out."""
    mine = model(reason={"en": "only {value} left", "de": "zu wenig"})
    assert reasons([-400, None, None, None], mine) == ("only -400 left", "zu wenig")


def test_caps_are_named_before_causes():
    """They weigh more than any number."""
    cap = Cap("late", "known(alpha)", "D", {"en": "Too late; 'sorry'", "de": "Zu spät"})
    english, german = reasons([900, None, None, None], model(cap))
    assert (english, german) == ("Too late; 'sorry'; Alpha: 900", "Zu spät; Erstes: 900")


def test_a_reason_fits_its_field():
    """255 characters, whatever the texts are."""
    caps = [Cap(f"c{n}", "known(alpha)", "D", {"en": f"{n}" * 70}) for n in range(5)]
    english, _ = reasons([900, 1, 1, 1], model(*caps))
    assert len(english) == 255


def test_a_model_without_german_falls_back():
    """To English, then to the name."""
    mine = model()
    plain = replace(mine, measures=tuple(replace(m, label={}) for m in mine.measures))
    assert reasons([500, None, None, None], plain) == ("alpha: 500", "alpha: 500")


DAYS = {"en": "{value} {day|days} late", "de": "vor {value} {Tag|Tagen}"}


@pytest.mark.parametrize(
    ("value", "english", "german"),
    [
        (0.04, "on time", "heute"),
        (1, "1 day late", "vor 1 Tag"),
        (-1, "-1 day late", "vor -1 Tag"),
        (1.5, "1.5 days late", "vor 1,5 Tagen"),
        (12, "12 days late", "vor 12 Tagen"),
    ],
)
def test_a_sentence_is_right_for_none_one_and_many(value, english, german):
    """In SQL and in Python alike."""
    mine = model(reason=DAYS)
    zero = {"en": "on time", "de": "heute"}
    mine = replace(mine, measures=tuple(replace(m, zero=zero, points=STEEP) for m in mine.measures))
    assert reasons([value, None, None, None], mine) == (english, german)
    assert [said(mine.measures[0], value, each) for each in ("en", "de")] == [english, german]


def test_nothing_can_be_passed_over():
    """An empty sentence for zero leaves the room to the next cause, or no reason at all."""
    mine = model(reason=DAYS)
    first, *others = (replace(each, points=STEEP) for each in mine.measures)
    mine = replace(mine, measures=(replace(first, zero={"en": "", "de": ""}), *others))
    assert reasons([0, 3, None, None], mine)[0] == "3 days late"
    assert reasons([0, None, None, None], mine) == (None, None)


def test_a_tier_set_by_hand_is_named_first():
    """Before causes, and also where nothing else is known."""
    mine = replace(
        model(),
        override=Override("override_tier", "override_until", {"en": "By hand", "de": "Von Hand"}),
    )
    lake = Lake()
    for id, revenue in (("001", 400), ("002", None)):
        lake.put("accounts", id=id, revenue=revenue, override_tier="C", override_until="2026-01-31")
    rows = lake.run(mine).rows("SELECT tier, score, reason_en FROM scores ORDER BY account_id")
    assert rows == [("C", 599, "By hand; Alpha: 400"), ("C", None, "By hand")]


def test_the_name_of_a_measure_is_never_taken_for_a_column_in_between():
    """`steps1` was the value of the strongest cause of all accounts."""
    names = dict(zip(("steps1", "top1", "beta", "text1"), COLUMNS, strict=True))
    mine = replace(
        model(),
        measures=tuple(
            replace(each, name=name, label={}, value=names[name])
            for each, name in zip(model().measures, names, strict=True)
        ),
    )
    assert reasons([900, None, -300, None], mine)[0] == "steps1: 900; beta: -300"


def test_a_number_beyond_all_measure_is_told_as_the_greatest():
    """It was an error of the engine, and no account had a score."""
    assert reasons([5e18, None, None, None])[0] == "Alpha: 900000000000000000"
    assert reasons([-5e18, None, None, None])[0] == "Alpha: -900000000000000000"
