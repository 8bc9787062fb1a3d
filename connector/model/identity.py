"""Whose answer, whose signal: from what a record says about its sender to one account.

A ladder of rules, tried in order; the first that finds anything decides. When it finds several
accounts it decides nothing: the record goes to a list for a person, who settles it with a line in
the alias file. Such a line wins over the rule that would read the same word, be it a key, an
address, a domain or a company; only the id of a record needs nobody's word. Records with the same
keys are resolved once.
"""

from __future__ import annotations

import re
from collections.abc import Set
from functools import cache

from publicsuffixlist import PublicSuffixList

from . import ladder
from .matching import SHARED, Matching
from .seen import NAMED, short
from .stage import Stage, union

_FORMS = (
    "gmbh|mbh|g m b h|ag|a g|se|kg|kgaa|ohg|ug|gbr|eg|ek|e k|ev|e v|haftungsbeschränkt|"
    "ltd|limited|llc|llp|lp|plc|inc|incorporated|corp|corporation|co|company|"
    "sa|s a|sas|s a s|sarl|s a r l|srl|s r l|spa|s p a|sl|s l|bv|b v|nv|n v|ab|as|a s|asa|"
    "aps|oy|oyj|kft|zrt|sro|s r o|pty|pte|und|and"
)
#: What a record says about its sender.
KEYS = ("account_key", "contact_key", "email", "company")


def registrable(domain: str, shared: Set[str] = SHARED) -> str | None:
    """The part of a mail domain that its owner registered; None when there is none."""
    name = domain.strip().strip(".").lower()
    if not re.fullmatch(r"[^\s@]+\.[^\s@]+", name):
        return None
    labels = name.split(".")
    for start in range(1, len(labels)):
        if ".".join(labels[start:]) in shared:
            return ".".join(labels[start - 1 :])
    return _suffixes().privatesuffix(name) or None


def domains_sql() -> str:
    """A query for the mail domains that `registrable` must be asked about."""
    parts = [f"SELECT email FROM lake_{name}" for name in NAMED]
    inner = f"SELECT {_domain(_mail('email'))} AS domain FROM ({union(parts)}) AS m"
    return f"SELECT DISTINCT domain FROM ({inner}) AS d WHERE domain <> ''"


def stages(matching: Matching) -> tuple[Stage, ...]:
    """From seen records to `resolved`: every combination of keys, and the account it leads to.

    `found(n, rung, key)` are all accounts that any rule found for the identity `n`.
    """
    return (
        Stage("known_as", _known_as(), "view"),
        Stage("identities", _identities()),
        Stage("hits", _hits()),
        Stage("found", f"SELECT * FROM hits UNION ALL {_by_name()}"),
        Stage("resolved", _resolved(matching)),
    )


def company_sql(column: str) -> str:
    """A company's name in small letters, without punctuation and legal forms."""
    words = f"trim(regexp_replace(lower({column}), '[^\\p{{L}}\\p{{N}}]+', ' ', 'g'))"
    return f"nullif(regexp_replace({words}, '( ({_FORMS}))+$', ''), '')"


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def _known_as() -> str:
    """What an account is called elsewhere, the names of accounts merged into it included."""
    names = "external_id, website, name"
    return (
        f"SELECT key, {names} FROM accounts UNION ALL"
        f" SELECT h.key, {', '.join(f'l.{name}' for name in names.split(', '))}"
        " FROM lake_accounts AS l JOIN successor AS s ON s.old_id = l.id"
        " JOIN holders AS h ON h.id = s.old_id WHERE NOT h.own"
    )


def _mail(column: str) -> str:
    return f"lower(trim({column}))"


def _domain(mail: str) -> str:
    # Not split_part: DuckDB 2.0 fails on a filter over it when a column holds nothing but NULL.
    return f"regexp_extract({mail}, '@(.*)$', 1)"


def _identities() -> str:
    keys = ", ".join(KEYS)
    everyone = " UNION ".join(f"SELECT {keys} FROM {seen}" for seen in NAMED.values())
    mail = "nullif(lower(trim(email)), '')"
    return (
        f"SELECT CAST(row_number() OVER (ORDER BY {keys}) AS INTEGER) AS n, {keys},"
        f" trim(account_key) AS external, {short('trim(account_key)')} AS account_ref,"
        f" {short('trim(contact_key)')} AS contact_ref, {mail} AS mail,"
        f" regexp_replace({mail}, '[+][^@]*@', '@') AS plain_mail, {_domain(mail)} AS domain"
        f" FROM ({everyone}) AS everyone"
    )


def _hits() -> str:
    """Every account that a rule finds by what it reads, but for the name."""
    return f"{_people()} {union([*_by_id(), *_by_email(), *_by_alias(), _by_domain()])}"


def _people() -> str:
    """The contacts once, for every rung that asks for one."""
    columns = f"key, {short('id')} AS ref, {_mail('email')} AS mail"
    return f"WITH people AS MATERIALIZED (SELECT {columns} FROM v_contacts)"


def _by_id() -> tuple[str, ...]:
    """Record ids where they belong, and where their prefix says that they are something else: an
    account, a person, a case or a deal."""
    account = "JOIN holders AS h ON h.ref = i"
    person = "JOIN people AS c ON c.ref = i"
    return (
        f"SELECT i.n, {ladder.RECORD_ID} AS rung, h.key FROM identities AS i {account}.account_ref",
        f"SELECT i.n, {ladder.RECORD_ID}, h.key FROM identities AS i {account}.contact_ref"
        " WHERE i.contact_ref LIKE '001%' AND length(i.contact_ref) = 15",
        f"SELECT i.n, {ladder.RECORD_ID}, c.key FROM identities AS i {person}.contact_ref",
        f"SELECT i.n, {ladder.RECORD_ID}, c.key FROM identities AS i {person}.account_ref"
        " WHERE i.account_ref LIKE '003%' AND length(i.account_ref) = 15",
        f"SELECT i.n, {ladder.RECORD_ID}, o.key FROM identities AS i"
        " JOIN (SELECT id, key FROM own_tickets UNION ALL SELECT id, key FROM v_opportunities)"
        f" AS o ON {short('o.id')} = i.account_ref"
        " WHERE left(i.account_ref, 3) IN ('500', '006') AND length(i.account_ref) = 15",
        f"SELECT i.n, {ladder.EXTERNAL_ID}, a.key FROM identities AS i JOIN known_as AS a"
        " ON a.external_id = i.external WHERE i.external <> ''",
    )


def _by_email() -> tuple[str, ...]:
    contact = "JOIN people AS c ON c.mail = i"
    return (
        f"SELECT i.n, {ladder.EMAIL}, c.key FROM identities AS i {contact}.mail",
        f"SELECT i.n, {ladder.EMAIL_PLUS}, c.key FROM identities AS i {contact}.plain_mail"
        " WHERE i.plain_mail <> i.mail",
    )


def _by_alias() -> tuple[str, ...]:
    """What a person wrote down: an account for a key, an address, a domain or a company."""
    words = {
        ladder.ALIAS_OF_KEY: ("account_key", "contact_key"),
        ladder.ALIAS_OF_ADDRESS: ("mail", "plain_mail"),
        ladder.ALIAS_OF_COMPANY: ("domain", "company"),
    }
    said = [
        f"SELECT n, {rung} AS rung, {_mail(word)} AS word FROM identities"
        for rung, some in words.items()
        for word in some
    ]
    # A line for the whole domain says nothing where there is one for a part of it.
    said.append(
        f"SELECT i.n, {ladder.ALIAS_OF_COMPANY}, r.registrable FROM identities AS i"
        " JOIN registrable AS r ON r.domain = i.domain AND r.registrable <> i.domain"
        f" WHERE NOT EXISTS (SELECT 1 FROM aliases AS a WHERE {_mail('a.key')} = i.domain)"
    )
    return (
        f"SELECT s.n, s.rung, h.key FROM ({union(said)}) AS s"
        f" JOIN aliases AS a ON {_mail('a.key')} = s.word AND s.word <> ''"
        f" JOIN holders AS h ON h.ref = {short('trim(a.account_id)')}",
    )


def _by_domain() -> str:
    """The registrable domain of the address is that of the account's website."""
    return (
        f"SELECT i.n, {ladder.DOMAIN}, w.key FROM identities AS i"
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


def _by_name() -> str:
    """Companies of the same name, asked only where nothing else was found."""
    nameless = (
        f"SELECT e.n, {company_sql('e.company')} AS company FROM identities AS e"
        " LEFT JOIN (SELECT DISTINCT n FROM hits) AS f ON f.n = e.n"
        " WHERE e.company IS NOT NULL AND f.n IS NULL"
    )
    return (
        f"SELECT i.n, {ladder.NAME} AS rung, a.key FROM ({nameless}) AS i"
        f" JOIN (SELECT key, {company_sql('name')} AS name FROM known_as) AS a"
        " ON a.name = i.company"
    )


def _resolved(matching: Matching) -> str:
    """One row per identity: the rung that decided, and the account when it found only one."""
    doubtful = ladder.below(matching.least)
    parts = [
        "rungs AS (SELECT n, rung, count(DISTINCT key) AS candidates, min(key) AS key"
        " FROM found GROUP BY n, rung)",
        "first AS (SELECT n, min(rung) AS rung, arg_min(candidates, rung) AS candidates,"
        " arg_min(key, rung) AS key FROM rungs GROUP BY n)",
        f"aliased AS ({_aliased()})",
        f"tops AS ({_tops(is_enough=ladder.DOMAIN_PARENT not in doubtful)})",
        "settled AS (SELECT f.n, f.candidates, CASE WHEN f.candidates = 1 THEN f.rung"
        f" WHEN a.key IS NOT NULL THEN {ladder.ALIAS_OF_COMPANY}"
        f" WHEN t.key IS NOT NULL THEN {ladder.DOMAIN_PARENT} ELSE f.rung END AS rung,"
        " CASE WHEN f.candidates = 1 THEN f.key ELSE coalesce(a.key, t.key) END AS key"
        " FROM first AS f LEFT JOIN aliased AS a ON a.n = f.n"
        f" LEFT JOIN tops AS t ON t.n = f.n AND f.rung = {ladder.DOMAIN})",
    ]
    key = "s.key"
    if doubtful:
        key = f"CASE WHEN s.rung NOT IN {ladder.listed(doubtful)} THEN s.key END"
    keys = [f"i.{name}" for name in KEYS]
    filled = " || ".join(f"coalesce({name}, '')" for name in keys)
    return (
        f"WITH {', '.join(parts)} SELECT i.n, {', '.join(keys)}, {key} AS key, s.rung,"
        f" coalesce(s.candidates, 0) AS candidates, trim({filled}) = '' AS anonymous"
        " FROM identities AS i LEFT JOIN settled AS s ON s.n = i.n"
    )


def _aliased() -> str:
    """The one account that lines of the alias file agree on."""
    return (
        f"SELECT n, min(key) AS key FROM found WHERE rung IN {ladder.listed(ladder.ALIASES)}"
        " GROUP BY n HAVING count(DISTINCT key) = 1"
    )


def _tops(*, is_enough: bool) -> str:
    """Among several accounts of one domain the one above all others; none if that is no answer."""
    top = "max(CASE WHEN a.id = a.root_id THEN a.key END)"
    return (
        f"SELECT f.n, {top} AS key FROM found AS f JOIN accounts AS a ON a.key = f.key"
        f" WHERE {is_enough} AND f.rung = {ladder.DOMAIN} GROUP BY f.n"
        f" HAVING count(DISTINCT a.root_id) = 1 AND {top} IS NOT NULL"
    )
