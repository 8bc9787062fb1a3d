"""What had happened, and was recorded, by `as_of`: the only data that a score may look at.

`seen_<stream>` are the undeleted records of that moment; what was settled or closed later is still
open in them. `accounts` gives every account its key, `holders` leads every account id, merged ones
included, to that key, and `v_<stream>` are the seen records that belong to an account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ..records import STREAMS
from ..records import Stream as Kind
from . import money, parts, trees
from .matching import USUAL, Matching
from .stage import Stage, moment, union

#: Streams whose account is told by keys and addresses, and where their records are. Tickets are
#: among them when another system than the CRM tells of them.
NAMED: Mapping[str, str] = {
    "responses": "seen_responses",
    "signals": "seen_signals",
    "invitations": "seen_invitations",
    "tickets": "sent_tickets",
}
#: Activities whose account takes looking up: what is asked of them, and all that they tell.
OTHERS, _TOLD = "other_activities", "told_activities"
#: Streams that carry the id of their account, and that activities may be about.
_OWN = ("contacts", "opportunities", "tickets", "subjects")
#: Rounds of following merged accounts; each doubles the length of the chains that are followed.
_ROUNDS = 5


def views(as_of: datetime) -> tuple[Stage, ...]:
    """One view per stream, cut to the moment; before them the `parts` of which some answers are
    made, and `twice`, the activities that another record tells of as well."""
    return (
        parts.stage(_rules(STREAMS["responses"], moment(as_of))),
        Stage("twice", _TWICE),
        *(_seen(stream, as_of) for name, stream in STREAMS.items() if name != "accounts"),
    )


def accounts(as_of: datetime) -> tuple[Stage, ...]:
    """The accounts with a key, the survivors of merges, and every id that leads to a key."""
    return (
        Stage("successor", _successor()),
        *trees.stages(as_of),
        Stage("accounts", _accounts(as_of)),
        Stage("holders", _holders()),
    )


def placed(
    as_of: datetime, matching: Matching = USUAL, asked: Sequence[str] | None = None
) -> tuple[Stage, ...]:
    """The streams that carry an account id, with the key of their account.

    `asked` are the columns of activities that are looked at. Those whose account takes much looking
    up are then looked up once, into `other_activities`; otherwise `v_activities` has all columns
    and looks them up each time.
    """
    whose = _WHOSE if matching.contacts == "count" else _WITHOUT_PEOPLE
    once = () if asked is None else (Stage(OTHERS, _others(asked)), Stage("strays", _STRAYS))
    every = tuple(STREAMS["activities"].all_columns)
    activities = _activities(every, _TOLD) if asked is None else _activities(asked, OTHERS)
    return (
        *(Stage(_own(name), _by_account(name), "view") for name in _OWN),
        Stage("sent_tickets", _sent_tickets(), "view"),
        Stage("asked_abouts", _ASKED_ABOUTS),
        Stage("abouts", _abouts()),
        Stage("known_people", "SELECT id, min(key) AS key FROM v_contacts GROUP BY id"),
        Stage("parties", _parties(as_of)),
        Stage("shared", _shared(people=matching.contacts == "count")),
        Stage("logged", _logged(whose)),
        Stage(_TOLD, _told(whose), "view"),
        *once,
        Stage("v_activities", activities, "view"),
    )


def activities_of(some: str, asked: Sequence[str]) -> str:
    """A query for `v_activities` of those accounts whose keys are in a table. Few are found much
    sooner among the plain ones by their ids than by keys that all have first to be given."""
    listed = "".join(f"r.{name}, " for name in asked)
    few = f"SELECT h.id, h.key FROM holders AS h JOIN {some} AS s ON s.key = h.key"
    return union(
        (
            f"SELECT {listed}h.key FROM seen_activities AS r"
            f" JOIN ({few}) AS h ON h.id = r.account_id WHERE {_PLAIN}",
            f"SELECT {listed}r.key FROM {OTHERS} AS r JOIN {some} AS s ON s.key = r.key",
        )
    )


def short(column: str) -> str:
    """A record id without the check letters that make a Salesforce id 18 long; case matters."""
    return f"CASE WHEN length({column}) = 18 THEN left({column}, 15) ELSE {column} END"


def any_seen(name: str, as_of: datetime) -> str:
    """A query with a row if anything at all was seen in a stream."""
    return f"SELECT 1 FROM lake_{name} WHERE {_rules(STREAMS[name], moment(as_of))}"


def _seen(stream: Kind, as_of: datetime) -> Stage:
    now = moment(as_of)
    rules = _rules(stream, now)
    once = ""
    if stream.name == "activities":
        # Not asked with EXISTS: that would gather the ids of all activities first.
        once = " ANTI JOIN twice AS t ON t.same_as = r.id"
    if stream.name == "responses":
        rules += f" AND {parts.WHOLE}"
    changed = {**later(stream.name, now), **money.comparable(stream.name)}
    changed |= parts.told(stream.name, stream.columns)
    return Stage(
        f"seen_{stream.name}",
        f"SELECT {_columns(stream, changed, of='r.')} FROM lake_{stream.name} AS r"
        f"{money.joined(stream.name)}{parts.joined(stream.name)}{once} WHERE {rules}",
        "view",
    )


def _rules(stream: Kind, now: str) -> str:
    rules = ["NOT coalesce(deleted, FALSE)"]
    if stream.moment:
        rules.append(f"{stream.moment} <= {now}")
    if "created_at" in stream.columns and stream.moment != "created_at":
        rules.append(f"(created_at IS NULL OR created_at <= {now})")
    return " AND ".join(rules)


#: A logged e-mail is an EmailMessage and a Task; the message knows the task and stays.
_TWICE = (
    "SELECT DISTINCT same_as FROM lake_activities"
    " WHERE same_as IS NOT NULL AND same_as <> id AND NOT coalesce(deleted, FALSE)"
)


def _columns(stream: Kind, changed: Mapping[str, str], of: str = "") -> str:
    return ", ".join(
        f"{changed[name]} AS {name}" if name in changed else f"{of}{name}"
        for name in stream.all_columns
    )


def later(stream: str, now: str) -> dict[str, str]:
    """Columns that may hold what was not yet so at a moment, and what they held then."""
    if stream == "accounts":
        return {
            name: f"CASE WHEN sentiment_at > {now} THEN NULL ELSE {name} END"
            for name in ("sentiment", "sentiment_at")
        }
    if stream == "tickets":
        closed = f"closed_at > {now}"
        return {
            "is_closed": f"CASE WHEN {closed} THEN FALSE ELSE is_closed END",
            "status": f"CASE WHEN {closed} THEN NULL ELSE status END",
            "satisfaction": f"CASE WHEN {closed} THEN NULL ELSE satisfaction END",
            "closed_at": f"CASE WHEN {closed} THEN NULL ELSE closed_at END",
        }
    if stream == "opportunities":
        # A record last changed before the moment was already as it is, whatever its close date.
        closed = f"modified_at > {now} AND close_on > CAST({now} AS DATE)"
        return {
            "is_closed": f"CASE WHEN {closed} THEN FALSE ELSE is_closed END",
            "is_won": f"CASE WHEN {closed} THEN FALSE ELSE is_won END",
            "stage": f"CASE WHEN is_closed AND {closed} THEN NULL ELSE stage END",
        }
    if stream == "signals":
        return {"settled_at": f"CASE WHEN settled_at <= {now} THEN settled_at END"}
    return {}


def _accounts(as_of: datetime) -> str:
    now = moment(as_of)
    changed = {**later("accounts", now), **money.comparable("accounts")}
    # The ids alone are sorted: whole records would be carried through it, and to disk and back.
    return (
        "WITH numbered AS (SELECT id, source, CAST(row_number() OVER (ORDER BY id) - 1 AS INTEGER)"
        " AS key FROM lake_accounts"
        f" WHERE NOT coalesce(deleted, FALSE) AND (created_at IS NULL OR created_at <= {now}))"
        f" SELECT {_columns(STREAMS['accounts'], changed, of='r.')}, {trees.COLUMNS}, n.key"
        " FROM lake_accounts AS r JOIN numbered AS n ON n.id = r.id"
        f" AND n.source IS NOT DISTINCT FROM r.source{money.joined('accounts')}"
        " LEFT JOIN trees AS t ON t.id = r.id"
    )


def _successor() -> str:
    """Follow merges to the end; a ring of merged accounts has no end and is left out."""
    step = (
        "SELECT id AS old_id, master_id AS id FROM lake_accounts"
        " WHERE master_id IS NOT NULL AND master_id <> id"
    )
    parts = [f"step0 AS ({step})"]
    for number in range(1, _ROUNDS + 1):
        before = f"step{number - 1}"
        parts.append(
            f"step{number} AS (SELECT a.old_id, coalesce(b.id, a.id) AS id"
            f" FROM {before} AS a LEFT JOIN {before} AS b ON b.old_id = a.id)"
        )
    last = f"SELECT l.old_id, l.id FROM step{_ROUNDS} AS l"
    end = "NOT EXISTS (SELECT 1 FROM step0 AS s WHERE s.old_id = l.id)"
    return f"WITH {', '.join(parts)} {last} WHERE {end}"


def _holders() -> str:
    merged = (
        "SELECT s.old_id, a.key, FALSE FROM successor AS s JOIN accounts AS a ON a.id = s.id"
        " WHERE NOT EXISTS (SELECT 1 FROM accounts AS alive WHERE alive.id = s.old_id)"
    )
    return (
        f"SELECT id, {short('id')} AS ref, key, own"
        f" FROM (SELECT id, key, TRUE FROM accounts UNION ALL {merged}) AS h(id, key, own)"
    )


def _own(name: str) -> str:
    """Where the records of a stream that name their account are; more tickets join them later."""
    return "own_tickets" if name == "tickets" else f"v_{name}"


def _sent_tickets() -> str:
    """Tickets that name no account of the CRM, but say whose they are."""
    return (
        "SELECT r.* FROM seen_tickets AS r LEFT JOIN holders AS h ON h.id = r.account_id"
        " WHERE h.key IS NULL"
        " AND coalesce(r.account_key, r.contact_key, r.company, r.email) IS NOT NULL"
    )


def _by_account(name: str) -> str:
    return f"SELECT r.*, h.key FROM seen_{name} AS r JOIN holders AS h ON h.id = r.account_id"


def _abouts() -> str:
    """The account behind whatever an activity without one is about: an account, a case, a deal, a
    person."""
    parts = ["SELECT id, key FROM holders"]
    parts += [f"SELECT id, key FROM {_own(name)}" for name in _OWN]
    return (
        f"SELECT a.id, min(a.key) AS key FROM ({union(parts)}) AS a"
        " JOIN asked_abouts AS i ON i.id = a.id GROUP BY a.id"
    )


def _parties(as_of: datetime) -> str:
    """The accounts of activities that name several, and the people of those that name no account
    but several of them: one row each."""
    # Apart, so that whole files without either column are passed over.
    each = union(
        f"SELECT id, {is_person} AS is_person, unnest(string_split({ids}, ';')) AS party"
        f" FROM seen_activities WHERE {ids} IS NOT NULL{rule}"
        for ids, is_person, rule in (
            ("account_ids", "FALSE", ""),
            ("contact_ids", "TRUE", f" AND {_NAMELESS_ONE}"),
        )
    )
    return f"{each} UNION ALL {_people(moment(as_of))}"


def _shared(*, people: bool) -> str:
    """Activities of several `parties`, with the key on which all agree: one that counted for two
    customers would count for whoever was there first. Whoever has no account has no say. Where it
    was one person, that is known, too."""
    whose = ["SELECT id, key, FALSE AS is_person FROM holders"]
    whose += ["SELECT id, key, TRUE AS is_person FROM v_contacts"] if people else []
    one = "count(DISTINCT CASE WHEN p.key IS NOT NULL THEN e.party END) = 1"
    who = "min(CASE WHEN p.key IS NOT NULL AND e.is_person THEN e.party END)"
    return (
        "SELECT e.id, count(DISTINCT p.key) AS accounts,"
        " CASE WHEN count(DISTINCT p.key) = 1 THEN min(p.key) END AS key,"
        f" CASE WHEN {one} THEN {who} END AS contact_id"
        f" FROM parties AS e LEFT JOIN ({union(whose)}) AS p"
        " ON p.id = e.party AND p.is_person = e.is_person GROUP BY e.id"
    )


def _people(now: str) -> str:
    """The people of activities that are told apart from them, in records without a kind: they have
    a say where the activity names neither an account nor another record of itself."""
    return (
        "SELECT r.id, TRUE AS is_person, p.contact_id AS party FROM lake_activities AS p JOIN"
        f" (SELECT id FROM seen_activities WHERE {_NAMELESS_ONE} AND contact_id IS NULL"
        " AND same_as IS NULL) AS r ON r.id = p.part_of"
        " WHERE p.part_of IS NOT NULL AND p.kind IS NULL AND p.contact_id IS NOT NULL"
        f" AND NOT coalesce(p.deleted, FALSE) AND (p.created_at IS NULL OR p.created_at <= {now})"
    )


def _logged(whose: str) -> str:
    """Whose the activities are that others name as the same: of a mail to a person only the task
    says so."""
    return (
        f"SELECT r.id, min(coalesce(h.key, {_OTHERWISE})) AS key,"
        " min(r.contact_id) AS contact_id FROM (SELECT o.*"
        f" FROM lake_activities AS o JOIN twice AS t ON t.same_as = o.id) AS r{whose}"
        " LEFT JOIN holders AS h ON h.id = r.account_id GROUP BY r.id"
    )


def _activities(asked: Sequence[str], others: str) -> str:
    """Activities with their account. Most name their one account and nothing else: they are spared
    all the questions that the others are asked."""
    listed = "".join(f"r.{name}, " for name in asked)
    named = union(
        (
            f"SELECT {listed}r.account_id AS held_by, CAST(NULL AS INTEGER) AS key"
            f" FROM seen_activities AS r WHERE {_PLAIN}",
            f"SELECT {listed}CAST(NULL AS VARCHAR), r.key FROM {others} AS r",
            # There are none. DuckDB guesses that every condition leaves one row in five, and of
            # what it takes for few it builds the table of a join: here of activities, on disk.
            f"SELECT {listed}NULL, NULL FROM lake_activities AS r WHERE r.id IS NULL",
        )
    )
    return (
        f"SELECT {listed}coalesce(h.key, r.key) AS key FROM ({named}) AS r"
        " LEFT JOIN holders AS h ON h.id = r.held_by WHERE coalesce(h.key, r.key) IS NOT NULL"
    )


def _told(whose: str) -> str:
    """All others, by the account that holds them, or by what and whom they are about when they name
    none, or by the activity that they are the same as. Of several that they name all must be of one
    account."""
    kinds = (  # kind by kind, so that whole files of one kind are passed over
        "same_as IS NOT NULL",
        "same_as IS NULL AND account_ids IS NOT NULL",
        "same_as IS NULL AND account_ids IS NULL AND account_id IS NULL",
    )
    stream = STREAMS["activities"]
    told = {"contact_id": "coalesce(r.contact_id, l.contact_id, s.contact_id)"}
    listed = _columns(stream, {})
    rows = union(f"SELECT {listed} FROM seen_activities WHERE {kind}" for kind in kinds)
    return (
        f"SELECT {_columns(stream, told, of='r.')}, CASE WHEN s.id IS NOT NULL THEN s.key"
        f" ELSE coalesce(h.key, {_OTHERWISE}, l.key) END AS key"
        f" FROM ({rows}) AS r{whose} LEFT JOIN shared AS s ON s.id = r.id"
        " LEFT JOIN logged AS l ON l.id = r.same_as LEFT JOIN holders AS h ON h.id = r.account_id"
    )


def _others(asked: Sequence[str]) -> str:
    """What is asked of all others, and the `stray_id` of those that are about something, or of
    somebody, that leads to no account."""
    listed = "".join(f"r.{name}, " for name in asked)
    stray = (
        "CASE WHEN key IS NULL AND account_id IS NULL THEN CASE WHEN about_id IS NOT NULL THEN"
        " 'about_without_account' WHEN contact_id IS NOT NULL THEN 'person_without_account' END END"
    )
    return (
        f"SELECT {listed}r.key, r.stray, CASE WHEN r.stray IS NOT NULL THEN r.id END AS stray_id"
        f" FROM (SELECT *, {stray} AS stray FROM told_activities) AS r"
        " WHERE r.key IS NOT NULL OR r.stray IS NOT NULL"
    )


_ASKED_ABOUTS = (
    "SELECT DISTINCT about_id AS id FROM lake_activities"
    " WHERE account_id IS NULL AND about_id IS NOT NULL"
)
_STRAYS = f"SELECT stray AS rule, stray_id AS id FROM {OTHERS} WHERE stray IS NOT NULL"
_NAMELESS_ONE = "account_ids IS NULL AND account_id IS NULL AND about_id IS NULL"
_NAMELESS = "CASE WHEN r.account_id IS NULL THEN"
_PLAIN = "r.account_id IS NOT NULL AND r.account_ids IS NULL AND r.same_as IS NULL"
_WHOSE = (
    f" LEFT JOIN abouts AS a ON a.id = {_NAMELESS} r.about_id END"
    f" LEFT JOIN known_people AS p ON p.id = {_NAMELESS} r.contact_id END"
)
#: Nobody's account is that of a person, if that is not wanted.
_WITHOUT_PEOPLE = _WHOSE.replace("r.contact_id END", "NULL END")
_OTHERWISE = "coalesce(a.key, p.key)"
