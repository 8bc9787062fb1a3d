"""connector sandbox"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError, ConnectorError
from .options import Options, group

if TYPE_CHECKING:
    from ..sandbox.load import LoadReport

A_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
A_FOLDER = click.Path(file_okay=False, path_type=Path)


@group()
def sandbox(options: Options) -> None:
    """A Salesforce, a zenloop and their data on this machine, to try things out."""


@sandbox.part
@click.option("--port", default=0, show_default=True, help="0 takes any that is free.")
@click.option("--accounts", default=500, show_default=True, help="How many to make up.")
@click.option("--seed", default=1, show_default=True, help="Another seed, another world.")
@click.option("--dir", "folder", type=A_FOLDER, help="Keep the data here, also for next time.")
@click.option("--faults", type=A_FILE, help="Faults to begin with, as JSON.")
@click.option("--start", type=click.DateTime(), help="What time its clock begins at (UTC).")
def serve(
    _: Options,
    *,
    port: int,
    accounts: int,
    seed: int,
    folder: Path | None,
    faults: Path | None,
    start: datetime | None,
) -> None:
    """Serve until stopped. Prints one line of JSON with the address when it is ready."""
    begin = start.replace(tzinfo=UTC) if start else None
    _server().serve(folder, port, accounts, seed, faults, begin, _ready)


@sandbox.part
@click.argument(
    "data", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--spec", type=A_FILE, required=True, help="Which file becomes what, as TOML.")
@click.option("--zenloop", type=A_FILE, help="Recorded answers to serve as they are.")
@click.option("--dir", "folder", type=A_FOLDER, required=True, help="The new sandbox's folder.")
def load(options: Options, *, data: Path, spec: Path, zenloop: Path | None, folder: Path) -> None:
    """Fill a new sandbox from the CSV files in DIR; list everything odd about them."""
    from .talk import answer

    report = _loaded(data, spec, zenloop, folder)
    answer(options, asdict(report), *_shown(report))


def _server() -> ModuleType:
    """The sandbox's server, which needs more than the connector itself."""
    try:
        from ..sandbox import server
    except ModuleNotFoundError as error:
        raise ConnectorError(
            f"The sandbox needs {error.name}, which is not installed.",
            hint='Install it with: pip install "crm-health-connector[sandbox]"',
        ) from error
    return server


def _ready(url: str) -> None:
    import orjson

    click.echo(orjson.dumps({"url": url, "credentials": f"{url}/_sandbox/credentials"}))


def _loaded(data: Path, spec: Path, zenloop: Path | None, folder: Path) -> LoadReport:
    from ..sandbox.load import load
    from ..sandbox.store import Store

    path = folder / _server().FILE
    if path.exists():
        raise ConfigError(f"There is a sandbox in {folder} already.", hint="Name a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    # under another name until it is complete, so that what is there is always whole
    unfinished = path.with_name(f"{path.name}.unfinished")
    for each in folder.glob(f"{unfinished.name}*"):
        each.unlink()
    with closing(Store(unfinished)) as store:
        report = load(store, data, spec, zenloop)
    unfinished.replace(path)
    return report


def _shown(report: LoadReport) -> tuple[Any, ...]:
    from ..report import terminal

    files = [(f.file, f.object, f"{f.rows:,}", f"{f.loaded:,}") for f in report.loaded]
    odd = [(o.stream, o.rule, f"{o.count:,}", ", ".join(o.ids[:3])) for o in report.oddities]
    return (
        terminal.table("Loaded", ("file", "object", "rows", "records"), files),
        terminal.table("Odd", ("object", "what", "count", "for example"), odd),
    )
