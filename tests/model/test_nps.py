"""NPS as the literature works it out, from answers that count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.model.definition import Measure
from connector.model.matching import Matching
from tests.model.lake import Lake, ago, answer, only


def answers(promoters: int, passives: int, detractors: int) -> Lake:
    lake = Lake().put("accounts", id="001")
    scores = [9] * promoters + [7] * passives + [6] * detractors
    for number, score in enumerate(scores):
        answer(lake, f"r{number}", score, 0)
    return lake


@pytest.mark.parametrize(
    ("promoters", "passives", "detractors", "nps"),
    [
        (50, 30, 20, 30.0),
        (1, 0, 0, 100),
        (0, 0, 1, -100),
        (3, 0, 1, 50),
        (8, 3, 1, 58.3),
        (2, 1, 0, 66.7),
    ],
)
def test_nps_is_promoters_minus_detractors(promoters, passives, detractors, nps):
    """In percent of all answers."""
    found = answers(promoters, passives, detractors).run(only("nps", "loyalty")).value("nps")
    assert round(found, 1) == nps


@pytest.mark.parametrize(
    ("promoters", "passives", "detractors", "shrunk"),
    [(1, 0, 0, 40), (3, 0, 1, 37.5), (8, 3, 1, 50.0)],
)
def test_few_answers_are_drawn_to_the_middle(promoters, passives, detractors, shrunk):
    """Four answers of +25 are added: the table of the methods page."""
    found = answers(promoters, passives, detractors).run(only("loyalty")).value("loyalty")
    assert round(found, 1) == shrunk


@pytest.mark.parametrize(
    ("score", "kind"),
    [(0, -1), (6, -1), (7, 0), (8, 0), (9, 1), (10, 1)],
)
def test_promoters_begin_at_9_and_detractors_end_at_6(score, kind):
    """The borders of the three kinds."""
    lake = answer(Lake().put("accounts", id="001"), "r", score, 1)
    assert lake.run(only("nps", "loyalty")).value("nps") == 100 * kind


@pytest.mark.parametrize(
    ("name", "given", "nps"),
    [
        ("Alpha", [(3, 9, 20), (1, 6, 10), (1, 10, 200)], 50.1),
        ("Beta", [(3, 4, 40)], -100),
        ("Gamma", [(1, 8, 15), (1, 9, 30)], 47.1),
    ],
)
def test_answers_fade_and_weigh_by_role(name, given, nps):
    """The worked accounts with a half-life of 90 days; the role's weight is given by its sender."""
    weighted = Measure(
        name="weighted",
        stream="responses",
        group="customer_sentiment",
        value="100 * sum(decay * cast(touchpoint as double) * case when score >= 9 then 1"
        " when score <= 6 then -1 else 0 end) / sum(decay * cast(touchpoint as double))",
        half_life=90,
        points=((-100, 0), (100, 100)),
    )
    lake = Lake().put("accounts", id="001", name=name)
    for number, (weight, score, age) in enumerate(given):
        answer(lake, f"r{number}", score, age, touchpoint=str(weight))
    lake.run(replace(only("nps"), measures=(weighted,)))
    assert round(lake.value("weighted"), 1) == nps


def test_after_its_half_life_an_answer_counts_half():
    """One promoter of today against one detractor of a half-life ago: (1 − ½) / 1½."""
    decayed = Measure(
        name="decayed",
        stream="responses",
        group="customer_sentiment",
        value="sum(decay * (score - 5) / 5) / sum(decay)",
        half_life=90,
        points=((-1, 0), (1, 100)),
    )
    lake = answer(answer(Lake().put("accounts", id="001"), "a", 10, 0), "b", 0, 90)
    lake.run(replace(only("nps"), measures=(decayed,)))
    assert lake.value("decayed") == pytest.approx(1 / 3, abs=1e-12)


def test_relationship_and_transactional_nps_are_not_pooled():
    """They are on different levels."""
    lake = answer(Lake().put("accounts", id="001"), "a", 10, 1)
    answer(lake, "b", 0, 1, kind="transactional")
    lake.run(only("nps", "experiences"))
    assert (lake.value("nps"), lake.value("experiences")) == (100, -100)


@pytest.mark.parametrize(
    "more",
    [
        {"excluded": True},
        {"deleted": True},
        {"score": 11},
        {"score": -1},
        {"score": None},
        {"metric": "csat"},
    ],
)
def test_what_is_no_valid_answer_does_not_count(more):
    """Previews, deletions and impossible scores."""
    lake = answer(Lake().put("accounts", id="001"), "a", 10, 1)
    answer(lake, "b", **{"score": 0, "days": 1, **more})
    assert lake.run(only("nps", "loyalty")).value("nps") == 100


def test_a_person_who_answers_again_within_a_day_counts_once():
    """The last answer stays; a day later it is a new one."""
    lake = Lake().put("accounts", id="001")
    for id, score, days in (("a", 0, 10.47), ("b", 3, 9.5), ("c", 10, 9.1), ("d", 9, 8.1)):
        answer(lake, id, score, days, email="Same@x.example")
    lake.run(only("nps", "nps_responses", "loyalty"))
    assert (lake.value("nps"), lake.value("nps_responses")) == (100, 2)
    assert lake.rows("SELECT rule, id FROM oddities ORDER BY id") == [
        ("answered_again", "a"),
        ("answered_again", "b"),
    ]


def test_two_people_and_two_questions_do_not_replace_one_another():
    """The same day, another person or another metric."""
    lake = Lake().put("accounts", id="001")
    answer(lake, "a", 9, 1)
    answer(lake, "b", 9, 1)
    answer(lake, "c", 3, 1, email="a@x.example", metric="csat", scale_min=1, scale_max=5)
    lake.run(only("nps_responses", "satisfaction"))
    assert (lake.value("nps_responses"), lake.value("satisfaction")) == (2, 50)


def test_a_score_off_its_scale_is_an_oddity():
    """Kept out, and listed."""
    lake = answer(Lake().put("accounts", id="001"), "a", 11, 1)
    lake.run(only("nps", "loyalty"))
    assert lake.rows("SELECT stream, rule, id FROM oddities") == [
        ("responses", "score_outside_scale", "a")
    ]


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"excluded": True}, "excluded_by_platform"),
        ({"metric": None}, "unknown_metric"),
        ({"metric": "NPS"}, "unknown_metric"),
        ({"scale_min": 1, "scale_max": 5}, "wrong_scale"),
        ({"scale_max": 100}, "wrong_scale"),
        ({"metric": "csat", "scale_min": None}, "unknown_scale"),
        ({"metric": "ces", "scale_min": 7, "scale_max": 7}, "unknown_scale"),
        ({"metric": "star", "scale_max": None}, "unknown_scale"),
        ({"metric": "csat", "scale_min": 1, "scale_max": 5, "score": 7}, "score_outside_scale"),
        ({"score": 10.5}, "score_outside_scale"),
        ({"score": -1}, "score_outside_scale"),
        ({"score": 8.5}, "score_not_whole"),
    ],
)
def test_an_answer_that_is_not_sound_is_listed_by_its_rule_and_counts_nowhere(more, rule):
    """It is neither mended nor taken for something else."""
    lake = answer(Lake().put("accounts", id="001"), "a", 10, 1)
    answer(lake, "b", **{"score": 0, "days": 1, **more})
    lake.run(only("nps", "loyalty", "nps_responses", "satisfaction"))
    assert (lake.value("nps"), lake.value("nps_responses")) == (100, 1)
    assert lake.value("satisfaction") is None
    assert lake.rows("SELECT rule, id FROM oddities") == [(rule, "b")]


def test_what_the_company_s_own_people_answer_counts_nowhere():
    """By their address, also below the domain; a customer whose name ends like it counts."""
    lake = Lake().put("accounts", id="001")
    for id, mail in (
        ("a", "Eva@Vendor.example "), ("b", "x@de.vendor.example"), ("c", "x@myvendor.example"),
        ("d", None),
    ):  # fmt: skip
        answer(lake, id, 0 if id in "ab" else 10, 1, email=mail)
    lake.run(only("nps", "nps_responses", "loyalty"), matching=Matching(own=("vendor.example",)))
    assert (lake.value("nps"), lake.value("nps_responses")) == (100, 2)
    assert lake.rows("SELECT rule, id FROM oddities ORDER BY id") == [
        ("own_people", "a"), ("own_people", "b"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [
        {"scale_min": None, "scale_max": None},
        {"metric": "star", "scale_min": 1, "scale_max": 5, "score": 4.5},
        {"metric": "other", "scale_min": None},
        {"score": None},
    ],
    ids=["nps has one scale only", "half a star", "anything else", "nothing said yet"],
)
def test_a_sound_answer_is_on_no_list(more):
    """An answer without a score is known, counts nowhere, and is not odd."""
    lake = answer(Lake().put("accounts", id="001"), "a", **{"score": 5, "days": 1, **more})
    lake.run(only("nps", "loyalty"))
    assert lake.rows("SELECT rule FROM oddities") == []


def test_one_answer_that_two_sources_bring_counts_once():
    """As it is where it changed last; another platform's answer of the same id is another one."""
    lake = Lake().put("accounts", id="001")
    told = {"platform": "typeform", "survey": "s"}
    answer(lake, "a", 3, 5, **told, source="hook", modified_at=ago(5))
    answer(lake, "a", 10, 5, **told, source="surveys", modified_at=ago(1))
    answer(lake, "a", 10, 9, platform="zenloop", survey="s", source="other", email="b@x.example")
    lake.run(only("nps", "nps_responses", "loyalty"))
    assert (lake.value("nps"), lake.value("nps_responses")) == (100, 2)
    assert lake.rows("SELECT rule, id FROM oddities") == [("duplicate", "a")]


def test_a_flawed_answer_replaces_no_sound_one():
    """Who first says 9 and then 99 has said 9."""
    lake = answer(Lake().put("accounts", id="001"), "a", 9, 1.2, email="x@x.example")
    answer(lake, "b", 99, 1, email="x@x.example")
    lake.run(only("nps", "nps_responses", "loyalty"))
    assert lake.value("nps_responses") == 1
    assert lake.rows("SELECT rule, id FROM oddities") == [("score_outside_scale", "b")]


def test_the_last_response_is_a_moment():
    """Facts may be moments."""
    lake = answer(answer(Lake().put("accounts", id="001"), "a", 9, 400), "b", 3, 30)
    lake.run(only("last_response_at", "last_score", "csm_sentiment"))
    assert lake.value("CAST(last_response_at AS VARCHAR)") == "2026-01-01 12:00:00+00"
    assert lake.value("last_score") == 3
    assert ago(30).startswith("2026-01-01T12:00:00")


@pytest.mark.parametrize("ids", ["ab", "ba"])
def test_of_two_last_answers_of_one_moment_the_id_decides(ids):
    """Files tell the day alone, and records come in any order."""
    lake = Lake().put("accounts", id="001")
    for id in ids:
        answer(lake, id, {"a": 2, "b": 9}[id], 10)
    assert lake.run(only("last_score")).value("last_score") == 9
