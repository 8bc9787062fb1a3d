"""No secret and no person in logs, receipts, plans, journals or error output."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.world import World, world


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> tuple[World, str, list[Path]]:
    """A run that succeeds and two that fail, with all the talk there is; and what they left."""
    with world(tmp_path_factory.mktemp("secrecy"), accounts=20) as here:
        here.ready()
        good = connector(here, "-vv", "sync")
        here.faults(
            {"match": {"path_regex": "/(zenloop|query)", "every": 2}, "do": {"status": 500}}
        )
        bad = connector(here, "-vv", "--json", "sync")
        here.faults({"match": {"path_regex": "/token"}, "do": {"status": 400, "body": "{}"}})
        worse = connector(here, "-vv", "sync")
        here.faults()
        runs = connector(here, "--json", "runs") + connector(here, "--json", "runs", "show")
        files = [p for p in (here.folder / "data").rglob("*") if p.is_file()]
        kept = [p for p in files if "lake" not in p.parts]
        yield here, good + bad + worse + runs, kept


def connector(here: World, *words: str) -> str:
    """Run a command; everything it said on either stream."""
    command = [sys.executable, "-m", "connector.cli", "-c", str(here.config), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def secrets(here: World) -> dict[str, str]:
    """Every secret that took part."""
    keys = here.control("credentials")
    lines = keys["salesforce"]["private_key"].splitlines()
    rows = here.store.db.execute("SELECT token FROM sessions").fetchall()
    return {
        "zenloop token": keys["zenloop"]["token"],
        "client secret": keys["salesforce"]["client_secret"],
        **{f"line {n} of the key": line for n, line in enumerate(lines) if len(line) > 30},
        **{f"access token {n}": str(row[0]) for n, row in enumerate(rows)},
    }


def test_the_runs_did_talk(told):
    """Otherwise there would be nothing to search."""
    here, talk, kept = told
    assert len(talk) > 2000
    assert {"plan.json", "journal.ndjson", "state.sqlite"} <= {p.name for p in kept}
    assert len(secrets(here)) > 20


def test_no_secret_is_said_or_kept(told):
    """Neither in what was printed, nor in any file of the installation."""
    here, talk, kept = told
    for name, secret in secrets(here).items():
        assert secret not in talk, name
        for path in kept:
            assert secret.encode() not in path.read_bytes(), (name, path.name)


def test_no_assertion_is_said_or_kept(told):
    """A signed assertion is as good as a token for three minutes."""
    _, talk, kept = told
    assert "eyJhbGciOi" not in talk
    assert all(b"eyJhbGciOi" not in path.read_bytes() for path in kept)


def test_no_person_is_said_or_kept(told):
    """No address and no comment outside the lake."""
    here, talk, kept = told
    contacts = here.control("values?crm=salesforce&object=Contact&fields=Email,LastName")
    answers = here.store.db.execute("SELECT * FROM answers").fetchall()
    comments = {str(cell) for row in answers for cell in row if isinstance(cell, str)}
    words = {c["Email"] for c in contacts.values() if c["Email"]}
    words |= {text for text in comments if text.count(" ") > 3 and not text.startswith("{")}
    assert len(words) > 20
    for word in words:
        assert word not in talk
        assert all(word.encode() not in path.read_bytes() for path in kept)
