"""The mapping that is shipped is right, says what it needs, and writes nothing personal."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import duckdb

from connector.mapping import examples, files, pulls
from connector.mapping.objects import CrmMapping
from connector.model import files as model_files
from connector.model import results
from connector.records import STREAMS

MAPPINGS = Path(__file__).parents[2] / "mappings"
PERSONAL = {"email", "comment", "company", "name", "contact_key"}


@cache
def columns() -> dict[str, str]:
    model, problems = model_files.read((MAPPINGS / "health.toml").read_text(), "health.toml")
    assert model is not None, problems
    return results.columns(model)


@cache
def mapping() -> CrmMapping:
    text = (MAPPINGS / "salesforce.toml").read_text()
    found, problems = files.read(text, "salesforce.toml", columns())
    assert found is not None, problems
    return found


def test_it_has_no_mistakes():
    """It reads without problems against the shipped model."""
    assert mapping().object == "Account"


def test_its_examples_hold():
    """Each example runs and is judged right."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    found = examples.statements(mapping(), columns())
    assert len(found) >= 3
    for example in found:
        cursor = db.execute(example.sql)
        row = dict(zip([each[0] for each in cursor.description], cursor.fetchone(), strict=True))
        assert examples.judge(example, row) is None


def test_every_crm_stream_is_fed():
    """Surveys, invitations and signals come from elsewhere, all else from the CRM."""
    fed = {pull.stream for pull in mapping().pull}
    assert fed == set(STREAMS) - {"responses", "invitations", "signals"}


def test_every_pull_is_typed_sql():
    """Each pull runs over an empty relation with the fields it asks for."""
    for pull in mapping().pull:
        raw = ", ".join(f'CAST(NULL AS {_kind(name)}) AS "{name}"' for name in pulls.fields(pull))
        sql = pulls.sql(pull, f"(SELECT {raw}) AS raw")
        assert duckdb.connect().execute(f"SELECT count(*) FROM ({sql})").fetchone() == (1,)


def test_nothing_personal_is_written():
    """No field takes a name, an address or a comment."""
    assert [f.target for f in mapping().fields if PERSONAL & {f.source, *f.source.split()}] == []


def test_every_field_is_explained_in_both_languages():
    """The people who see a field read what it is."""
    assert all({"en", "de"} <= set(f.label) & set(f.help) for f in mapping().fields)


def _kind(name: str) -> str:
    if name.startswith("Is") or name == "Incoming":
        return "BOOLEAN"
    if name.endswith("InSeconds"):
        return "DOUBLE"
    return "TIMESTAMPTZ" if name.endswith(("Date", "DateTime", "Stamp", "Modstamp")) else "VARCHAR"
