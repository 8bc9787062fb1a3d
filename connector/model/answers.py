"""Which survey answers count: a score on its scale, and one per person and question a day."""

from __future__ import annotations

from .stage import Stage

_DAY = 24 * 60 * 60
_ON_SCALE = "score BETWEEN coalesce(scale_min, 0) AND coalesce(scale_max, 10)"
_PERSON = "coalesce(nullif(lower(trim(email)), ''), contact_key, id)"


def stages() -> tuple[Stage, ...]:
    """Every seen answer with what is wrong with it, and the valid ones of known accounts."""
    judged = (
        f"SELECT *, CASE WHEN NOT is_valid THEN 'score_outside_scale'"
        f" WHEN epoch(next_at) - epoch(submitted_at) < {_DAY} THEN 'answered_again'"
        f" END AS verdict FROM ({_with_next()}) AS n"
    )
    return (
        Stage("answers", judged, "view"),
        Stage(
            "v_responses", "SELECT * FROM answers WHERE key IS NOT NULL AND verdict IS NULL", "view"
        ),
    )


def _with_next() -> str:
    question = "coalesce(key, -1), platform, survey, kind, metric"
    valid = (
        f"SELECT *, {_ON_SCALE} AS is_valid FROM named_responses"
        " WHERE NOT coalesce(excluded, FALSE) AND score IS NOT NULL"
    )
    return (
        "SELECT *, lead(submitted_at) OVER"
        f" (PARTITION BY is_valid, {question}, {_PERSON} ORDER BY submitted_at, id) AS next_at"
        f" FROM ({valid}) AS v"
    )
