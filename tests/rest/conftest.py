"""A line to a scripted server, and an engine to look at what came."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connector.engines.duckdb import DuckDB
from connector.rest.line import Line, bearer
from connector.secrets import Secret
from tests.conftest import Answer


@pytest.fixture
def token(tmp_path) -> Secret:
    (tmp_path / "token").write_text("s3cret")
    return Secret(f"file:{tmp_path / 'token'}")


@pytest.fixture
def line(scripted, token) -> Callable[..., tuple[Line, Any]]:
    """A line to a server that gives these bodies one after the other; and the server."""

    def connect(*bodies: Any, **headers: str) -> tuple[Line, Any]:
        answers = [
            body if isinstance(body, Answer) else Answer(body=json.dumps(body).encode())
            for body in bodies
        ]
        for each in answers:
            each.headers |= headers
        script = scripted(*answers)
        return Line(script.url, bearer("Pulse", token), name="Pulse"), script

    return connect


@pytest.fixture
def engine(tmp_path) -> Iterator[DuckDB]:
    made = DuckDB(scratch=tmp_path / "spill")
    yield made
    made.close()
