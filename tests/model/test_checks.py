"""Mistakes in a model are found with their lines, offline."""

from __future__ import annotations

import pytest

from connector.model import files

HEAD = """
name = "small"
[groups]
use = 10
"""
MEASURE = {
    "name": '"calls"',
    "group": '"use"',
    "from": '"activities"',
    "where": "\"kind = 'call'\"",
    "value": '"count(*)"',
    "points": "[[0, 0], [5, 100]]",
}


def measure(**changed: str) -> str:
    keys = {**MEASURE, **changed}
    lines = [f"{key.rstrip('_')} = {value}" for key, value in keys.items() if value]
    return "\n".join(["[[measures]]", *lines, ""])


def problems(text: str, head: str = HEAD):
    model, found = files.read(head + text, "health.toml")
    assert (model is None) == bool(found)
    return [(each.line, each.what) for each in found]


def test_a_right_model_has_no_problems():
    """One scored measure is enough."""
    assert problems(measure()) == []


FROM = {"name": '"x"', "group": '"use"'}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (measure(**{"from": '"activites"'}), 8, "'activites' is no stream of an account"),
        (measure(**{"from": '"owners"'}), 8, "'owners' is no stream of an account"),
        (measure(value='"sum(kind)"'), 10, "sum of text"),
        (measure(value='"sum(minuts)"'), 10, "unknown column 'minuts'"),
        (measure(value='"summe(minutes)"'), 10, "unknown function 'summe'"),
        (measure(value='"minutes"'), 10, "not an aggregate: many rows must become one value"),
        (measure(value='"max(occurred_at)"'), 10, "gives no number"),
        (measure(value='"count("'), 10, "SQL that does not parse: expecting ) near '('"),
        (measure(where='"minutes"'), 9, "gives a number"),
        (measure(where='"occurred_at < now()"'), 9, "reads the clock or chance"),
        (measure(where='"count(*) > 1"'), 9, "an aggregate (count) where one row is looked at"),
        (measure(group='"usee"'), 7, "unknown group 'usee'"),
        (measure(points="[[5, 0], [5, 100]]"), 11, "points do not rise: 5 after 5"),
        (measure(points="[\n[0, 0],\n[5, 101],\n]"), 13, "101 points"),
        (measure(points=""), 5, "'points' is missing"),
        (measure(name='"Calls"'), 6, "'Calls' is no name"),
        (measure(name='"score"'), 6, "the name 'score' is already taken"),
        (measure(name='"sentiment"'), 6, "the name 'sentiment' is already taken"),
        (measure() + measure(), 13, "the name 'calls' is already taken"),
        (measure(at='"kind"'), 12, "'kind' is no moment"),
        (
            measure(window='"90"'),
            12,
            'window: \'90\' is not a span of time; write for example "90d", "12w" or "1y"',
        ),
        (
            measure(**{"from": '"accounts"', "value": '"revenue"', "where": "", "window": '"90d"'}),
            11,
            "window without a moment: accounts do not say when",
        ),
        (
            measure(**{"from": '"accounts"', "value": '"sum(revenue)"', "where": ""}),
            9,
            "an aggregate (sum) where one row is looked at",
        ),
        (measure(reason='{ en = "{values} calls" }'), 12, "an unknown { } in reason"),
        (measure(reason='{ en = "' + 71 * "x" + '" }'), 12, "reason has 71 characters"),
        (
            measure(examples="[{ rows = [{ kinds = 'x' }], expect = { value = 1 } }]"),
            12,
            "activities has no column 'kinds'",
        ),
        (
            measure() + '[[caps]]\nname = "c"\nwhen = "callz > 1"\ntier = "C"',
            14,
            "unknown column 'callz'",
        ),
        (
            measure() + '[[caps]]\nname = "c"\nwhen = "known(callz)"\ntier = "C"',
            14,
            "unknown column 'callz'",
        ),
        (measure() + '[[caps]]\nname = "c"\nwhen = "calls + 1"\ntier = "C"', 14, "gives a number"),
        (measure() + '[[caps]]\nname = "c"\nwhen = "calls > 1"\ntier = "A"', 15, 'tier is "A"'),
        (
            measure() + '[[checks]]\nname = "c"\nfrom = "tickets"\nwhen = "amount > 1"',
            15,
            "unknown column 'amount'",
        ),
        (
            measure() + '[[checks]]\nname = "c"\nfrom = "ticket"\nwhen = "id is null"',
            14,
            "unknown stream 'ticket'",
        ),
        (
            measure() + "[[examples]]\ngiven = { callz = 1 }\nexpect = { score = 1 }",
            13,
            "no measure is called 'callz'",
        ),
        (
            measure() + "[[examples]]\ngiven = { calls = 1 }\nexpect = { scor = 1 }",
            14,
            "no result is called 'scor'",
        ),
        (measure(zero='{ en = "{none}" }'), 12, "an unknown { } in zero"),
        (
            measure() + '[override]\ntier = "revenue"\nuntil = "renewal_on"',
            13,
            "gives a number",
        ),
        (
            measure() + '[override]\ntier = "override_tier"\nuntil = "segment"',
            14,
            "gives no date",
        ),
        (
            measure() + '[override]\ntier = "override_teir"\nuntil = "renewal_on"',
            13,
            "unknown column 'override_teir'",
        ),
        (
            measure() + '[override]\ntier = "override_tier"\nuntil = "renewal_on"\nby = "owner"',
            15,
            "unknown column 'owner'",
        ),
        (
            measure()
            + '[override]\ntier = "override_tier"\nuntil = "renewal_on"\nreason = "revenue"',
            15,
            "gives a number",
        ),
        (
            measure() + '[[blind_spots]]\nname = "s"\ngroup = "usee"\nwhen = "calls = 0"',
            14,
            "unknown group 'usee'",
        ),
        (
            measure() + '[[blind_spots]]\nname = "s"\ngroup = "use"\nwhen = "callz = 0"',
            15,
            "unknown column 'callz'",
        ),
        (
            measure() + '[[alerts]]\nname = "a"\nwhen = "score_befor > 1"',
            14,
            "unknown column 'score_befor'",
        ),
        (measure() + '[[alerts]]\nname = "a"\nwhen = "score"', 14, "gives a number"),
        (
            measure() + '[[segments]]\nname = "s"\nwhen = "revenu > 1"',
            14,
            "unknown column 'revenu'",
        ),
        (
            measure() + '[[segments]]\nname = "s"\nwhen = "revenue > 1"\ngroups = { usee = 3 }',
            15,
            "unknown group 'usee'",
        ),
        (
            measure() + '[[segments]]\nname = "s"\nwhen = "revenue > 1"\ngroups = { use = 0 }',
            15,
            "group use weighs 0",
        ),
        (measure() + '[hierarchy]\nrollup = "best"', 13, 'rollup is "best"'),
        (measure() + '[override]\ntier = "override_tier"', 12, "'until' is missing"),
        (measure() + "[tiers]\nA = 50", 13, "tier A does not begin above tier B"),
        (measure() + "[tiers]\nhysteresis = -1", 13, "hysteresis is negative"),
        (measure() + "[tiers]\nD = 10", 12, "tiers lie within 0 and 100"),
        (measure() + measure(name='"b"', weight="-1", points=""), 18, "weight -1"),
        (measure(weight="0", points="") + "", 5, "no measure is scored"),
    ],
)
def test_a_mistake_is_found_with_its_line(text, line, what):
    """Each mistake alone, where it stands."""
    assert (line, what) in problems(text)
    assert {each[0] for each in problems(text)} == {line}


def test_a_group_must_weigh_something():
    """Zero is the weight of facts, not of ingredients."""
    assert problems(measure(), HEAD.replace("10", "0")) == [(4, "group use weighs 0")]


def test_a_text_that_was_read_before_tells_its_problems_again():
    """Files are checked once in a process; whoever asks gets a list of his own."""
    text = HEAD + measure(value="count(")
    first = files.read(text, "health.toml")[1]
    told = list(first)
    first.clear()
    assert told
    assert files.read(text, "health.toml")[1] == told
