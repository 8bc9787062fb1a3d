"""The mappings that are shipped are right, say what they need, and write nothing personal."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import duckdb
import pytest

from connector.mapping import examples, files, pulls
from connector.mapping.objects import CrmMapping
from connector.model import card, results
from connector.model import files as model_files
from connector.model.definition import HealthModel
from connector.records import STREAMS

MAPPINGS = Path(__file__).parents[2] / "mappings"
OBJECTS = {"salesforce": "Account", "hubspot": "companies"}
#: Streams that come from elsewhere, or that only some orgs have; HubSpot converts amounts by itself
#: and tells no rates.
ELSEWHERE = {"responses", "invitations", "signals", "subjects"}
UNFED = {"salesforce": ELSEWHERE, "hubspot": {*ELSEWHERE, "rates"}}
PERSONAL = {"email", "comment", "company", "name", "contact_key"}

every = pytest.mark.parametrize("crm", sorted(OBJECTS))


@cache
def model() -> HealthModel:
    found, problems = model_files.read((MAPPINGS / "health.toml").read_text(), "health.toml")
    assert found is not None, problems
    return found


@cache
def columns() -> dict[str, str]:
    return results.columns(model())


@cache
def mapping(crm: str) -> CrmMapping:
    found, problems = files.read(_text(crm), f"{crm}.toml", columns())
    assert found is not None, problems
    return found


def test_all_of_them_are_tested():
    """A mapping that is added is added here."""
    shipped = {path.stem for path in MAPPINGS.glob("*.toml")}
    assert set(OBJECTS) == {name for name in shipped if f'crm    = "{name}"' in _text(name)}


@every
def test_it_has_no_mistakes(crm):
    """It reads without problems against the shipped model."""
    assert (mapping(crm).crm, mapping(crm).object) == (crm, OBJECTS[crm])


@every
def test_its_examples_hold(crm):
    """Each example runs and is judged right."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    found = examples.statements(mapping(crm), columns())
    assert len(found) >= 3
    for example in found:
        cursor = db.execute(example.sql)
        row = dict(zip([each[0] for each in cursor.description], cursor.fetchone(), strict=True))
        assert examples.judge(example, row) is None


@every
def test_every_crm_stream_is_fed(crm):
    """Surveys, invitations and signals come from elsewhere, all else from the CRM."""
    fed = {pull.stream for pull in mapping(crm).pull}
    assert fed == set(STREAMS) - UNFED[crm]


@every
def test_every_pull_is_typed_sql(crm):
    """Each pull runs over an empty relation with the fields it asks for."""
    for pull in mapping(crm).pull:
        raw = ", ".join(f'CAST(NULL AS {_kind(name)}) AS "{name}"' for name in pulls.fields(pull))
        sql = pulls.sql(pull, f"(SELECT {raw}) AS raw")
        assert duckdb.connect().execute(f"SELECT count(*) FROM ({sql})").fetchone() == (1,)


@every
def test_nothing_personal_is_written(crm):
    """No field takes a name, an address or a comment."""
    assert [f.target for f in mapping(crm).fields if PERSONAL & {f.source, *f.source.split()}] == []


@every
def test_every_field_is_explained_in_both_languages(crm):
    """The people who see a field read what it is: in the mapping's words, or in the model's."""
    fields = card.explained(mapping(crm), model()).fields
    assert all({"en", "de"} <= set(f.label) & set(f.help) for f in fields)


def test_the_two_mappings_write_the_same():
    """An account manager sees the same in either CRM, under the same labels."""
    one, other = (
        [(f.source, f.type, f.values, f.label, f.help, f.missing) for f in mapping(crm).fields]
        for crm in ("salesforce", "hubspot")
    )
    assert one == other


def _text(name: str) -> str:
    return (MAPPINGS / f"{name}.toml").read_text()


def _kind(name: str) -> str:
    if name == "archived" or name.endswith((".is_won", ".is_closed")):
        return "BOOLEAN"
    if name.endswith((".probability", "_duration")):
        return "DOUBLE"
    if name.endswith(("_time", "_timestamp", "date", "createdAt")):
        return "TIMESTAMPTZ"
    if name.startswith("Is") or name == "Incoming":
        return "BOOLEAN"
    if name.endswith("InSeconds"):
        return "DOUBLE"
    return "TIMESTAMPTZ" if name.endswith(("Date", "DateTime", "Stamp", "Modstamp")) else "VARCHAR"
