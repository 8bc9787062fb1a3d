"""Records of many accounts, made by DuckDB out of their numbers: the same ones every time."""

from __future__ import annotations

from collections.abc import Mapping

from connector.engines.duckdb import DuckDB
from connector.records import STREAMS
from connector.store.lake import Lake

AS_OF = "2026-01-31 12:00:00"
#: How many rows of a stream there are for each account.
PER_ACCOUNT: Mapping[str, float] = {
    "accounts": 1,
    "contacts": 2,
    "owners": 0.01,
    "subjects": 0.5,
    "activities": 10,
    "opportunities": 0.5,
    "tickets": 1,
    "responses": 1,
    "invitations": 1,
    "signals": 2,
}
_PULLED = f"TIMESTAMPTZ '{AS_OF}+00'"


def _chance(salt: int, of: int) -> str:
    """A whole number below `of`, by the number of the row."""
    return f"CAST(hash(n * 31 + {salt}) % {of} AS BIGINT)"


def _one(salt: int, *values: str) -> str:
    listed = ", ".join("NULL" if value == "" else f"'{value}'" for value in values)
    return f"([{listed}])[1 + {_chance(salt, len(values))}]"


def _ago(salt: int, days: int) -> str:
    seconds = _chance(salt, days * 86_400)
    return f"TIMESTAMPTZ '{AS_OF}+00' - to_seconds({seconds})"


def _account(salt: int, accounts: int) -> str:
    # An account in twenty has nothing, so that much is unknown.
    return f"'001' || lpad(CAST({_chance(salt, accounts * 20 // 19 + 1)} AS VARCHAR), 12, '0')"


def _columns(accounts: int) -> Mapping[str, Mapping[str, str]]:
    """Stream → column → how it is made from the number of the row."""
    host = f"'firm' || {_chance(1, accounts)} || '.example'"
    mail = f"'p' || {_chance(2, accounts * 2)} || '@' || {host}"
    sender = {
        "account_key": f"CASE WHEN {_chance(3, 2)} = 0 THEN {_account(4, accounts)} END",
        "contact_key": f"CASE WHEN {_chance(5, 3)} = 0 THEN '003' || "
        f"lpad(CAST({_chance(6, accounts * 2)} AS VARCHAR), 12, '0') END",
        "email": f"CASE WHEN {_chance(7, 2)} = 0 THEN upper({mail}) END",
        "company": f"CASE WHEN {_chance(8, 4)} = 0 THEN 'Größe ' || {_chance(9, accounts)}"
        " || ' GmbH & Co. KG' END",
    }
    return {
        "accounts": {
            "id": "'001' || lpad(CAST(n AS VARCHAR), 12, '0')",
            "name": "'Größe ' || n || CASE WHEN n % 2 = 0 THEN ' GmbH' ELSE ', Inc.' END",
            "external_id": "'K' || n",
            "parent_id": "CASE WHEN n % 11 = 3 AND n > 9 THEN '001' || "
            "lpad(CAST(n // 3 AS VARCHAR), 12, '0') END",
            "master_id": "CASE WHEN n % 97 = 5 THEN '001' || "
            "lpad(CAST(n - 1 AS VARCHAR), 12, '0') END",
            "website": "'https://www.firm' || n || '.example/de'",
            "industry": _one(10, "Bank", "Retail", ""),
            "segment": _one(11, "Enterprise", "SMB", "Mid", ""),
            "currency": _one(12, "EUR", "USD", ""),
            "revenue": f"CAST({_chance(13, 9_000_000)} AS DOUBLE) / 4",
            "employees": f"CAST({_chance(14, 9_000)} AS DOUBLE)",
            "sentiment": f"nullif(CAST({_chance(15, 7)} AS DOUBLE), 6)",
            "sentiment_at": _ago(16, 60),
            "advocacy": _one(17, "Reference", "Quiet advocate", "Neutral", "Critic", ""),
            "goals_total": f"CAST({_chance(18, 7)} AS DOUBLE)",
            "goals_reached": f"CAST({_chance(19, 7)} AS DOUBLE)",
            "onboarding": _one(20, "Done", "Running", "Stalled", ""),
            "renewal_on": f"DATE '2026-01-01' + CAST({_chance(21, 700)} AS INTEGER)",
            "override_tier": f"CASE WHEN n % 50 = 0 THEN {_one(22, 'a', 'B ', 'C', 'D', 'x')} END",
            "override_until": f"DATE '2026-01-21' + CAST({_chance(23, 20)} AS INTEGER)",
            "created_at": _ago(24, 900),
            "deleted": "n % 97 = 5 OR n % 1009 = 7",
        },
        "contacts": {
            "id": "'003' || lpad(CAST(n AS VARCHAR), 12, '0')",
            "account_id": _account(25, accounts),
            "email": f"'p' || n || '@' || {host}",
            "role": _one(26, "Decision maker", "Champion", "User", ""),
            "created_at": _ago(27, 900),
            "deleted": "n % 53 = 1",
        },
        "owners": {"id": "'005' || n", "name": "'Owner ' || n", "active": "n % 9 > 0"},
        "activities": {
            "id": "'00T' || lpad(CAST(n AS VARCHAR), 12, '0')",
            "account_id": f"CASE WHEN n % 9 > 0 THEN {_account(28, accounts)} END",
            "contact_id": f"'003' || lpad(CAST({_chance(29, accounts * 2)} AS VARCHAR), 12, '0')",
            "contact_ids": f"CASE WHEN n % 13 = 4 THEN '003' || "
            f"lpad(CAST({_chance(29, accounts * 2)} AS VARCHAR), 12, '0') || ';003' || "
            f"lpad(CAST({_chance(74, accounts * 2)} AS VARCHAR), 12, '0') END",
            "about_id": f"CASE WHEN n % 6 = 1 THEN '02i' || "
            f"lpad(CAST({_chance(73, accounts)} AS VARCHAR), 12, '0') END",
            "owner_id": f"'005' || {_chance(30, accounts // 100 + 1)}",
            "same_as": "CASE WHEN n % 40 = 9 THEN '00T' || "
            "lpad(CAST(n + 1 AS VARCHAR), 12, '0') END",
            "kind": _one(31, "meeting", "email", "call", "task"),
            "status": _one(32, "held", "no_show", "planned", "done", ""),
            "direction": _one(33, "in", "out", ""),
            "occurred_at": f"{_ago(34, 500)} + to_days(9)",
            "minutes": f"CAST({_chance(35, 90)} AS DOUBLE)",
        },
        "opportunities": {
            "id": "'006' || n",
            "account_id": _account(36, accounts),
            "kind": _one(37, "renewal", "expansion", "new"),
            "stage": _one(38, "Won", "Lost", "Talk"),
            "product": _one(39, "Core", "Plus", "Ghost", ""),
            "amount": f"CAST({_chance(40, 900_000)} AS DOUBLE) / 8",
            "currency": _one(41, "EUR", "USD", "XXX", ""),
            "is_closed": f"{_chance(42, 2)} = 0",
            "is_won": f"{_chance(42, 4)} = 0",
            "close_on": f"DATE '2025-01-01' + CAST({_chance(43, 500)} AS INTEGER)",
            "created_at": _ago(44, 700),
        },
        "tickets": {
            "id": "'500' || n",
            "account_id": f"CASE WHEN n % 5 > 0 THEN {_account(45, accounts)} END",
            "kind": _one(46, "complaint", "question", ""),
            "priority": _one(47, "urgent", "high", "normal", "low", ""),
            "status": _one(48, "open", "closed"),
            "is_closed": f"{_chance(49, 4)} > 0",
            "escalated": f"nullif({_chance(50, 9)}, 8) = 0",
            "satisfaction": f"nullif(CAST({_chance(51, 7)} AS DOUBLE), 6)",
            **sender,
            "opened_at": _ago(52, 300),
            "closed_at": f"CASE WHEN {_chance(49, 4)} > 0 THEN {_ago(53, 60)} END",
        },
        "responses": {
            "id": "'r' || n",
            "platform": _one(54, "zenloop", "delighted", ""),
            "survey": _one(55, "Q", "R"),
            "kind": _one(56, "relationship", "relationship", "transactional"),
            "metric": "CASE WHEN n % 3 = 0 THEN 'nps' ELSE "
            f"{_one(57, 'nps', 'nps', 'csat', 'ces', 'star', 'odd', '')} END",
            "score": f"nullif(CAST({_chance(58, 13)} AS DOUBLE), 12)",
            "scale_min": f"CASE WHEN {_chance(57, 7)} > 1 THEN 0 END",
            "scale_max": f"CASE WHEN {_chance(57, 7)} > 1 THEN 10 END",
            "labels": _words(59),
            **sender,
            "account_key": "CASE WHEN n % 3 = 0 THEN '001' || "
            f"lpad(CAST(n // 12 AS VARCHAR), 12, '0') ELSE {sender['account_key']} END",
            # Four of an account at one midnight, as files have it: the id tells the last.
            "submitted_at": "CASE WHEN n % 3 = 0 THEN TIMESTAMPTZ '2026-01-30 00:00:00+00'"
            f" ELSE {_ago(60, 500)} + to_days(3) END",
            "excluded": f"nullif({_chance(61, 30)}, 29) = 0",
        },
        "invitations": {
            "id": "'i' || n",
            "platform": "'zenloop'",
            "survey": "'Q'",
            **sender,
            "status": _one(62, "sent", "bounced", "answered", "declined"),
            "asked_at": _ago(63, 400),
        },
        "signals": {
            "id": "'s' || n",
            "kind": _one(64, "usage", "usage", "invoice", "goal", "subscription", "product"),
            "name": _one(65, "report", "export", "Core", "Plus", ""),
            **sender,
            "status": _one(66, "done", "open", ""),
            "value": f"CAST({_chance(67, 2_000)} AS DOUBLE) / 2",
            "occurred_at": _ago(68, 200),
            "due_at": f"CASE WHEN n % 3 > 0 THEN {_ago(69, 120)} + to_days(10) END",
            "settled_at": f"CASE WHEN n % 4 > 0 THEN {_ago(70, 100)} + to_days(10) END",
        },
        "subjects": {
            "id": "'02i' || lpad(CAST(n AS VARCHAR), 12, '0')",
            "account_id": _account(71, accounts),
            "kind": "'asset'",
            "created_at": _ago(72, 900),
        },
        "rates": {},
    }


def _words(salt: int) -> str:
    return f"CASE WHEN {_chance(salt, 3)} > 0 THEN ['a', 'b'] END"


def rows(stream: str, accounts: int) -> str:
    """A query for the records of one stream."""
    made = _columns(accounts)[stream]
    common = {
        "source": "'crm'",
        "modified_at": f"TIMESTAMPTZ '{AS_OF}+00' - to_days(1)",
        "pulled_at": _PULLED,
        "deleted": "FALSE",
    }
    told = {**common, **made}
    listed = ", ".join(
        f'CAST({told.get(name, "NULL")} AS {kind}) AS "{name}"'
        for name, kind in STREAMS[stream].all_columns.items()
    )
    count = int(accounts * PER_ACCOUNT.get(stream, 0))
    return f"SELECT {listed} FROM range({count}) AS r(n)"


def fill(lake: Lake, engine: DuckDB, accounts: int) -> None:
    """Put all of it into a lake, most of it in the base and some in the tail."""
    for stream in STREAMS:
        sql = rows(stream, accounts)
        lake.append(stream, engine, f"SELECT * FROM ({sql})", "base")
