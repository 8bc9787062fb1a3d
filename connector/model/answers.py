"""Which survey answers count: sound ones, each once, and one per person and question a day.

What does not count is kept as it came, and listed by the rule that says why. No score is rounded,
moved onto its scale or taken for another metric. Who answered decides what an answer weighs.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..mapping.expressions import literal
from ..records import METRICS
from .definition import Role
from .seen import short
from .stage import Stage

_DAY = 24 * 60 * 60
_NPS = (0, 10)
_PERSON = "coalesce(nullif(lower(trim(email)), ''), contact_key, id)"
#: Metrics whose numbers mean nothing without their scale.
_SCALED = ("csat", "ces", "star")
#: What is wrong with an answer by itself: the first rule that holds.
_FLAWS = {
    "excluded_by_platform": "coalesce(excluded, FALSE)",
    "unknown_metric": f"metric IS NULL OR metric NOT IN {METRICS}",
    "wrong_scale": f"metric = 'nps' AND (coalesce(scale_min, {_NPS[0]}) <> {_NPS[0]}"
    f" OR coalesce(scale_max, {_NPS[1]}) <> {_NPS[1]})",
    "unknown_scale": f"metric IN {_SCALED}"
    " AND (scale_min IS NULL OR scale_max IS NULL OR scale_min >= scale_max)",
    "score_outside_scale": "score < coalesce(scale_min, 0) OR score > coalesce(scale_max, 10)",
    "score_not_whole": "metric = 'nps' AND score <> floor(score)",
    "duplicate": "copy > 1",
}


def stages(roles: Sequence[Role] = (), own: Sequence[str] = ()) -> tuple[Stage, ...]:
    """Every seen answer with what is wrong with it, and the valid ones of known accounts.

    `own` are the domains of the company that asks: what its people answer is a test.
    """
    judged = (
        f"SELECT *, coalesce(flaw, CASE WHEN epoch(next_at) - epoch(submitted_at) < {_DAY}"
        f" THEN 'answered_again' END) AS verdict FROM ({_with_next(own)}) AS n"
    )
    valid = (
        "SELECT *, next_at IS NULL AS is_latest FROM answers"
        " WHERE key IS NOT NULL AND verdict IS NULL"
    )
    people = (Stage("people", _people(roles)),) if roles else ()
    weighed = _weighed(valid) if roles else f"SELECT *, 1 AS role_weight FROM ({valid}) AS v"
    return (Stage("answers", judged, "view"), *people, Stage("v_responses", weighed, "view"))


def _people(roles: Sequence[Role]) -> str:
    """The contacts that have a role, by record id and by address, with what they weigh."""
    cases = " ".join(f"WHEN {each.when} THEN {literal(each.weight)}" for each in roles)
    return (
        f"SELECT key, {short('id')} AS ref, nullif(lower(trim(email)), '') AS mail,"
        f" CASE {cases} END AS weight FROM v_contacts"
    )


def _weighed(answers: str) -> str:
    """Answers with the weight of their contact; of one entered twice the greater counts."""
    by_id, by_mail = (
        f"(SELECT key, {name}, max(weight) AS weight FROM people GROUP BY key, {name})"
        for name in ("ref", "mail")
    )
    return (
        f"SELECT v.*, CAST(coalesce(i.weight, m.weight, 1) AS BIGINT) AS role_weight"
        f" FROM ({answers}) AS v"
        f" LEFT JOIN {by_id} AS i ON i.key = v.key AND i.ref = {short('trim(v.contact_key)')}"
        f" LEFT JOIN {by_mail} AS m ON m.key = v.key AND m.mail = lower(trim(v.email))"
    )


def _with_next(own: Sequence[str]) -> str:
    """When the same person answered the same question again, among answers without a flaw."""
    question = "coalesce(key, -1), platform, survey, kind, metric"
    return (
        "SELECT *, lead(submitted_at) OVER"
        f" (PARTITION BY flaw, {question}, {_PERSON} ORDER BY submitted_at, id) AS next_at"
        f" FROM ({_with_flaw(own)}) AS f"
    )


def _with_flaw(own: Sequence[str]) -> str:
    flaws = {**({"own_people": _is_own(own)} if own else {}), **_FLAWS}
    rules = " ".join(f"WHEN {holds} THEN '{rule}'" for rule, holds in flaws.items())
    # Two sources may bring the same answer of one platform: the one that changed last counts.
    copies = (
        "SELECT *, row_number() OVER (PARTITION BY coalesce(platform, source), survey, id"
        " ORDER BY modified_at DESC NULLS LAST, source) AS copy"
        " FROM named_responses WHERE score IS NOT NULL"
    )
    return f"SELECT *, CASE {rules} END AS flaw FROM ({copies}) AS c"


def _is_own(domains: Sequence[str]) -> str:
    """Whether an answer came from an address at one of some domains, or below it."""
    ends = (end + each for each in domains for end in ("@", "."))
    told = " OR ".join(f"lower(trim(email)) LIKE {literal('%' + each)}" for each in ends)
    return f"coalesce({told}, FALSE)"
