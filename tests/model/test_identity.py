"""Whose answer it is: every rung of the ladder, and every way in which it refuses to guess."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from connector.model.identity import registrable
from connector.model.matching import Matching
from tests.model.lake import Lake, ago, answer, only

ONE, TWO = "001000000000001AAA", "001000000000002AAA"
ANNA, BERT = "003000000000001AAA", "003000000000002AAA"
EMPTY = {"account_key": None, "contact_key": None, "email": None, "company": None}


def world(**keys) -> Lake:
    """Two accounts with one contact each, and one answer that says this about its sender."""
    lake = Lake()
    lake.put(
        "accounts", id=ONE, name="Alpha GmbH", external_id="E-1", website="https://alpha.example/de"
    )
    lake.put("accounts", id=TWO, name="Beta AG", external_id="E-2", website="www.beta.co.uk")
    lake.put("contacts", id=ANNA, account_id=ONE, email="Anna@Mail.example ")
    lake.put("contacts", id=BERT, account_id=TWO, email="bert@beta.example")
    lake.put("free_mail", domain="gmail.com")
    return answer(lake, "r", 9, 5, **{**EMPTY, **keys})


def links(lake: Lake):
    lake.run(only("nps"))
    return lake.rows(
        "SELECT a.id, l.rule, l.confidence FROM links AS l JOIN accounts AS a ON a.key = l.key"
    )


def refused(lake: Lake):
    """Why an answer went to the list, and how many accounts it could have been."""
    assert links(lake) == []
    return lake.rows("SELECT why, candidates FROM unmatched WHERE stream = 'responses'")


@pytest.mark.parametrize(
    ("keys", "account", "rule", "confidence"),
    [
        ({"account_key": ONE}, ONE, "record_id", 1.0),
        ({"account_key": ONE[:15]}, ONE, "record_id", 1.0),
        ({"account_key": f" {ONE} "}, ONE, "record_id", 1.0),
        ({"account_key": ANNA}, ONE, "record_id", 1.0),
        ({"contact_key": BERT}, TWO, "record_id", 1.0),
        ({"contact_key": BERT[:15]}, TWO, "record_id", 1.0),
        ({"contact_key": TWO}, TWO, "record_id", 1.0),
        ({"account_key": "E-2"}, TWO, "external_id", 0.98),
        ({"email": "anna@mail.EXAMPLE"}, ONE, "email", 0.95),
        ({"email": "Anna+survey@mail.example"}, ONE, "email_plus", 0.95),
        ({"email": "carl@alpha.example"}, ONE, "domain", 0.8),
        ({"email": "carl@sales.alpha.example"}, ONE, "domain", 0.8),
        ({"email": "carl@beta.co.uk"}, TWO, "domain", 0.8),
        ({"company": "ALPHA"}, ONE, "name", 0.6),
        ({"company": "beta ag."}, TWO, "name", 0.6),
        ({"company": "Beta Aktiengesellschaft"}, None, None, None),
    ],
)
def test_every_rung_finds_its_account(keys, account, rule, confidence):
    """One key at a time, with the rule and how far it is to be trusted."""
    expected = [(account, rule, confidence)] if account else []
    assert links(world(**keys)) == expected


def test_the_highest_rung_decides():
    """A record id beats an address of another account."""
    assert links(world(account_key=ONE, email="bert@beta.example"))[0][:2] == (ONE, "record_id")


def test_ids_differ_by_capitals():
    """Two ids that differ only in case are two records."""
    lake = world(account_key="001000000000ABC")
    lake.put("accounts", id="001000000000ABCAAA", name="Big")
    lake.put("accounts", id="001000000000abcAAA", name="small")
    assert links(lake) == [("001000000000ABCAAA", "record_id", 1.0)]


@pytest.mark.parametrize(
    ("kind", "id", "found"),
    [
        ("tickets", "500000000000001AAA", True),
        ("opportunities", "006000000000001AAA", True),
        ("tickets", "77", False),
    ],
)
def test_a_case_or_a_deal_leads_to_its_account(kind, id, found):
    """By its prefix: a number alone may be anything."""
    lake = world(account_key=id[:15]).put(kind, id=id, account_id=TWO)
    column = "opened_at" if kind == "tickets" else "created_at"
    lake.db.execute(f"UPDATE lake_{kind} SET {column} = TIMESTAMPTZ '{ago(9)}'")
    assert links(lake) == ([(TWO, "record_id", 1.0)] if found else [])


def test_short_numeric_ids_of_two_kinds_are_not_mixed_up():
    """A company and a contact may carry the same number; only a prefix crosses over."""
    lake = Lake().put("accounts", id="77", name="A").put("accounts", id="88", name="B")
    lake.put("contacts", id="77", account_id="88")
    answer(lake, "r", 9, 5, **{**EMPTY, "account_key": "77"})
    assert links(lake) == [("77", "record_id", 1.0)]


@pytest.mark.parametrize("word", ["old-id", "Carl's Company", "carl@gmail.com", "gmail.com"])
def test_a_person_s_alias_settles_what_no_rule_can(word):
    """A key, a company, an address or a domain may stand in the alias file."""
    lake = world(account_key="old-id", company="Carl's Company", email="carl@gmail.com")
    lake.put("aliases", key=word.upper(), account_id=TWO[:15])
    assert links(lake) == [(TWO, "alias", 0.95)]


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"account_key": "E-1"}, "e-1"),
        ({"email": "anna@mail.example"}, "Anna@mail.example"),
        ({"email": "anna+nps@mail.example"}, "anna@mail.example"),
        ({"email": "carl@alpha.example"}, "alpha.example"),
        ({"email": "carl@sales.alpha.example"}, "alpha.example"),
        ({"email": "carl@alpha.example"}, "carl@alpha.example"),
        ({"company": "Alpha"}, "alpha"),
    ],
)
def test_a_person_s_word_beats_the_rule_that_reads_the_same_word(keys, word):
    """A consultant is a contact of one account and answers for another."""
    lake = world(**keys).put("aliases", key=word, account_id=TWO)
    assert links(lake) == [(TWO, "alias", 0.95)]


@pytest.mark.parametrize(
    ("keys", "word", "rule"),
    [
        ({"account_key": ONE}, ONE, "record_id"),
        ({"contact_key": ANNA, "email": "x@beta.example"}, "x@beta.example", "record_id"),
        ({"account_key": "E-1", "email": "x@mail.example"}, "x@mail.example", "external_id"),
        ({"email": "anna@mail.example"}, "mail.example", "email"),
        ({"email": "anna@mail.example", "company": "Carl"}, "carl", "email"),
    ],
)
def test_what_is_said_more_exactly_beats_a_line_for_something_wider(keys, word, rule):
    """A record id needs nobody's word; a domain's line does not move its known contacts."""
    lake = world(**keys).put("aliases", key=word, account_id=TWO)
    assert [found[:2] for found in links(lake)] == [(ONE, rule)]


def test_a_line_for_a_part_of_a_domain_beats_the_one_for_the_whole():
    """The daughter writes from a domain below that of the holding."""
    lake = world(email="carl@daughter.holding.example")
    lake.put("aliases", key="holding.example", account_id=ONE)
    lake.put("aliases", key="daughter.holding.example", account_id=TWO)
    assert links(lake) == [(TWO, "alias", 0.95)]


def test_an_alias_settles_an_ambiguity():
    """What the ladder may not guess, a person may say."""
    lake = world(email="anna@mail.example")
    lake.put("contacts", id="003X", account_id=TWO, email="anna@mail.example")
    lake.put("aliases", key="anna@mail.example", account_id=ONE)
    assert links(lake) == [(ONE, "alias", 0.95)]


def test_two_accounts_for_a_record_id_are_no_answer():
    """The account says one thing, the contact another."""
    assert refused(world(account_key=ONE, contact_key=BERT)) == [("ambiguous_record_id", 2)]


def test_two_accounts_with_one_number_are_no_answer():
    """A customer number given twice decides nothing."""
    lake = world(account_key="E-1").put("accounts", id="001X", name="X", external_id="E-1")
    assert refused(lake) == [("ambiguous_external_id", 2)]


def test_one_address_in_two_accounts_is_no_answer():
    """The same person may be a contact of two customers."""
    lake = world(email="anna@mail.example")
    lake.put("contacts", id="003X", account_id=TWO, email="anna@mail.example")
    assert refused(lake) == [("ambiguous_email", 2)]


def test_one_address_twice_in_one_account_is_an_answer():
    """A contact entered twice is still one customer."""
    lake = world(email="anna@mail.example")
    lake.put("contacts", id="003X", account_id=ONE, email="anna@mail.example")
    assert links(lake) == [(ONE, "email", 0.95)]


def test_an_ambiguous_plain_address_is_no_answer():
    """The second try refuses like the first."""
    lake = world(email="anna+x@mail.example")
    lake.put("contacts", id="003X", account_id=TWO, email="anna@mail.example")
    assert refused(lake) == [("ambiguous_email_plus", 2)]


def test_two_aliases_for_one_word_are_no_answer():
    """People contradict one another, too."""
    lake = world(company="Gamma")
    lake.put("aliases", key="gamma", account_id=ONE).put("aliases", key="gamma", account_id=TWO)
    assert refused(lake) == [("ambiguous_alias", 2)]


def test_one_domain_of_two_accounts_is_no_answer():
    """A holding and its daughter share a website."""
    lake = world(email="carl@alpha.example")
    lake.put("accounts", id="001X", name="Alpha Holding", website="alpha.example")
    assert refused(lake) == [("ambiguous_domain", 2)]


def test_an_ambiguous_rung_is_not_passed_over():
    """The company's name would be unique, but the domain already said: two."""
    lake = world(email="carl@alpha.example", company="Alpha")
    lake.put("accounts", id="001X", name="Other", website="alpha.example")
    assert refused(lake) == [("ambiguous_domain", 2)]


def test_two_companies_of_one_name_are_no_answer():
    """Legal forms aside they are called the same."""
    lake = world(company="Alpha").put("accounts", id="001X", name="Alpha Ltd.")
    assert refused(lake) == [("ambiguous_name", 2)]


def test_free_mail_says_nothing():
    """Not even when an account gives such a page as its website."""
    lake = world(email="carl@gmail.com").put("accounts", id="001X", name="X", website="gmail.com")
    assert refused(lake) == [("unknown", 0)]


def test_mail_providers_can_be_added():
    """A provider of the region that the shipped list does not know."""
    lake = world(email="carl@alpha.example")
    matching = TypeAdapter(Matching).validate_python({"free_mail": ["@Alpha.example"]})
    for domain in matching.without_employer:
        lake.put("free_mail", domain=domain)
    lake.run(only("nps"), matching=matching)
    assert "gmail.com" in matching.without_employer
    assert lake.rows("SELECT why FROM unmatched") == ["unknown"]


def test_shared_domains_can_be_added():
    """Customers have names of their own below the domain of a host."""
    lake = world(email="x@gamma.host.example")
    lake.put("accounts", id="001X", name="X", website="https://delta.host.example")
    lake.put("accounts", id="001Y", name="Y", website="gamma.host.example")
    lake.put("accounts", id="001H", name="Host", website="host.example")
    lake.run(only("nps"), matching=Matching(shared=("host.example",)))
    assert lake.rows("SELECT a.id FROM links JOIN accounts AS a USING (key)") == ["001Y"]
    lake.run(only("nps"))
    assert lake.rows("SELECT why, candidates FROM unmatched") == [("ambiguous_domain", 3)]


def test_a_name_alone_may_be_too_little():
    """Then the account is a proposal, on the list."""
    lake = world(company="Alpha")
    lake.run(only("nps"), matching=Matching(least=0.7))
    assert lake.rows("SELECT key, why, candidates FROM placements") == [(None, "unsure_name", 1)]


def test_a_person_s_word_is_enough_whatever_is_asked():
    """`least` is about rules."""
    lake = world(company="Alpha").put("aliases", key="alpha", account_id=TWO)
    lake.run(only("nps"), matching=Matching(least=1.0))
    assert lake.rows("SELECT rule FROM links") == ["alias"]


def family(*parents: str | None) -> Lake:
    """Accounts 001F0, 001F1 … that share a website, each with this parent; an answer from there."""
    lake = world(email="x@family.example")
    for number, parent in enumerate(parents):
        lake.put(
            "accounts", id=f"001F{number}", name=f"F{number}", website="family.example",
            parent_id=parent,
        )  # fmt: skip
    return lake


@pytest.mark.parametrize(
    ("parents", "found"),
    [
        ((None, "001F0", "001F1"), [("001F0", "domain_parent", 0.5)]),
        ((None, None), []),
        ((ONE, ONE), []),
    ],
    ids=["a family", "two strangers", "their parent is elsewhere"],
)
def test_the_top_of_a_family_takes_a_shared_domain_only_if_asked(parents, found):
    """Usually two accounts are no answer; at 0.5 the one above all others is."""
    lake = family(*parents)
    assert refused(lake)[0][0] == "ambiguous_domain"
    lake.run(only("nps"), matching=Matching(least=0.5))
    sql = "SELECT a.id, rule, l.confidence FROM links AS l JOIN accounts AS a USING (key)"
    assert lake.rows(sql) == found


def test_a_tenant_of_a_shared_domain_is_its_own_domain():
    """Two customers at onmicrosoft.com are not one."""
    lake = world(email="x@gamma.onmicrosoft.com")
    lake.put("accounts", id="001X", name="X", website="delta.onmicrosoft.com")
    lake.put("accounts", id="001Y", name="Y", website="gamma.onmicrosoft.com")
    assert links(lake) == [("001Y", "domain", 0.8)]


def test_an_answer_without_any_key_is_anonymous():
    """Nobody is looked for."""
    assert refused(world()) == [("anonymous", 0)]


def test_keys_of_blanks_are_no_keys():
    """An empty column is not an identity, and meets no empty column of accounts or aliases."""
    lake = world(account_key=" ", email="", company="").put("aliases", key="", account_id=ONE)
    lake.put("accounts", id="001X", name="", external_id="", website="")
    assert refused(lake) == [("anonymous", 0)]


def test_the_id_of_a_merged_account_leads_to_its_survivor():
    """Over several merges."""
    lake = world(account_key="001OLD")
    lake.put("accounts", id="001OLD", deleted=True, master_id="001MID")
    lake.put("accounts", id="001MID", deleted=True, master_id=TWO)
    assert links(lake) == [(TWO, "record_id", 1.0)]


def test_a_ring_of_merges_leads_nowhere():
    """It neither hangs nor guesses."""
    lake = world(account_key="001A")
    lake.put("accounts", id="001A", deleted=True, master_id="001B")
    lake.put("accounts", id="001B", deleted=True, master_id="001A")
    assert refused(lake) == [("unknown", 0)]


def test_deleted_contacts_know_nobody():
    """Nor do contacts that were created later."""
    lake = world(email="d@x.example")
    lake.put("contacts", id="003D", account_id=ONE, email="d@x.example", deleted=True)
    lake.put("contacts", id="003E", account_id=ONE, email="d@x.example", created_at=ago(-1))
    assert refused(lake) == [("unknown", 0)]


def test_signals_and_invitations_climb_the_same_ladder():
    """Their records are linked or listed as answers are."""
    lake = world(account_key=ONE)
    lake.put("signals", id="s", kind="usage", account_key="E-1", occurred_at=ago(1))
    lake.put("invitations", id="i", email="bert@beta.example", asked_at=ago(1))
    lake.put("signals", id="x", kind="usage", account_key="?", occurred_at=ago(1))
    lake.run(only("nps"))
    assert lake.rows("SELECT stream, id, rule FROM links ORDER BY stream") == [
        ("invitations", "i", "email"),
        ("responses", "r", "record_id"),
        ("signals", "s", "external_id"),
    ]
    assert lake.rows("SELECT stream, id, why FROM unmatched") == [("signals", "x", "unknown")]


@pytest.mark.parametrize(
    ("domain", "found"),
    [
        ("mail.kunde.de", "kunde.de"),
        ("KUNDE.co.uk", "kunde.co.uk"),
        ("a.b.contoso.onmicrosoft.com", "contoso.onmicrosoft.com"),
        ("onmicrosoft.com", "onmicrosoft.com"),
        ("shop.myshopify.com", "shop.myshopify.com"),
        ("co.uk", None),
        ("localhost", None),
        ("", None),
        ("no domain", None),
    ],
)
def test_a_domain_ends_where_somebody_registered_it(domain, found):
    """Country suffixes and shared hosts are not anybody's own."""
    assert registrable(domain) == found


def tickets(lake: Lake) -> list[tuple[str, str]]:
    """Which tickets belong to which account."""
    lake.run(only("ticket_load"))
    return lake.rows(
        "SELECT t.id, a.id FROM v_tickets AS t JOIN accounts AS a ON a.key = t.key ORDER BY t.id"
    )


def test_a_ticket_of_another_system_is_placed_like_an_answer():
    """A support desk knows no account id of the CRM, but addresses, keys and names."""
    lake = world()
    lake.put("tickets", id="by-id", account_id=TWO, opened_at=ago(2))
    lake.put("tickets", id="by-key", account_key="E-1", opened_at=ago(2))
    lake.put("tickets", id="by-mail", email="bert@beta.example", opened_at=ago(2))
    lake.put("tickets", id="by-name", company="alpha", opened_at=ago(2))
    assert tickets(lake) == [
        ("by-id", TWO), ("by-key", ONE), ("by-mail", TWO), ("by-name", ONE)
    ]  # fmt: skip
    assert lake.value("ticket_load", ONE) == lake.value("ticket_load", TWO) == 2


def test_the_account_a_ticket_names_beats_what_it_says_of_its_sender():
    """Keys are asked only where the account id leads nowhere; and no ticket counts twice."""
    lake = world()
    lake.put("tickets", id="t", account_id=TWO, email="anna@mail.example", opened_at=ago(2))
    lake.put("tickets", id="u", account_id="7", email="anna@mail.example", opened_at=ago(2))
    assert tickets(lake) == [("t", TWO), ("u", ONE)]


def test_a_ticket_that_could_be_anyone_s_is_listed():
    """Never guessed; one of the CRM that names no account is nobody's, and no question."""
    lake = world()
    lake.put("tickets", id="lost", email="x@gmail.com", opened_at=ago(2))
    lake.put("tickets", id="own", opened_at=ago(2))
    assert tickets(lake) == []
    sql = "SELECT id, why FROM unmatched WHERE stream = 'tickets'"
    assert lake.rows(sql) == [("lost", "unknown")]
