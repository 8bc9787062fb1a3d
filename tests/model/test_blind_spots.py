"""Why nothing is known, and that little is never taken for much."""

from __future__ import annotations

import pytest

from connector.model.explain import explanation
from connector.model.telling import text
from tests.model.lake import Lake, ago, answer, shipped
from tests.model.test_explain import reach_of


def asked(lake: Lake, id: str, account: str, status: str, days: float = 9) -> Lake:
    """An invitation that went to an account."""
    return lake.put("invitations", id=id, account_key=account, status=status, asked_at=ago(days))


def fine(*ids: str) -> Lake:
    """Accounts of which all else is known and good, each with somebody to ask."""
    lake = Lake()
    for id in ids:
        lake.put(
            "accounts", id=id, sentiment=5, sentiment_at=ago(1), goals_total=1, goals_reached=1,
            onboarding="Done", advocacy="Reference",
        )  # fmt: skip
        lake.put("contacts", id=f"c-{id}", account_id=id)
    return lake


@pytest.fixture(scope="module")
def lake() -> Lake:
    """One account for every reason there is, each with a fine opinion of its manager."""
    ids = ("alone", "stale", "nameless", "refused", "bounced", "silent", "never", "answered")
    lake = fine(*ids)
    lake.db.execute("DELETE FROM lake_contacts WHERE account_id = 'alone'")
    answer(lake, "old", 10, 400, account_key="stale")
    answer(lake, "new", 10, 4, account_key="answered")
    asked(lake, "i1", "bounced", "bounced")
    asked(asked(lake, "i2", "silent", "sent"), "i3", "silent", "bounced")
    asked(lake, "i4", "never", "sent", days=500)
    asked(asked(lake, "i5", "refused", "declined"), "i6", "refused", "bounced")
    asked(asked(lake, "i7", "nameless", "answered"), "i8", "nameless", "declined")
    answer(lake, "anonymous", 2, 5, account_key=None, email=None)
    return lake.run(shipped())


def test_every_account_is_told_why_nothing_is_known(lake):
    """The first reason that holds; nothing where there is an answer."""
    found = dict(lake.rows("SELECT account_id, blind_spot FROM scores"))
    assert found == {
        "alone": "no_contact",
        "stale": "stale_answer",
        "nameless": "answered_anonymously",
        "refused": "opted_out",
        "bounced": "bounced",
        "silent": "asked_but_silent",
        "never": "never_asked",
        "answered": None,
    }


def test_nobody_who_did_not_answer_is_an_a(lake):
    """Whatever else is said of the account; the same account with an answer is one."""
    tiers = dict(lake.rows("SELECT account_id, tier FROM scores"))
    assert tiers.pop("answered") == "A"
    assert set(tiers.values()) == {"B"}


def test_those_who_cannot_have_answered_are_listed(lake):
    """By id, for a person who can ask them."""
    told = dict(lake.rows("SELECT rule, id FROM oddities WHERE stream = 'accounts'"))
    assert told == {
        "no_contact": "alone", "bounced": "bounced", "never_asked": "never",
        "opted_out": "refused", "answered_anonymously": "nameless",
    }  # fmt: skip


def test_one_who_still_may_be_asked_has_not_opted_out():
    """One declined, another only kept silent: the account can be asked again."""
    lake = Lake().put("accounts", id="001").put("contacts", id="c", account_id="001")
    asked(asked(lake, "i1", "001", "declined"), "i2", "001", "sent")
    assert lake.run(shipped()).row()["blind_spot"] == "asked_but_silent"


def test_an_answer_that_names_nobody_is_counted_among_answers_alone(lake):
    """It is told of by itself: whose it is cannot be known, so no account is blamed for it."""
    told = lake.rows("SELECT rule, id FROM oddities WHERE stream = 'responses'")
    assert ("anonymous", "anonymous") in told


def test_an_explanation_says_why_in_both_languages(lake):
    """By the reason for a survey, by the missing records for everything else."""
    found = explanation(shipped(), lake.row("never"))
    why = {each["name"]: each["because"] for each in found["unknown"]}
    assert why["loyalty"] == {"en": "never asked", "de": "nie gefragt"}
    assert why["usage_trend"]["de"] == "keine Signale in 60 Tagen"
    assert found["blind_spot"]["name"] == "never_asked"
    lines = text(found, "de")
    assert any(line.startswith("Nicht bekannt, nie gefragt: Loyalität") for line in lines)


def test_where_nothing_tells_of_invitations_nobody_was_never_asked():
    """A stream that is not connected is no fact about an account."""
    lake = Lake().put("accounts", id="001", sentiment=4, sentiment_at=ago(1))
    lake.put("contacts", id="c", account_id="001")
    assert lake.run(shipped()).row()["blind_spot"] is None


def test_answers_alone_never_make_an_a():
    """Twelve perfect ones of every kind, about the relationship, experiences and satisfaction."""
    lake = Lake().put("accounts", id="001")
    for n in range(12):
        answer(lake, f"r{n}", 10, n + 1)
        answer(lake, f"t{n}", 10, n + 1, kind="transactional")
        answer(lake, f"s{n}", 5, n + 1, metric="csat", scale_min=1, scale_max=5)
    row = lake.run(shipped()).row()
    assert (row["raw"] >= 900, row["tier"], row["caps"]) == (True, "B", ["too_little_known"])


def told(lake: Lake) -> dict[str, tuple[str, list[str], str | None]]:
    """Tier, caps and blind spot of every account."""
    found = lake.run(shipped()).rows("SELECT account_id, tier, caps, blind_spot FROM scores")
    return {id: tuple(rest) for id, *rest in found}


def test_who_runs_no_surveys_is_not_held_down_by_them():
    """No answer and no invitation of anybody: that is a fact about the org, about no account."""
    assert told(fine("001")) == {"001": ("A", [], None)}


def test_silence_counts_before_anybody_has_answered():
    """Invitations are known, answers are not: those who were asked and those who were not."""
    lake = asked(fine("asked", "passed over"), "i", "asked", "sent")
    assert told(lake) == {
        "asked": ("B", ["no_survey_answer"], "asked_but_silent"),
        "passed over": ("B", ["no_survey_answer"], "never_asked"),
    }


def test_the_answers_of_others_show_that_there_are_surveys():
    """Where nothing tells of invitations, too; why there is no answer is then not known."""
    found = told(answer(fine("001", "002"), "r", 10, 5, account_key="002"))
    assert found == {"001": ("B", ["no_survey_answer"], None), "002": ("A", [], None)}


def test_the_way_out_of_silence_is_an_answer():
    """Also where how many answers there are is not known, as nobody has given one."""
    lake = asked(fine("001"), "i", "001", "sent")
    advice, _, _ = reach_of(lake.run(shipped()))
    (change,) = advice["changes"]
    assert (change["name"], change["to"]) == ("answers_in_year", 1)
    assert change["action"]["de"] == "Umfrageantwort einholen"


#: Account → its only answer, how many days ago, and why nothing of it is in the score.
ANSWERS = {
    "satisfied long ago": ({"metric": "csat"}, 200, "stale_answer"),
    "experience long ago": ({"kind": "transactional"}, 100, "stale_answer"),
    "effort": ({"metric": "ces"}, 10, "answered_otherwise"),
    "stars": ({"metric": "star"}, 10, "answered_otherwise"),
    "nps of no kind": ({"kind": None}, 10, "answered_otherwise"),
    "nps two years ago": ({}, 700, "stale_answer"),
    "effort two years ago": ({"metric": "ces"}, 700, "stale_answer"),
}


def test_an_answer_to_any_question_is_an_answer():
    """Whoever gave one within a year has answered, and of nobody who did it is said otherwise."""
    lake = fine(*ANSWERS)
    for id, (more, days, _) in ANSWERS.items():
        asked(answer(lake, id, 9, days, account_key=id, **more), id, id, "sent")
    assert told(lake) == {
        id: ("B", ["no_survey_answer"], spot) if days > 365 else ("A", [], spot)
        for id, (_, days, spot) in ANSWERS.items()
    }
