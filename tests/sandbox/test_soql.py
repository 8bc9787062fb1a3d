"""What statements find, in which order, and how they fail."""

from __future__ import annotations

from typing import Any

import pytest

from connector.sandbox.salesforce import query, security
from connector.sandbox.salesforce.errors import Refusal
from connector.sandbox.salesforce.soql_parse import parse
from connector.sandbox.store import SYSTEM_USER, Field, Store

BASE = "/services/data/v66.0"


@pytest.fixture
def ask(store: Store):
    """Runs a statement and gives the whole answer."""

    def run(soql: str, **more: Any) -> dict[str, Any]:
        access = security.access(store, SYSTEM_USER)
        return query.run(soql, store, access, base=BASE, batch=2_000, **more)

    return run


@pytest.fixture
def names(ask):
    """Runs a condition over the accounts and gives their names."""

    def run(after: str, **more: Any) -> list[str]:
        found = ask(f"SELECT Name FROM Account {after}", **more)["records"]
        return [each["Name"] for each in found]

    return run


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("Name = 'ALPHA'", {"Alpha"}),
        ("Name LIKE 'b%'", {"beta"}),
        (r"Name LIKE '%\%'", {"Gamma 100%"}),
        (r"Name = 'O\'Hara'", {"O'Hara"}),
        ("Name LIKE '_eta'", {"beta"}),
        ("Industry = null", {"Gamma 100%"}),
        ("Industry = ''", {"Gamma 100%"}),
        ("Industry != 'Energy'", {"beta", "Gamma 100%"}),
        ("NOT Industry = 'Energy'", {"beta", "Gamma 100%"}),
        ("Industry NOT IN ('Energy')", {"beta", "Gamma 100%"}),
        ("Industry IN ('Retail', null)", {"beta", "Gamma 100%"}),
        ("AnnualRevenue > 60", {"Alpha", "Gamma 100%"}),
        ("NOT (AnnualRevenue > 60)", {"beta", "O'Hara"}),
        ("AnnualRevenue = 100.5", {"Alpha"}),
        ("Active__c = TRUE", {"Alpha"}),
        ("Renewal__c < 2026-02-01", {"Alpha"}),
        ("SystemModstamp = 2026-03-04T06:06:07+01:00", {"Alpha", "beta", "Gamma 100%", "O'Hara"}),
        ("SystemModstamp > 2026-03-04T05:06:07Z", set()),
        ("SystemModstamp < TODAY", {"Alpha", "beta", "Gamma 100%", "O'Hara"}),
        ("SystemModstamp = LAST_N_DAYS:30", set()),
        ("Parent.Name = 'Alpha'", {"beta"}),
        ("Parent.Parent.Name = 'Alpha'", {"Gamma 100%"}),
        ("account.name = 'Alpha'", {"Alpha"}),
        ("Name = 'Alpha' OR (Name = 'beta' AND Industry = 'Retail')", {"Alpha", "beta"}),
        ("Id IN (SELECT AccountId FROM Contact)", {"Alpha"}),
        (
            "Id NOT IN (SELECT AccountId FROM Contact) AND Industry != null",
            {"beta", "O'Hara"},
        ),
        (
            "CALENDAR_YEAR(SystemModstamp) = 2026 AND CALENDAR_MONTH(SystemModstamp) = 3",
            {"Alpha", "beta", "Gamma 100%", "O'Hara"},
        ),
    ],
)
def test_a_condition_finds_what_it_says(names, condition: str, expected: set[str]):
    """Text ignores case, empty values are neither greater nor equal, and NOT is two-valued."""
    assert set(names(f"WHERE {condition}")) == expected


def test_ids_are_compared_in_both_their_lengths(names, ids):
    """Fifteen characters from a report mean the same record as eighteen."""
    assert names(f"WHERE Id = '{ids['Alpha'][:15]}'") == ["Alpha"]


def test_ids_are_compared_with_their_case(ask, ids):
    """Another case is another record."""
    wanted = ids["Alpha"][:15]
    swapped = wanted.replace("Sb", "sB")
    assert ask(f"SELECT Id FROM Account WHERE Id = '{swapped}'")["totalSize"] == 0


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ("ORDER BY AnnualRevenue", "beta"),
        ("ORDER BY AnnualRevenue DESC", "beta"),
        ("ORDER BY AnnualRevenue NULLS LAST", "O'Hara"),
        ("ORDER BY AnnualRevenue DESC NULLS LAST", "Gamma 100%"),
        ("ORDER BY Industry DESC NULLS LAST, Name", "beta"),
        ("ORDER BY Name DESC", "O'Hara"),
    ],
)
def test_empty_values_come_first_unless_said_otherwise(names, order: str, first: str):
    """Sorting follows the words, whichever way the database would do it."""
    assert names(order)[0] == first


def test_limit_and_offset_cut_a_window(names):
    """The second and third of a sorted list."""
    assert names("ORDER BY Name LIMIT 2 OFFSET 1") == ["beta", "Gamma 100%"]


def test_deleted_records_are_for_query_all_only(names):
    """The bin is empty for a plain query."""
    assert "Gone" not in names("")
    assert "Gone" in names("", everything=True)


def test_archived_activities_are_for_query_all_only(ask):
    """An old closed task is not found by a plain query."""
    assert ask("SELECT COUNT() FROM Task")["totalSize"] == 3
    assert ask("SELECT COUNT() FROM Task", everything=True)["totalSize"] == 4


def test_parents_are_nested_and_missing_parents_are_null(ask):
    """`Parent.Owner.Name` is a record in a record, and null where there is no parent."""
    rows = ask("SELECT Name, Parent.Name, Parent.Owner.Name FROM Account ORDER BY Name")["records"]
    assert rows[0]["Parent"] is None
    assert rows[1]["Parent"]["attributes"]["type"] == "Account"
    assert rows[1]["Parent"]["Name"] == "Alpha"
    assert rows[1]["Parent"]["Owner"]["Name"] == "Integration User"


def test_a_parent_of_several_kinds_tells_its_kind(ask):
    """`What` is an account, a case, or nothing."""
    rows = ask("SELECT Subject, What.Type, What.Name FROM Task ORDER BY Subject")["records"]
    kinds = {each["Subject"]: each["What"] and each["What"]["Type"] for each in rows}
    assert kinds == {"call": "Account", "mail": "Case", "none": None}


def test_a_parent_of_several_kinds_can_be_filtered_by_kind(ask):
    """Only activities on cases."""
    rows = ask("SELECT Subject FROM Task WHERE What.Type IN ('Case')")["records"]
    assert [each["Subject"] for each in rows] == ["mail"]


def test_values_have_the_types_of_their_fields(ask, ids):
    """Booleans are booleans, numbers numbers, moments end in +0000, ids have 18 characters."""
    fields = "Id, Active__c, AnnualRevenue, Renewal__c, SystemModstamp, Twice__c"
    (row,) = ask(f"SELECT {fields} FROM Account WHERE Name = 'Alpha'")["records"]
    assert row == {
        "attributes": {"type": "Account", "url": f"{BASE}/sobjects/Account/{ids['Alpha']}"},
        "Id": ids["Alpha"],
        "Active__c": True,
        "AnnualRevenue": 100.5,
        "Renewal__c": "2026-01-31",
        "SystemModstamp": "2026-03-04T05:06:07.000+0000",
        "Twice__c": None,
    }


def test_names_come_back_as_the_org_writes_them(ask):
    """A lower-case statement gives the keys that describe tells."""
    (row,) = ask("select name from account where name = 'alpha'")["records"]
    assert list(row) == ["attributes", "Name"]


def test_a_count_of_everything_has_no_rows(ask):
    """`COUNT()` is a total."""
    assert ask("SELECT COUNT() FROM Account") == {"totalSize": 4, "done": True, "records": []}


def test_groups_are_counted_and_named(ask):
    """An aggregate without an alias is `expr0`."""
    found = ask(
        "SELECT Industry, COUNT(Id) n, MAX(AnnualRevenue) FROM Account GROUP BY Industry"
        " ORDER BY Industry"
    )["records"]
    assert found[1] == {
        "attributes": {"type": "AggregateResult"},
        "Industry": "Energy",
        "n": 2,
        "expr0": 100.5,
    }


def test_groups_can_be_chosen_by_their_count(ask):
    """HAVING looks at the group."""
    found = ask("SELECT Industry FROM Account GROUP BY Industry HAVING COUNT(Id) > 1")["records"]
    assert [each["Industry"] for each in found] == ["Energy"]


def test_more_groups_than_a_page_are_an_error(store):
    """Aggregates cannot be paged."""
    access = security.access(store, SYSTEM_USER)
    with pytest.raises(Refusal) as caught:
        query.run(
            "SELECT Name, COUNT(Id) FROM Account GROUP BY Name", store, access, base=BASE, batch=2
        )
    assert caught.value.code == "EXCEEDED_ID_LIMIT"


def test_all_fields_are_the_fields_of_describe(ask, store):
    """`FIELDS(ALL)` with a limit gives every field."""
    (row,) = ask("SELECT FIELDS(ALL) FROM Account LIMIT 1")["records"]
    assert list(row)[1:] == list(store.fields("Account"))


@pytest.mark.parametrize(
    ("soql", "code", "said"),
    [
        ("SELECT Id FROM", "MALFORMED_QUERY", "Column:15\nunexpected token: '<EOF>'"),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT Id FROM Account LIMIT x", "MALFORMED_QUERY", "unexpected token: 'x'"),
        ("SELECT Id FROM Account ; drop", "MALFORMED_QUERY", "unexpected token: ';'"),
        (
            "SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'",
            "MALFORMED_QUERY",
            "unexpected token: 'OR'",
        ),
        (
            "SELECT Nope__c FROM Account",
            "INVALID_FIELD",
            "Column:8\nNo such column 'Nope__c' on entity 'Account'",
        ),
        ("SELECT Parent.Nope FROM Account", "INVALID_FIELD", "on entity 'Account'"),
        ("SELECT Nope.Name FROM Account", "INVALID_FIELD", "relationship 'Nope'"),
        ("SELECT What.Subject FROM Task", "INVALID_FIELD", "on entity 'Name'"),
        ("SELECT Id FROM Nope", "INVALID_TYPE", "sObject type 'Nope' is not supported"),
        (
            "SELECT Id FROM Account WHERE SystemModstamp > '2026-01-01T00:00:00Z'",
            "INVALID_FIELD",
            "must be of type dateTime and should not be enclosed in quotes",
        ),
        ("SELECT Id FROM Account WHERE SystemModstamp > 2026-01-01", "INVALID_FIELD", "dateTime"),
        ("SELECT Id FROM Account WHERE Renewal__c > 2026-01-01T00:00:00Z", "INVALID_FIELD", "date"),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD", "should be enclosed in quotes"),
        ("SELECT Id FROM Account WHERE AnnualRevenue = '5'", "INVALID_FIELD", "type double"),
        ("SELECT Id FROM Account WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID"),
        ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered"),
        ("SELECT Id FROM Account ORDER BY Description", "MALFORMED_QUERY", "can not be sorted"),
        ("SELECT COUNT(Id) FROM Account GROUP BY Description", "MALFORMED_QUERY", "grouped"),
        ("SELECT Name, COUNT(Id) FROM Account", "MALFORMED_QUERY", "grouped or aggregated"),
        ("SELECT Name, name FROM Account", "MALFORMED_QUERY", "duplicate field selected: Name"),
        ("SELECT SUM(Name) FROM Account", "MALFORMED_QUERY", "aggregate operator SUM"),
        ("SELECT FIELDS(ALL) FROM Account", "MALFORMED_QUERY", "LIMIT of at most 200"),
        ("SELECT Id FROM Account LIMIT 5 OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "2000"),
        (
            "SELECT Id FROM Account WHERE Id IN (SELECT WhatId FROM Task)",
            "MALFORMED_QUERY",
            "Entity 'Task' is not supported for semi join",
        ),
        (
            "SELECT Id FROM Account WHERE Id IN (SELECT ParentId FROM Account)",
            "MALFORMED_QUERY",
            "same object type",
        ),
    ],
)
def test_a_wrong_statement_says_what_is_wrong(ask, soql: str, code: str, said: str):
    """Code, place and reason are those of the real thing."""
    with pytest.raises(Refusal) as caught:
        ask(soql)
    assert (caught.value.code, said in caught.value.message) == (code, True)


def test_a_statement_that_is_too_long_is_refused():
    """A hundred thousand characters are the most."""
    with pytest.raises(Refusal, match="100000"):
        parse("SELECT Id FROM Account WHERE Name = '" + "x" * 100_000 + "'")


def test_a_value_that_is_too_long_is_refused(ask):
    """Four thousand characters between the quotes are the most."""
    ask(f"SELECT Id FROM Account WHERE Name = '{'x' * 4_000}'")
    with pytest.raises(Refusal, match="4000"):
        ask(f"SELECT Id FROM Account WHERE Name = '{'x' * 4_001}'")


@pytest.fixture
def formulas(store):
    """The names of fifty fields that are computed."""
    names = [f"F{place}__c" for place in range(50)]
    for each in names:
        store.add_field("Account", Field(each, "double", formula="Score__c", calculated=True))
    return names


COMPLICATED = "QUERY_TOO_COMPLICATED"


def refused(ask, soql):
    """The code with which a statement is refused; empty if it is answered."""
    try:
        ask(soql)
    except Refusal as refusal:
        return refusal.code
    return ""


def test_too_many_formulas_are_too_complicated(ask, formulas):
    """Written out they make the statement too long, wherever they stand in it."""
    few, last = ", ".join(formulas[:-1]), formulas[-1]
    assert refused(ask, f"SELECT {few} FROM Account") == ""
    assert refused(ask, f"SELECT {few}, {last} FROM Account") == COMPLICATED
    assert refused(ask, f"SELECT {few} FROM Account WHERE {last} > 1") == COMPLICATED
    assert refused(ask, f"SELECT {few} FROM Account ORDER BY {last}") == COMPLICATED
    assert (
        refused(ask, f"SELECT {few}, (SELECT Account.{last} FROM Contacts) FROM Account")
        == COMPLICATED
    )


def test_a_count_can_be_too_complicated(ask):
    """One formula, compared fifty times."""
    parts = [f"Twice__c != {each}" for each in range(50)]
    assert refused(ask, f"SELECT COUNT() FROM Account WHERE {' AND '.join(parts)}") == COMPLICATED
    assert refused(ask, f"SELECT COUNT() FROM Account WHERE {' AND '.join(parts[1:])}") == ""


def test_a_path_of_six_parents_is_refused(ask):
    """Five levels up are the most."""
    ask("SELECT Parent.Parent.Parent.Parent.Parent.Name FROM Account")
    with pytest.raises(Refusal, match="at most 5 levels"):
        ask("SELECT Parent.Parent.Parent.Parent.Parent.Parent.Name FROM Account")


def test_a_quoted_value_cannot_become_sql(names):
    """What is inside quotes stays inside quotes."""
    assert names(r"WHERE Name = 'x\' OR 1=1 --'") == []


@pytest.mark.parametrize("word", ["Order", "Group", "Select"])
def test_names_that_are_words_of_sql_work(store, ask, word: str):
    """A custom field may be called what it likes."""
    store.add_field("Account", Field(f"{word}__c", "string"))
    assert ask(f"SELECT {word}__c FROM Account LIMIT 1")["totalSize"] == 1


# children, kinds, several values


def account(ask, soql: str) -> dict[str, Any]:
    """The one record that a statement finds."""
    (found,) = ask(soql)["records"]
    return found


def test_children_are_nested_with_a_total_of_their_own(ask, ids):
    """Null where there are none, as the real one answers."""
    soql = "SELECT Name, (SELECT LastName FROM Contacts) FROM Account WHERE Name = '{}'"
    children = account(ask, soql.format("Alpha"))["Contacts"]
    (smith,) = children["records"]
    assert (children["totalSize"], children["done"], smith["LastName"]) == (1, True, "Smith")
    assert smith["attributes"]["type"] == "Contact"
    assert account(ask, soql.format("beta"))["Contacts"] is None


def test_children_are_chosen_sorted_and_cut_by_parent(ask, store, ids):
    """Each parent has its own first two, and deleted ones are not among them."""
    rows = [(name, ids[of], dead) for of in ("Alpha", "beta") for name, dead in
            (("Cy", 0), ("Ann", 0), ("Bob", 0), ("Aaa", 1))]  # fmt: skip
    store.insert("Contact", ["LastName", "AccountId", "IsDeleted"], rows)
    soql = "SELECT Name, (SELECT LastName FROM Contacts WHERE LastName != 'Smith'"
    soql += " ORDER BY LastName LIMIT 2) FROM Account WHERE Name IN ('Alpha', 'beta')"
    found = [[c["LastName"] for c in each["Contacts"]["records"]] for each in ask(soql)["records"]]
    assert found == [["Ann", "Bob"], ["Ann", "Bob"]]


def test_children_page_on_their_own(ask, store, ids):
    """A parent with more than a page of children has an address for the rest."""
    rows = ((f"c{n:04}", ids["beta"]) for n in range(2_500))
    store.insert("Contact", ["LastName", "AccountId"], rows)
    soql = "SELECT (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account"
    children = account(ask, f"{soql} WHERE Name = 'beta'")["Contacts"]
    assert (children["totalSize"], children["done"], len(children["records"])) == (
        2_500,
        False,
        2_000,
    )
    locator = children["nextRecordsUrl"].rpartition("/")[2]
    rest = query.more(locator, store, security.access(store, SYSTEM_USER), base=BASE)
    assert (rest["done"], len(rest["records"])) == (True, 500)
    assert rest["records"][0]["LastName"] == "c2000"


def test_children_have_children(ask):
    """Accounts, their cases, the tasks on those."""
    soql = "SELECT Name, (SELECT Subject, (SELECT Subject FROM Tasks) FROM Cases) FROM Account"
    case = account(ask, f"{soql} WHERE Name = 'beta'")["Cases"]["records"][0]
    assert [each["Subject"] for each in case["Tasks"]["records"]] == ["mail"]


def test_accounts_below_are_child_accounts(ask):
    """The relationship downwards has a name of its own."""
    soql = "SELECT (SELECT Name FROM ChildAccounts) FROM Account WHERE Name = 'Alpha'"
    assert [each["Name"] for each in account(ask, soql)["ChildAccounts"]["records"]] == ["beta"]


def test_a_parent_is_shown_by_its_kind(ask):
    """TYPEOF gives an account's fields, a case's, or those of any other kind."""
    soql = (
        "SELECT Subject, TYPEOF What WHEN Account THEN Name, AnnualRevenue"
        " {} END FROM Task ORDER BY Subject"
    )
    call, mail, none = ask(soql.format("ELSE Name"))["records"]
    assert (call["What"]["Name"], call["What"]["AnnualRevenue"]) == ("Alpha", 100.5)
    assert list(mail["What"]) == ["attributes", "Name"]
    assert (mail["What"]["attributes"]["type"], none["What"]) == ("Case", None)
    assert ask(soql.format(""))["records"][1]["What"] is None


@pytest.mark.parametrize("more", ["COUNT()", "COUNT(Id)", "CALENDAR_YEAR(CreatedDate)"])
def test_kinds_are_not_shown_beside_functions(ask, more):
    """TYPEOF is for fields alone."""
    soql = f"SELECT {more}, TYPEOF What WHEN Account THEN Name END FROM Task"
    assert refused(ask, soql) == "MALFORMED_QUERY"


def test_a_parent_with_one_known_kind_is_still_of_several_kinds(ask, store):
    """`Who` may be a lead, whether or not there are leads."""
    who = Field("WhoId", "reference", refers=("Contact", "Lead"), relationship="Who")
    store.add_field("Task", who)
    store.db.execute("update Task set WhoId = (select Id from Contact where LastName = 'Smith')")
    rows = ask("SELECT Subject, Who.Email FROM Task WHERE Who.Type = 'Contact'")["records"]
    assert (len(rows), rows[0]["Who"]["attributes"]["type"]) == (3, "Contact")
    assert ask("SELECT COUNT() FROM Task WHERE Who.Type = 'Lead'")["totalSize"] == 0


@pytest.fixture
def colours(store, ids):
    """A field of several values: Alpha is red and green, beta green."""
    choices = ("red", "green", "blue")
    store.add_field("Account", Field("Colours__c", "multipicklist", choices=choices))
    for name, held in (("Alpha", "red;green"), ("beta", "green")):
        store.db.execute("update Account set Colours__c = ? where Id = ?", (held, ids[name]))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("INCLUDES ('green')", {"Alpha", "beta"}),
        ("INCLUDES ('red;green')", {"Alpha"}),
        ("INCLUDES ('red', 'blue')", {"Alpha"}),
        ("EXCLUDES ('red')", {"beta", "Gamma 100%", "O'Hara"}),
        ("= 'red;green'", {"Alpha"}),
    ],
)
def test_several_values_are_asked_for_by_sets(names, colours, condition, expected):
    """A semicolon is and, a comma is or; what is empty excludes everything."""
    assert set(names(f"WHERE Colours__c {condition}")) == expected


def test_a_moment_is_turned_to_the_users_day(ask, store, ids):
    """Half past eleven in the evening in UTC is tomorrow in Berlin."""
    sql = "update Account set Seen__c = '2026-03-04T23:30:00.000+0000' where Id = ?"
    store.db.execute(sql, (ids["Alpha"],))
    soql = "SELECT DAY_ONLY({}) d FROM Account WHERE Name = 'Alpha' GROUP BY DAY_ONLY({})"
    days = [account(ask, soql.format(of, of))["d"]
            for of in ("Seen__c", "convertTimezone(Seen__c)")]  # fmt: skip
    assert days == ["2026-03-04", "2026-03-05"]


INNER = "Id IN (SELECT AccountId FROM Contact"


@pytest.mark.parametrize(
    ("soql", "code", "said"),
    [
        (f"WHERE {INNER}) OR Name = 'x'", "MALFORMED_QUERY", "not allowed with the 'OR'"),
        (f"WHERE Name = 'x' OR (Name = 'y' AND {INNER}))", "MALFORMED_QUERY", "with the 'OR'"),
        (f"WHERE NOT {INNER})", "MALFORMED_QUERY", "not allowed with the 'NOT'"),
        (f"WHERE {INNER} LIMIT 5)", "MALFORMED_QUERY", "no ORDER BY, LIMIT"),
        (f"WHERE {INNER} WHERE Id IN (SELECT WhatId FROM Task))", "MALFORMED_QUERY", "Nesting"),
        (
            "WHERE Name IN (SELECT LastName FROM Contact)",
            "INVALID_FIELD",
            "must be an id or reference",
        ),
        ("WHERE Id IN (SELECT LastName FROM Contact)", "INVALID_FIELD", "must be an id"),
        (
            f"WHERE {INNER}) AND {INNER}) AND {INNER})",
            "EXCEEDED_MAX_SEMIJOIN_SUBSELECTS",
            "maximum 2",
        ),
        ("WHERE Name INCLUDES ('x')", "INVALID_QUERY_FILTER_OPERATOR", "multipicklist"),
    ],
)
def test_a_condition_that_salesforce_does_not_take_is_refused(ask, soql, code, said):
    """Inner statements stand alone beside AND, at most two of them, over ids."""
    with pytest.raises(Refusal) as caught:
        ask(f"SELECT Id FROM Account {soql}")
    assert (caught.value.code, said in caught.value.message) == (code, True)


@pytest.mark.parametrize("name", ["Task", "Event", "ActivityHistory", "Note", "attachment"])
def test_accounts_with_recent_activities_cannot_be_asked_for(ask, name):
    """Activities are never the inner object, so they are pulled and joined at home."""
    with pytest.raises(Refusal, match="not supported for semi join"):
        ask(f"SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM {name})")


CHILD = "(SELECT Id FROM Contacts)"


@pytest.mark.parametrize(
    ("items", "code", "said"),
    [
        ("(SELECT Id FROM Nopes)", "INVALID_TYPE", "relationship 'Nopes' in FROM"),
        ("(SELECT Id FROM Contact)", "INVALID_TYPE", "relationship 'Contact' in FROM"),
        ("(SELECT COUNT(Id) FROM Contacts)", "MALFORMED_QUERY", "cannot have aggregates"),
        (", ".join([CHILD] * 21), "MALFORMED_QUERY", "at most 20"),
        ("TYPEOF Parent WHEN Account THEN Id END", "INVALID_FIELD", "several objects"),
        ("TYPEOF Parent END", "MALFORMED_QUERY", "unexpected token: 'END'"),
    ],
)
def test_children_and_kinds_that_cannot_be_are_refused(ask, items, code, said):
    """Unknown relationships, sums below, too many, parents of one kind."""
    with pytest.raises(Refusal) as caught:
        ask(f"SELECT {items} FROM Account")
    assert (caught.value.code, said in caught.value.message) == (code, True)


def test_more_than_fifty_five_parents_are_refused(ask, store):
    """So many lookups may be followed in one statement."""
    for n in range(56):
        link = Field(f"L{n}__c", "reference", refers=("Account",), relationship=f"L{n}__r")
        store.add_field("Contact", link)
    paths = [f"L{n}__r.Name" for n in range(56)]
    ask(f"SELECT {', '.join(paths[:55])} FROM Contact")
    with pytest.raises(Refusal, match="at most 55"):
        ask(f"SELECT {', '.join(paths)} FROM Contact")


def test_children_that_hang_on_a_hidden_field_are_not_there(ask, store):
    """Who does not see the lookup does not see what it leads to from above."""
    security.guard(store, "Contact", "AccountId")
    with pytest.raises(Refusal, match="relationship 'Contacts'"):
        ask("SELECT (SELECT Id FROM Contacts) FROM Account")


def test_six_levels_downwards_are_refused(ask):
    """Five are the most."""

    def nested(levels: int) -> str:
        return f"(SELECT Id, {nested(levels - 1)} FROM ChildAccounts)" if levels else "Name"

    ask(f"SELECT {nested(4)} FROM Account")
    with pytest.raises(Refusal, match="5 levels"):
        ask(f"SELECT {nested(5)} FROM Account")
