"""Whose answer, whose signal: from what a record says about its sender to one account.

A ladder of rules, tried in order; the first that finds anything decides. When it finds several
accounts it decides nothing: the record goes to a list for a person, who settles it with a line in
the alias file. Records with the same keys are resolved once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from publicsuffixlist import PublicSuffixList

from ..records import STREAMS
from .seen import NAMED, short
from .stage import Stage, union


@dataclass(frozen=True, slots=True)
class Rule:
    """One rung of the ladder: its place, its name, and how far its answer is to be trusted."""

    rung: int
    name: str
    confidence: float


RULES = (
    Rule(1, "record_id", 1.00),
    Rule(2, "external_id", 0.98),
    Rule(3, "email", 0.95),
    Rule(4, "email_plus", 0.95),
    Rule(5, "alias", 0.95),
    Rule(6, "domain", 0.80),
    Rule(7, "name", 0.60),
)
_ALIAS, _NAME = 5, 7

#: Domains below which every customer has a name of its own, beyond the public suffix list.
SHARED = frozenset({"onmicrosoft.com", "sharepoint.com", "mail.onmicrosoft.com", "zendesk.com"})

_FORMS = (
    "gmbh|mbh|g m b h|ag|a g|se|kg|kgaa|ohg|ug|gbr|eg|ek|e k|ev|e v|haftungsbeschränkt|"
    "ltd|limited|llc|llp|lp|plc|inc|incorporated|corp|corporation|co|company|"
    "sa|s a|sas|s a s|sarl|s a r l|srl|s r l|spa|s p a|sl|s l|bv|b v|nv|n v|ab|as|a s|asa|"
    "aps|oy|oyj|kft|zrt|sro|s r o|pty|pte|und|and"
)
_KEYS = ("account_key", "contact_key", "email", "company")


def registrable(domain: str) -> str | None:
    """The part of a mail domain that its owner registered; None when there is none."""
    name = domain.strip().strip(".").lower()
    if not re.fullmatch(r"[^\s@]+\.[^\s@]+", name):
        return None
    labels = name.split(".")
    for start in range(1, len(labels)):
        if ".".join(labels[start:]) in SHARED:
            return ".".join(labels[start - 1 :])
    return _suffixes().privatesuffix(name) or None


def domains_sql() -> str:
    """A query for the mail domains that `registrable` must be asked about."""
    parts = [f"SELECT email FROM lake_{name}" for name in NAMED]
    inner = f"SELECT {_domain(_mail('email'))} AS domain FROM ({union(parts)}) AS m"
    return f"SELECT DISTINCT domain FROM ({inner}) AS d WHERE domain <> ''"


def stages() -> tuple[Stage, ...]:
    """From seen records to `placements`, and the records with their account's key.

    `placements` say of every record by which rule its account was found, or why it was not.
    """
    return (
        Stage("known_as", _known_as(), "view"),
        Stage("identities", _identities()),
        Stage("hits", f"{_people()} {union([*_by_id(), *_by_email(), _by_alias(), _by_domain()])}"),
        Stage("resolved", _resolved()),
        *(Stage(f"named_{name}", _named(name), "view") for name in NAMED),
        Stage("placements", _placements(), "view"),
        *(Stage(f"v_{name}", _placed(name), "view") for name in ("signals", "invitations")),
        Stage("v_tickets", _tickets(), "view"),
    )


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def _known_as() -> str:
    """What an account is called elsewhere, the names of accounts merged into it included."""
    names = "external_id, website, name"
    return (
        f"SELECT key, {names} FROM accounts UNION ALL"
        f" SELECT h.key, {', '.join(f'l.{name}' for name in names.split(', '))}"
        " FROM lake_accounts AS l JOIN holders AS h ON h.id = l.id"
        " WHERE l.id NOT IN (SELECT id FROM accounts)"
    )


def _mail(column: str) -> str:
    return f"lower(trim({column}))"


def _domain(mail: str) -> str:
    # Not split_part: DuckDB 2.0 fails on a filter over it when a column holds nothing but NULL.
    return f"regexp_extract({mail}, '@(.*)$', 1)"


def _identities() -> str:
    keys = ", ".join(_KEYS)
    everyone = " UNION ".join(f"SELECT {keys} FROM {seen}" for seen in NAMED.values())
    mail = "nullif(lower(trim(email)), '')"
    return (
        f"SELECT CAST(row_number() OVER (ORDER BY {keys}) AS INTEGER) AS n, {keys},"
        f" trim(account_key) AS external, {short('trim(account_key)')} AS account_ref,"
        f" {short('trim(contact_key)')} AS contact_ref, {mail} AS mail,"
        f" regexp_replace({mail}, '[+][^@]*@', '@') AS plain_mail, {_domain(mail)} AS domain"
        f" FROM ({everyone}) AS everyone"
    )


def _people() -> str:
    """The contacts once, for every rung that asks for one."""
    columns = f"key, {short('id')} AS ref, {_mail('email')} AS mail"
    return f"WITH people AS MATERIALIZED (SELECT {columns} FROM v_contacts)"


def _by_id() -> tuple[str, ...]:
    """Record ids where they belong, and where their prefix says that they are something else."""
    account = "JOIN holders AS h ON h.ref = i"
    person = "JOIN people AS c ON c.ref = i"
    return (
        f"SELECT i.n, 1 AS rung, h.key FROM identities AS i {account}.account_ref",
        f"SELECT i.n, 1, h.key FROM identities AS i {account}.contact_ref"
        " WHERE i.contact_ref LIKE '001%' AND length(i.contact_ref) = 15",
        f"SELECT i.n, 1, c.key FROM identities AS i {person}.contact_ref",
        f"SELECT i.n, 1, c.key FROM identities AS i {person}.account_ref"
        " WHERE i.account_ref LIKE '003%' AND length(i.account_ref) = 15",
        "SELECT i.n, 2, a.key FROM identities AS i JOIN known_as AS a"
        " ON a.external_id = i.external WHERE i.external <> ''",
    )


def _by_email() -> tuple[str, ...]:
    contact = "JOIN people AS c ON c.mail = i"
    return (
        f"SELECT i.n, 3, c.key FROM identities AS i {contact}.mail",
        f"SELECT i.n, 4, c.key FROM identities AS i {contact}.plain_mail"
        " WHERE i.plain_mail <> i.mail",
    )


def _by_alias() -> str:
    """What a person wrote down: an account for a key, an address, a domain or a company."""
    words = ("account_key", "contact_key", "company", "mail", "domain")
    said = union(f"SELECT n, {_mail(word)} AS word FROM identities" for word in words)
    return (
        f"SELECT s.n, {_ALIAS}, h.key FROM ({said}) AS s"
        f" JOIN aliases AS a ON {_mail('a.key')} = s.word"
        f" JOIN holders AS h ON h.ref = {short('trim(a.account_id)')}"
    )


def _by_domain() -> str:
    """The registrable domain of the address is that of the account's website."""
    return (
        "SELECT i.n, 6, w.key FROM identities AS i"
        " JOIN registrable AS r ON r.domain = i.domain"
        f" JOIN ({_websites()}) AS w ON w.host = r.registrable"
        " WHERE NOT EXISTS (SELECT 1 FROM free_mail AS f"
        " WHERE f.domain = r.registrable OR f.domain = i.domain)"
    )


def _websites() -> str:
    """The host of every website, and what is left of it after one, two and three labels."""
    host = "regexp_extract(lower(trim(website)), '^([a-z]+://)?([^/?:#]+)', 2)"
    rest = "substr(host, strpos(host, '.') + 1)"
    parts = [f"h0 AS (SELECT key, {host} AS host FROM known_as WHERE website IS NOT NULL)"]
    parts += [
        f"h{n} AS (SELECT key, {rest} AS host FROM h{n - 1} WHERE strpos(host, '.') > 0)"
        for n in (1, 2, 3)
    ]
    return f"WITH {', '.join(parts)} {union(f'SELECT key, host FROM h{n}' for n in range(4))}"


def _company(column: str) -> str:
    """A company's name in small letters, without punctuation and legal forms."""
    words = f"trim(regexp_replace(lower({column}), '[^\\p{{L}}\\p{{N}}]+', ' ', 'g'))"
    return f"nullif(regexp_replace({words}, '( ({_FORMS}))+$', ''), '')"


def _resolved() -> str:
    """One row per identity: the rung that decided, and the account when it found only one."""
    counted = "SELECT n, rung, count(DISTINCT key) AS candidates, min(key) AS key FROM"
    names = (
        f"SELECT i.n, {_NAME} AS rung, a.key FROM (SELECT n, {_company('company')} AS company"
        " FROM identities WHERE company IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM hits WHERE hits.n = identities.n)) AS i"
        f" JOIN (SELECT key, {_company('name')} AS name FROM known_as) AS a ON a.name = i.company"
    )
    return (
        f"WITH found AS (SELECT * FROM hits UNION ALL {names}),"
        f" rungs AS ({counted} found GROUP BY n, rung),"
        " first AS (SELECT n, min(rung) AS rung, arg_min(candidates, rung) AS candidates,"
        " arg_min(key, rung) AS key,"
        f" max(CASE WHEN rung = {_ALIAS} AND candidates = 1 THEN key END) AS alias"
        " FROM rungs GROUP BY n)"
        f" SELECT {', '.join(f'i.{key}' for key in _KEYS)},"
        " CASE WHEN f.candidates = 1 THEN f.key ELSE f.alias END AS key,"
        f" CASE WHEN f.candidates > 1 AND f.alias IS NOT NULL THEN {_ALIAS} ELSE f.rung END"
        " AS rung,"
        " coalesce(f.candidates, 0) AS candidates,"
        f" trim({' || '.join(map(_filled, _KEYS))}) = '' AS anonymous"
        " FROM identities AS i LEFT JOIN first AS f ON f.n = i.n"
    )


def _filled(key: str) -> str:
    return f"coalesce(i.{key}, '')"


def _named(name: str) -> str:
    same = " AND ".join(f"i.{key} IS NOT DISTINCT FROM r.{key}" for key in _KEYS)
    return (
        "SELECT r.*, i.key, i.rung, i.candidates, i.anonymous"
        f" FROM {NAMED[name]} AS r JOIN resolved AS i ON {same}"
    )


def _placements() -> str:
    keys = "id, key, rung, candidates, anonymous"
    everything = union(f"SELECT '{name}' AS stream, {keys} FROM named_{name}" for name in NAMED)
    rules = " ".join(f"WHEN {rule.rung} THEN '{rule.name}'" for rule in RULES)
    trust = " ".join(f"WHEN {rule.rung} THEN {rule.confidence}e0" for rule in RULES)
    return (
        f"SELECT stream, id, key, CASE WHEN key IS NOT NULL THEN CASE rung {rules} END END AS rule,"
        f" CASE WHEN key IS NOT NULL THEN CASE rung {trust} END END AS confidence,"
        " CASE WHEN key IS NULL THEN CASE WHEN anonymous THEN 'anonymous'"
        f" ELSE coalesce('ambiguous_' || CASE rung {rules} END, 'unknown') END END AS why,"
        f" CAST(candidates AS BIGINT) AS candidates FROM ({everything})"
    )


def _placed(name: str) -> str:
    return f"SELECT * FROM named_{name} WHERE key IS NOT NULL"


def _tickets() -> str:
    """Tickets of the CRM by their account, those of another system by what they say."""
    columns = ", ".join([*STREAMS["tickets"].all_columns, "key"])
    return union(
        [f"SELECT {columns} FROM own_tickets", f"SELECT {columns} FROM ({_placed('tickets')}) AS p"]
    )
