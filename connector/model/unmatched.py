"""The records that no rule could place, with what helps a person to do it.

Asked after the stages up to `placements`. Records of one sender stand together; whoever sent most
comes first, and those that say nothing about their sender come last.
"""

from __future__ import annotations

from . import ladder
from .identity import KEYS, company_sql

#: How alike two names must be, from 0 to 1, to be shown side by side.
ALIKE = 0.88
#: Names are compared with those that begin alike.
BEGIN = 3
#: The most accounts that are shown for a record.
FEW = 5
#: What a spreadsheet would run instead of showing it.
_FORMULA = "^[=+@-]"


def counted() -> str:
    """How many records there are for each reason: `stream, why, records`."""
    return (
        "SELECT stream, why, count(*) AS records FROM placements WHERE key IS NULL"
        " GROUP BY stream, why ORDER BY records DESC, stream, why"
    )


def listed(most: int) -> str:
    """The first records of the list, without those accounts that they could belong to."""
    keys = ", ".join(f"i.{key}" for key in KEYS)
    return (
        f"SELECT p.stream, p.source, p.id, p.n, p.why, p.candidates AS found, {keys}"
        " FROM placements AS p JOIN identities AS i ON i.n = p.n WHERE p.key IS NULL"
        " ORDER BY p.why = 'anonymous', count(*) OVER (PARTITION BY p.n) DESC, p.n, p.stream,"
        f" p.source, p.id LIMIT {most}"
    )


def candidates(shown: str) -> str:
    """Accounts that the senders in `shown(n)` could belong to: `n, id, name, because`.

    Those that a rule found come first, then those whose contacts share the mail domain, then those
    with a similar name. Nothing but a person makes one of them the answer.
    """
    parts = (_by_rule(shown), _by_colleague(shown), _by_similar_name(shown))
    every = " UNION ALL ".join(parts)
    once = (
        "SELECT n, key, min(place) AS place, arg_min(because, place) AS because"
        f" FROM ({every}) AS every_one GROUP BY n, key"
    )
    return (
        "SELECT o.n, a.id, a.name, o.because"
        f" FROM ({once}) AS o JOIN accounts AS a ON a.key = o.key"
        f" QUALIFY row_number() OVER (PARTITION BY o.n ORDER BY o.place, a.name, a.id) <= {FEW}"
        " ORDER BY o.n, o.place, a.name, a.id"
    )


def template() -> str:
    """The words that would settle most records, one for each sender or company: `key, records`.

    A company's domain speaks for all who write from it. Words that a spreadsheet would take for a
    formula are left out.
    """
    is_own = (
        "i.domain <> '' AND NOT EXISTS (SELECT 1 FROM free_mail AS f LEFT JOIN registrable AS r"
        " ON r.domain = i.domain WHERE f.domain IN (i.domain, r.registrable))"
    )
    word = (
        "coalesce(nullif(i.external, ''),"
        f" CASE WHEN p.rung IN ({ladder.EMAIL}, {ladder.EMAIL_PLUS}) THEN i.mail END,"
        f" CASE WHEN {is_own} THEN i.domain END, i.mail, nullif(trim(i.contact_key), ''),"
        " nullif(trim(i.company), ''))"
    )
    return (
        f"SELECT word AS key, count(*) AS records FROM (SELECT {word} AS word FROM placements AS p"
        " JOIN identities AS i ON i.n = p.n WHERE p.key IS NULL) AS w"
        f" WHERE word IS NOT NULL AND NOT regexp_matches(word, '{_FORMULA}')"
        " GROUP BY word ORDER BY records DESC, word"
    )


def _by_rule(shown: str) -> str:
    return (
        f"SELECT f.n, f.key, 1 AS place, {ladder.named('f.rung')} AS because FROM found AS f"
        f" JOIN resolved AS r ON r.n = f.n WHERE f.n IN (SELECT n FROM ({shown}) AS s)"
        f" AND (f.rung = r.rung OR r.rung = {ladder.DOMAIN_PARENT})"
    )


def _by_colleague(shown: str) -> str:
    """Contacts with an address in the same domain, unless it is a mail provider's."""
    domain = "regexp_extract(lower(trim(c.email)), '@(.*)$', 1)"
    return (
        "SELECT i.n, c.key, 2 AS place, 'colleague' AS because FROM identities AS i"
        f" JOIN v_contacts AS c ON {domain} = i.domain"
        f" WHERE i.domain <> '' AND i.n IN (SELECT n FROM ({shown}) AS s)"
        " AND i.domain NOT IN (SELECT domain FROM free_mail)"
    )


def _by_similar_name(shown: str) -> str:
    begin = f"left({{0}}, {BEGIN})"
    asked = (
        f"SELECT n, {company_sql('company')} AS company FROM identities"
        f" WHERE n IN (SELECT n FROM ({shown}) AS s)"
    )
    called = f"SELECT key, {company_sql('name')} AS name FROM known_as"
    return (
        f"SELECT i.n, a.key, 3 AS place, 'similar_name' AS because FROM ({asked}) AS i"
        f" JOIN ({called}) AS a ON {begin.format('a.name')} = {begin.format('i.company')}"
        f" WHERE jaro_winkler_similarity(a.name, i.company) >= {ALIKE}"
    )
