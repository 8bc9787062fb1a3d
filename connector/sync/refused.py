"""Which records the CRM did not take, and why: told in the receipt, reason by reason."""

from __future__ import annotations

from .app import App
from .journal import Journal
from .run import Run

#: Reasons told apart, and records named of each; the rest is counted by code.
REASONS, NAMED = 20, 20


def tell_news(run: Run, journal: Journal) -> None:
    """Name the records that this run wrote in vain."""
    found = f"SELECT id, code, message FROM {journal.relation()}"
    _tell(run, "writes", f"{found} WHERE result NOT IN ('applied', 'moved')")


def tell_quarantined(app: App, run: Run) -> None:
    """Name the records that wait because the CRM refused the same values before.

    Needs the diff and what was `written` in the engine.
    """
    waits = " OR ".join(f"\"word:{field.target}\" = 'failed'" for field in app.mapping.fields)
    found = f"SELECT id, w.code, w.message FROM diff JOIN written w USING (id) WHERE {waits}"
    _tell(run, "quarantine", found)


def _tell(run: Run, stream: str, found: str) -> None:
    reasons = (
        f"SELECT code, message, count(*) AS many, list(id ORDER BY id)[1:{NAMED}] AS ids "
        f"FROM ({found}) GROUP BY code, message"
    )
    ranked = (
        f"SELECT *, row_number() OVER (ORDER BY many DESC, code, message) <= {REASONS} AS told "
        f"FROM ({reasons})"
    )
    rows = run.engine.rows(
        f"SELECT code, CASE WHEN told THEN message ELSE '' END AS said, "
        f"CAST(sum(many) AS BIGINT) AS many, list_sort(flatten(list(ids)))[1:{NAMED}] "
        f"FROM ({ranked}) GROUP BY code, said ORDER BY many DESC, code, said"
    )
    for code, said, many, ids in rows:
        run.odd(stream, f"{code}: {said}" if said else str(code), many, [str(id) for id in ids])
