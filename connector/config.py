"""config.toml → App: the only module that knows every part.

All mistakes of all files are collected and shown at once. An adapter's class is its configuration:
`type = "zenloop"` names `connector/sources/zenloop.py`, a name with a dot is an import path, and
the fields of the class are the keys of its table.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, Literal

from .errors import ConfigError, Problem
from .mapping import files as mapping_files
from .mapping.document import Lines, parse, parse_data, scan
from .mapping.objects import CrmMapping
from .model import files as model_files
from .model import results
from .model.definition import HealthModel
from .secrets import Secret
from .store.lake import Lake
from .store.state import State
from .sync.app import App, Budget, Guards, Pulling

DEFAULT = Path("config.toml")


@dataclass(frozen=True, slots=True)
class Files:
    """Where things lie, relative to the configuration. `data` holds lake, state and plans."""

    mapping: str = "mappings/salesforce.toml"
    model: str = "mappings/health.toml"
    aliases: str = "aliases.csv"
    data: str = "data"
    lake: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Engine:
    """What runs the SQL, and how much memory it may take."""

    type: Literal["duckdb"] = "duckdb"
    memory: str = "512MB"
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """config.toml. `crm` and `sources.<name>` are read by the adapter that their `type` names."""

    crm: dict[str, Any]
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: Files = field(default_factory=Files)
    engine: Engine = field(default_factory=Engine)
    pull: Pulling = field(default_factory=Pulling)
    guards: Guards = field(default_factory=Guards)
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True, slots=True)
class Loaded:
    """All files read and checked; nothing opened yet."""

    path: Path
    settings: Settings
    crm: Any
    sources: Mapping[str, Any]
    mapping: CrmMapping
    model: HealthModel

    @property
    def folder(self) -> Path:
        return self.path.parent

    @property
    def data(self) -> Path:
        return self.folder / self.settings.files.data


def load(path: Path) -> Loaded:
    """Read the configuration and every file it names. Raises ConfigError with all mistakes."""
    path = path.absolute()
    settings, problems, lines = _settings(path)
    if settings is None:
        raise ConfigError(problems)
    folder = path.parent
    model, found = _model(folder / settings.files.model)
    problems += found
    columns = results.columns(model) if model else None
    mapping, found = _mapping(folder / settings.files.mapping, columns)
    problems += found
    crm, found = _adapter("crm", "Crm", settings.crm, ("crm",), lines, path)
    problems += found
    sources = {}
    for name, table in settings.sources.items():
        where = ("sources", name)
        sources[name], found = _adapter("sources", "Source", table, where, lines, path)
        problems += found
    if problems or mapping is None or model is None:
        raise ConfigError(problems)
    return Loaded(path, settings, crm, sources, mapping, model)


def open_app(path: Path) -> App:
    """Read the configuration, fetch the secrets, and open lake and state."""
    from .engines.duckdb import DuckDB

    loaded = load(path)
    for adapter in (loaded.crm, *loaded.sources.values()):
        _reveal(adapter)
    files, engine = loaded.settings.files, loaded.settings.engine
    data = loaded.data
    data.mkdir(parents=True, exist_ok=True)
    return App(
        folder=data,
        crm=loaded.crm,
        sources=loaded.sources,
        mapping=loaded.mapping,
        model=loaded.model,
        lake=Lake(files.lake or data / "lake"),
        state=State(files.state or f"sqlite:///{data / 'state.sqlite'}"),
        engine=partial(
            DuckDB, memory=engine.memory, threads=engine.threads, scratch=data / "spill"
        ),
        aliases=loaded.folder / files.aliases,
        guards=loaded.settings.guards,
        budget=loaded.settings.budget,
        pulling=loaded.settings.pull,
    )


def _settings(path: Path) -> tuple[Settings | None, list[Problem], Lines]:
    text = _text(path, hint="Make one with `connector init DIR`, or name another with -c.")
    settings, problems = parse(text, path.name, Settings)
    lines = scan(text) if settings else Lines({})
    return settings, problems, lines


def _model(path: Path) -> tuple[HealthModel | None, list[Problem]]:
    return model_files.read(_text(path), _shown(path))


def _mapping(
    path: Path, columns: Mapping[str, str] | None
) -> tuple[CrmMapping | None, list[Problem]]:
    if columns is None:  # a broken model has no columns to check against; check the rest
        return parse(_text(path), _shown(path), CrmMapping)
    return mapping_files.read(_text(path), _shown(path), columns)


def _adapter(
    package: str,
    name: str,
    table: Mapping[str, Any],
    where: tuple[str, ...],
    lines: Lines,
    path: Path,
) -> tuple[Any, list[Problem]]:
    """Make the adapter that `type` names out of its table."""
    line = lines.of(where)
    kind = str(table.get("type", ""))
    if not kind:
        known = ", ".join(available(package))
        return None, [Problem(path.name, line, f"[{'.'.join(where)}] has no type", known)]
    try:
        module = importlib.import_module(kind if "." in kind else f"connector.{package}.{kind}")
        made = getattr(module, name)
    except (ImportError, AttributeError):
        fix = f"one of {', '.join(available(package))}, or an import path"
        return None, [Problem(path.name, line, f"there is no {package} type {kind!r}", fix)]
    data = {key: _beside(value, path.parent) for key, value in table.items() if key != "type"}
    adapter, problems = parse_data(data, _under(lines, where), path.name, made)
    if adapter is not None:
        _root_paths(adapter, path.parent)
    return adapter, [Problem(p.file, p.line or line, p.what, p.fix) for p in problems]


def available(package: str) -> list[str]:
    """The adapters that are shipped, by their names in the configuration."""
    folder = Path(__file__).parent / package
    names = {p.stem for p in folder.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    return sorted(name for name in names if not name.startswith("_"))


def _under(lines: Lines, where: tuple[str, ...]) -> Lines:
    size = len(where)
    below = {p[size:]: n for p, n in lines.by_path.items() if p[:size] == where and len(p) > size}
    return Lines(below)


def _beside(value: Any, folder: Path) -> Any:
    """Secret files are named relative to the configuration."""
    if isinstance(value, dict):
        return {key: _beside(inner, folder) for key, inner in value.items()}
    if isinstance(value, str) and value.startswith("file:"):
        return f"file:{folder / Path(value.removeprefix('file:')).expanduser()}"
    return value


def _root_paths(adapter: Any, folder: Path) -> None:
    """Files an adapter reads are named relative to the configuration."""
    for each in fields(adapter):
        if isinstance(value := getattr(adapter, each.name, None), Path):
            setattr(adapter, each.name, folder / value.expanduser())


def _reveal(adapter: Any) -> None:
    """Fetch every secret now: a missing one is found before anything runs."""
    for each in fields(adapter):
        value = getattr(adapter, each.name, None)
        if isinstance(value, Secret):
            value.reveal()
        elif hasattr(value, "__dataclass_fields__") and each.init:
            _reveal(value)


def _text(path: Path, hint: str = "Check [files] in the configuration.") -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", hint=hint) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text.", hint="Save it as UTF-8.") from error


def _shown(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
