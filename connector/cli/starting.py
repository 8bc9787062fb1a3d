"""A folder to start from: configuration, mappings, and what they refer to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError, ConnectorError
from . import shipped

ALIASES = "key,account_id\n"
IGNORED = "secrets/\ndata/\n"
EXPORTS = ("invoices.csv", "usage.csv")
PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class File:
    """One file to write, with its place in the folder."""

    path: str
    content: bytes
    secret: bool = False


def begin(folder: Path, crm: str, sandbox: str, *, force: bool) -> list[Path]:
    """Write a folder that works at once; the files written. Refuses to overwrite (ConfigError)."""
    known = _credentials(sandbox) if sandbox else None
    files = [*_own(crm, known), *(_of_sandbox(crm, sandbox, known) if known else ())]
    there = [file.path for file in files if (folder / file.path).exists()]
    if there and not force:
        raise ConfigError(
            f"{folder} already has {', '.join(there)}.",
            hint="Choose another folder, or overwrite them with --force.",
        )
    return [_write(folder, file) for file in files]


def config(crm: str, sandbox: Mapping[str, Any] | None = None) -> str:
    """A commented configuration: for a sandbox, or with places to fill in."""
    import jinja2
    import orjson

    rules = jinja2.Environment(  # noqa: S701 (writes TOML, not HTML)
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    # A JSON text is a TOML text.
    rules.filters["toml"] = lambda value: orjson.dumps(value).decode()
    template = rules.from_string(shipped.CONFIG.read_text(encoding="utf-8"))
    return template.render(crm=crm, sandbox=sandbox)


def _own(crm: str, sandbox: Mapping[str, Any] | None) -> Iterable[File]:
    yield File("config.toml", config(crm, sandbox).encode())
    for name in (f"{crm}.toml", "health.toml", "themes.toml"):
        yield File(f"mappings/{name}", (shipped.MAPPINGS / name).read_bytes())
    yield File("aliases.csv", ALIASES.encode())
    yield File(".gitignore", IGNORED.encode())


#: Where the secret of each CRM is kept, and under which name the sandbox tells it.
SECRETS: Mapping[str, tuple[str, str]] = {
    "salesforce": ("secrets/salesforce.key", "private_key"),
    "hubspot": ("secrets/hubspot.token", "token"),
}


def _of_sandbox(crm: str, url: str, sandbox: Mapping[str, Any]) -> Iterable[File]:
    path, name = SECRETS[crm]
    yield File(path, sandbox[crm][name].encode(), secret=True)
    yield File("secrets/zenloop.token", sandbox["zenloop"]["token"].encode(), secret=True)
    session = _session(url)
    for name in EXPORTS:
        answer = session.request("GET", f"_sandbox/files/{name}")
        yield File(f"files/{name}", answer.content)


def _credentials(url: str) -> Mapping[str, Any]:
    known: Mapping[str, Any] = _session(url).json("GET", "_sandbox/credentials")
    return known


def _session(url: str) -> Any:
    from ..http import Session

    return Session(url, name="The sandbox")


def _write(folder: Path, file: File) -> Path:
    path = folder / file.path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The mode is given when the file is made: there is no moment in which others may read it.
        mode = PRIVATE if file.secret else 0o666
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as out:
            out.write(file.content)
        if file.secret:
            path.chmod(PRIVATE)
    except OSError as error:
        raise ConnectorError(f"{path} cannot be written: {error.strerror}.") from error
    return path
