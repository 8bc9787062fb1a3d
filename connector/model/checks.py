"""What is wrong with a model, found before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from ..mapping import expressions
from ..mapping.document import Mistake, Path, under
from ..mapping.shape import did_you_mean
from ..records import DAY, FLAG, MOMENT, NUMBER, STREAMS, TEXT
from . import columns
from .caps import plain
from .definition import TIERS, BlindSpot, Cap, Check, HealthModel, Measure, Role, Segment, Tiers
from .reasons import NUMBERED

_NAME = re.compile(r"[a-z](?:_?[a-z0-9])*")
_REASON = 70


def problems(model: HealthModel) -> list[Mistake]:
    """Every mistake in a model."""
    found = [*_groups(model), *_tiers(model.tiers), *_names(model), *_examples(model)]
    for position, measure in enumerate(model.measures):
        found += under(("measures", position), [*_measure(measure, model)])
    for position, rule in enumerate(model.rules):
        known = columns.of_rules(model)
        wrong = expressions.mistakes(plain(rule.when), ("when",), known, wanted=FLAG)
        found += under(("rules", position), wrong)
    for position, cap in enumerate(model.caps):
        found += under(("caps", position), _cap(cap, model))
    found += _override(model)
    for position, spot in enumerate(model.blind_spots):
        found += under(("blind_spots", position), _blind_spot(spot, model))
    for position, role in enumerate(model.roles):
        found += under(("roles", position), _role(role))
    for position, segment in enumerate(model.segments):
        found += under(("segments", position), _segment(segment, model))
    for position, alert in enumerate(model.alerts):
        wrong = expressions.mistakes(
            plain(alert.when), ("when",), columns.of_alerts(model), wanted=FLAG
        )
        found += under(("alerts", position), wrong)
    for position, check in enumerate(model.checks):
        found += under(("checks", position), _check(check))
    return found


def _groups(model: HealthModel) -> Iterator[Mistake]:
    for name, weight in model.groups.items():
        if weight <= 0:
            yield Mistake(("groups", name), f"group {name} weighs {weight}", "write 1 or more")
    for name in model.group_labels:
        if name not in model.groups:
            fix = did_you_mean(name, model.groups)
            yield Mistake(("group_labels", name), f"unknown group {name!r}", fix)
    for name in model.group_missing:
        if name not in model.groups:
            fix = did_you_mean(name, model.groups)
            yield Mistake(("group_missing", name), f"unknown group {name!r}", fix)
    if not model.scored:
        yield Mistake(("measures",), "no measure is scored", "give one a weight and points")


def _tiers(tiers: Tiers) -> Iterator[Mistake]:
    for better, worse in pairwise(TIERS):
        if tiers.low(better) <= tiers.low(worse):
            what = f"tier {better} does not begin above tier {worse}"
            yield Mistake(("tiers", better), what, "order them A > B > C > D")
    if tiers.low("D") != 0 or tiers.low("A") > 1000:
        yield Mistake(("tiers",), "tiers lie within 0 and 100", "let D begin at 0")
    if tiers.hysteresis < 0:
        yield Mistake(("tiers", "hysteresis"), "hysteresis is negative", "write 0 or more")


def _names(model: HealthModel) -> Iterator[Mistake]:
    taken = {*columns.of_stream(columns.ACCOUNTS), *columns.RESULT, columns.RANK}
    yield from _unique("measures", [each.name for each in model.measures], taken)
    yield from _unique("rules", [each.name for each in model.rules], set())
    yield from _unique("caps", [each.name for each in model.caps], set())
    yield from _unique("blind_spots", [each.name for each in model.blind_spots], set())
    yield from _unique("segments", [each.name for each in model.segments], set())
    yield from _unique("roles", [each.name for each in model.roles], set())
    yield from _unique("alerts", [each.name for each in model.alerts], set())
    yield from _unique("checks", [each.name for each in model.checks], set())


def _unique(table: str, names: Iterable[str], taken: set[str]) -> Iterator[Mistake]:
    for position, name in enumerate(names):
        path: Path = (table, position, "name")
        if not _NAME.fullmatch(name):
            yield Mistake(path, f"{name!r} is no name", "use a-z, 0-9 and single _")
        if name in taken:
            yield Mistake(path, f"the name {name!r} is already taken", "choose another")
        taken = taken | {name}


def _measure(measure: Measure, model: HealthModel) -> Iterator[Mistake]:
    if measure.stream not in STREAMS or measure.stream in columns.LOOSE:
        fix = did_you_mean(measure.stream, [name for name in STREAMS if name not in columns.LOOSE])
        yield Mistake(("from",), f"{measure.stream!r} is no stream of an account", fix)
        return
    known, is_row = columns.of_measure(measure), measure.stream == columns.ACCOUNTS
    wrong = expressions.mistakes(measure.value, ("value",), known, aggregate=not is_row)
    if measure.where:
        wrong += expressions.mistakes(measure.where, ("where",), known, wanted=FLAG)
    yield from wrong
    if not wrong and measure.scored and columns.kind_of(measure) != NUMBER:
        yield Mistake(("value",), "gives no number", "only facts (weight = 0) hold other values")
    yield from _when(measure)
    yield from _missing(measure)
    yield from _few(measure, known)
    yield from _weighing(measure, model)
    yield from _texts(measure)


def _when(measure: Measure) -> Iterator[Mistake]:
    known = STREAMS[measure.stream].all_columns
    if measure.at and known.get(measure.at) != MOMENT:
        moments = [name for name, kind in known.items() if kind == MOMENT]
        yield Mistake(("at",), f"{measure.at!r} is no moment", did_you_mean(measure.at, moments))
    if columns.moment_of(measure):
        return
    for key in ("window", "half_life", "max_age"):
        if getattr(measure, key):
            what = f"{key} without a moment: {measure.stream} do not say when"
            yield Mistake((key,), what, 'name a column with `at = "…"`')


def _missing(measure: Measure) -> Iterator[Mistake]:
    path: Path = ("missing",)
    if measure.missing != "exclude" and not measure.scored:
        yield Mistake(path, "a fact has no points to stand in", "leave 'missing' out")
    elif measure.missing != "exclude" and measure.absent is not None:
        what = "'absent' already says what no rows mean"
        yield Mistake(path, what, "write one of 'absent' and 'missing'")
    elif measure.missing == "carry" and not (measure.window or 0) < (measure.max_age or 0):
        what = "a value is carried from the end of its window to max_age"
        yield Mistake(path, what, "write a window, and a max_age that is longer")
    elif measure.missing == "carry" and not measure.window:
        what = "without a window a value is known for ever"
        yield Mistake(path, what, "write a window, shorter than max_age")


def _few(measure: Measure, known: Mapping[str, str]) -> Iterator[Mistake]:
    """Of an account there is one row, and of no rows at all nothing is drawn anywhere."""
    shrink, is_row = measure.shrink, measure.stream == columns.ACCOUNTS
    for key in ("shrink", "enough"):
        if getattr(measure, key) and is_row:
            yield Mistake((key,), f"{key} over accounts: there is one row", f"leave {key!r} out")
    if shrink and not is_row:
        path: Path = ("shrink", "evidence")
        yield from expressions.mistakes(shrink.evidence, path, known, aggregate=True, wanted=NUMBER)
    if shrink and shrink.weight <= 0:
        what = f"shrink weighs {shrink.weight:g}"
        yield Mistake(("shrink", "weight"), what, "write more than 0, or leave 'shrink' out")
    if shrink and measure.absent is not None:
        what = "'absent' already says what no rows mean"
        yield Mistake(("shrink",), what, "write one of 'absent' and 'shrink'")
    if measure.enough and not is_row:
        wrong = expressions.mistakes(
            measure.enough, ("enough",), known, aggregate=True, wanted=FLAG
        )
        yield from wrong
    if measure.enough and not measure.scored:
        yield Mistake(("enough",), "a fact moves no tier", "leave 'enough' out")


def _weighing(measure: Measure, model: HealthModel) -> Iterator[Mistake]:
    if measure.weight < 0:
        yield Mistake(("weight",), f"weight {measure.weight}", "write 0 for a fact, else 1 or more")
    if measure.scored and measure.group not in model.groups:
        what = f"unknown group {measure.group!r}" if measure.group else "a measure without a group"
        yield Mistake(("group",), what, did_you_mean(measure.group, model.groups))
    if measure.scored and not measure.points:
        yield Mistake(("points",), "'points' is missing", "add points, or weight = 0 for a fact")
    for position, ((x, _), (next_x, _)) in enumerate(pairwise(measure.points)):
        if next_x <= x:
            what = f"points do not rise: {next_x:g} after {x:g}"
            yield Mistake(("points", position + 1), what, "order them by their first number")
    for position, (_, y) in enumerate(measure.points):
        if not 0 <= y <= 100:
            yield Mistake(("points", position), f"{y:g} points", "write 0 to 100")


def _texts(measure: Measure) -> Iterator[Mistake]:
    for key in ("reason", "zero", "action"):
        for language, text in getattr(measure, key).items():
            if len(text) > _REASON:
                what = f"{key} has {len(text)} characters"
                yield Mistake((key, language), what, f"say it in {_REASON}")
            if set(re.findall(r"{(.*?)}", NUMBERED.sub("", text))) - {"value"}:
                fix = "use only {value} and {one|many}"
                yield Mistake((key, language), f"an unknown {{ }} in {key}", fix)


def _cap(cap: Cap, model: HealthModel) -> list[Mistake]:
    return expressions.mistakes(plain(cap.when), ("when",), columns.of_caps(model), wanted=FLAG)


def _segment(segment: Segment, model: HealthModel) -> Iterator[Mistake]:
    yield from expressions.mistakes(segment.when, ("when",), columns.ACCOUNT, wanted=FLAG)
    for name, weight in segment.groups.items():
        if name not in model.groups:
            fix = did_you_mean(name, model.groups)
            yield Mistake(("groups", name), f"unknown group {name!r}", fix)
        if weight <= 0:
            yield Mistake(("groups", name), f"group {name} weighs {weight}", "write 1 or more")
    drawn = {each.name: each for each in model.measures if each.shrink}
    for name in segment.toward:
        if name not in drawn:
            what = f"no measure {name!r} draws few rows to anything"
            yield Mistake(("toward", name), what, did_you_mean(name, drawn))
    if segment.tiers:
        yield from _tiers(replace(model.tiers, **segment.tiers))


def _role(role: Role) -> Iterator[Mistake]:
    yield from expressions.mistakes(role.when, ("when",), STREAMS["contacts"].columns, wanted=FLAG)
    if role.weight <= 0:
        yield Mistake(("weight",), f"role {role.name} weighs {role.weight}", "write 1 or more")


def _blind_spot(spot: BlindSpot, model: HealthModel) -> Iterator[Mistake]:
    if spot.group not in model.groups:
        fix = did_you_mean(spot.group, model.groups)
        yield Mistake(("group",), f"unknown group {spot.group!r}", fix)
    known = columns.of_caps(model)
    yield from expressions.mistakes(plain(spot.when), ("when",), known, wanted=FLAG)


def _override(model: HealthModel) -> Iterator[Mistake]:
    """The tier is text, and who and why are; the end is a day or a moment."""
    if model.override is None:
        return
    known = {**columns.ACCOUNT}
    for name in ("tier", "by", "reason"):
        if sql := getattr(model.override, name):
            yield from expressions.mistakes(sql, ("override", name), known, wanted=TEXT)
    path, until = ("override", "until"), model.override.until
    wrong = expressions.mistakes(until, path, known)
    yield from wrong
    if not wrong and expressions.type_of(until, known) not in (DAY, MOMENT, None):
        yield Mistake(path, "gives no date", "name a column that holds a date")


def _check(check: Check) -> list[Mistake]:
    if check.stream not in STREAMS:
        fix = did_you_mean(check.stream, STREAMS)
        return [Mistake(("from",), f"unknown stream {check.stream!r}", fix)]
    schema = {name: {**columns.of_stream(name), "as_of": MOMENT} for name in STREAMS}
    query = f"SELECT id FROM {check.stream} WHERE {check.when}"
    return expressions.query_mistakes(query, ("when",), schema)


def _examples(model: HealthModel) -> Iterator[Mistake]:
    known = columns.of_caps(model)
    for position, example in enumerate(model.examples):
        for name in example.given:
            if name not in known or name == "known_groups":
                path: Path = ("examples", position, "given", name)
                yield Mistake(path, f"no measure is called {name!r}", did_you_mean(name, known))
        for name in example.expect:
            if name not in columns.RESULT:
                path = ("examples", position, "expect", name)
                fix = did_you_mean(name, columns.RESULT)
                yield Mistake(path, f"no result is called {name!r}", fix)
    for place, measure in enumerate(model.measures):
        yield from _rows(measure, ("measures", place, "examples"))


def _rows(measure: Measure, path: Path) -> Iterator[Mistake]:
    stream = STREAMS.get(measure.stream)
    more = columns.ANSWER if measure.stream == "responses" else {}
    known = {**(stream.columns if stream else {}), **more, "days_ago": NUMBER}
    for position, example in enumerate(measure.examples):
        for number, row in enumerate(example.rows):
            for name in row:
                if name not in known:
                    what = f"{measure.stream} has no column {name!r}"
                    where: Path = (*path, position, "rows", number, name)
                    yield Mistake(where, what, did_you_mean(name, known))
