"""config.toml → App: the only module that knows every part.

All mistakes of all files are collected and shown at once. An adapter's class is its configuration:
`type = "zenloop"` names `connector/sources/zenloop.py`, a name with a dot is an import path, and
the fields of the class are the keys of its table.
"""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

from .engines import chosen
from .engines.chosen import Engine
from .errors import ConfigError, Problem
from .mapping import columns as mapping_columns
from .mapping import files as mapping_files
from .mapping.document import Lines, parse, parse_data, placed, scan
from .mapping.objects import CrmMapping
from .mapping.shape import did_you_mean
from .model import dictionary, results
from .model import files as model_files
from .model.card import explained
from .model.definition import HealthModel
from .model.dictionary import Dictionary
from .model.matching import Matching
from .secrets import Secret
from .shipped import available
from .store.lake import Lake
from .store.state import State
from .sync.app import App, Budget, Guards, Pulling

DEFAULT = Path("config.toml")
#: The data folder holds customers' names and values: its owner's alone.
PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class Files:
    """Where things lie, relative to the configuration. `data` holds lake, state and plans.

    `state` is the address of a database, or a reference to a secret that holds it.
    """

    mapping: str = "mappings/salesforce.toml"
    model: str = "mappings/health.toml"
    themes: str = "mappings/themes.toml"
    aliases: str = "aliases.csv"
    data: str = "data"
    lake: str = ""
    state: str = ""


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
    identity: Matching = field(default_factory=Matching)


@dataclass(frozen=True, slots=True)
class Loaded:
    """All files read and checked; nothing opened yet."""

    path: Path
    settings: Settings
    crm: Any
    sources: Mapping[str, Any]
    mapping: CrmMapping
    model: HealthModel
    themes: Dictionary

    @property
    def folder(self) -> Path:
        return self.path.parent

    @property
    def data(self) -> Path:
        return self.folder / self.settings.files.data


def load(path: Path) -> Loaded:
    """Read the configuration and every file it names. Raises ConfigError with all mistakes."""
    path = path.absolute()
    settings, tables, lines, problems = _settings(path)
    model, mapping, found = _definitions(path.parent, _files(tables))
    problems += found
    themes, found = _themes(path.parent, _files(tables))
    problems += found
    crm = None
    if isinstance(tables.get("crm"), dict):
        crm, found = _adapter("crm", "Crm", tables["crm"], ("crm",), lines, path)
        problems += found
    sources, found = _sources(_table(tables, "sources"), lines, path)
    problems += found
    if settings and model:
        problems += _unlike(settings.engine, model, path.parent / settings.files.model)
    if problems or settings is None or mapping is None or model is None or themes is None:
        raise ConfigError(problems)
    return Loaded(path, settings, crm, sources, mapping, model, themes)


def open_app(path: Path) -> App:
    """Read the configuration, fetch the secrets, and open lake and state."""
    from .engines.duckdb import DuckDB

    loaded = load(path)
    for adapter in (loaded.crm, *loaded.sources.values()):
        reveal(adapter)
    files, engine = loaded.settings.files, loaded.settings.engine
    data = loaded.data
    _make_private(data)
    return App(
        folder=data,
        crm=loaded.crm,
        sources=loaded.sources,
        mapping=loaded.mapping,
        model=loaded.model,
        lake=Lake(files.lake or data / "lake"),
        state=_state(loaded),
        engine=partial(
            DuckDB, memory=engine.memory, threads=engine.threads, scratch=data / "spill"
        ),
        scorer=chosen.scorer(engine, loaded.folder, data / "spill"),
        aliases=loaded.folder / files.aliases,
        guards=loaded.settings.guards,
        budget=loaded.settings.budget,
        pulling=loaded.settings.pull,
        matching=loaded.settings.identity,
        model_file=loaded.folder / files.model,
        themes=loaded.themes,
    )


def _unlike(engine: Engine, model: HealthModel, file: Path) -> list[Problem]:
    """What of a model the chosen engine would not give the same value for."""
    found = chosen.mistakes(engine, model)
    return placed(found, scan(_text(file)), _shown(file)) if found else []


def _make_private(folder: Path) -> None:
    """Make a folder that only its owner may enter; one that is there is left as it is."""
    try:
        folder.mkdir(mode=PRIVATE, parents=True)
    except FileExistsError:
        return
    folder.chmod(PRIVATE)


def _state(loaded: Loaded) -> State:
    """The state database at the address in the configuration, which may be a secret."""
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    url = loaded.settings.files.state or f"sqlite:///{loaded.data / 'state.sqlite'}"
    if url.startswith(("env:", "keyring:", "file:")):
        url = Secret(_beside(url, loaded.folder)).reveal()
    kind = url.partition(":")[0]
    try:
        return State(url)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise ConfigError(
            f"The state database needs a driver that is not installed: {kind}.",
            hint="For Postgres: pip install 'crm-health-connector[postgres]', and write the "
            "address as postgresql+psycopg://…",
        ) from error
    except ArgumentError:  # says the whole address, and with it the password
        raise ConfigError(
            "`state` in [files] is not the address of a database.",
            hint="Write for example postgresql+psycopg://user:password@host/name.",
        ) from None


def _settings(path: Path) -> tuple[Settings | None, dict[str, Any], Lines, list[Problem]]:
    """The configuration, and its raw tables: with a mistake in it the rest is still checked."""
    text = _text(path, hint="Make one with `connector init DIR`, or name another with -c.")
    settings, problems = parse(text, path.name, Settings)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:  # parse has said where
        raise ConfigError(problems) from error
    return settings, tables, scan(text), problems


def _table(tables: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = tables.get(name)
    return found if isinstance(found, dict) else {}


def _files(tables: Mapping[str, Any]) -> Files:
    """What [files] says, with the defaults for what it says wrongly."""
    names = {each.name for each in fields(Files)}
    said = _table(tables, "files").items()
    return Files(**{key: text for key, text in said if key in names and isinstance(text, str)})


def _definitions(
    folder: Path, files: Files
) -> tuple[HealthModel | None, CrmMapping | None, list[Problem]]:
    """Model and mapping. A broken model has no columns to check against; the rest is checked."""
    model: HealthModel | None = None
    mapping: CrmMapping | None = None
    text, problems = _named(folder / files.model)
    if text is not None:
        model, problems = model_files.read(text, _shown(folder / files.model))
    path = folder / files.mapping
    text, found = _named(path)
    if text is not None and model is None:
        mapping, found = parse(text, _shown(path), CrmMapping)
    elif text is not None and model is not None:
        mapping, found = mapping_files.read(text, _shown(path), results.columns(model))
    if model is not None and mapping is not None:
        mapping = explained(mapping, model)
    return model, mapping, [*problems, *found]


def _themes(folder: Path, files: Files) -> tuple[Dictionary | None, list[Problem]]:
    """The dictionary of themes; without a file at its usual place, an empty one."""
    path = folder / files.themes
    if files.themes == Files().themes and not path.exists():
        return Dictionary(), []
    text, problems = _named(path)
    return (None, problems) if text is None else dictionary.read(text, _shown(path))


def _named(path: Path) -> tuple[str | None, list[Problem]]:
    """The text of a file that [files] names, or why there is none."""
    try:
        return _text(path), []
    except ConfigError as error:
        return None, [Problem(_shown(path), 0, error.message, error.hint)]


def _sources(
    tables: Mapping[str, Any], lines: Lines, path: Path
) -> tuple[dict[str, Any], list[Problem]]:
    sources: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, table in tables.items():
        if isinstance(table, dict):
            where = ("sources", name)
            sources[name], found = _adapter("sources", "Source", table, where, lines, path)
            problems += found
            if (hinted := table.get("hints")) and hinted not in (known := _asked(tables)):
                line, what = lines.of((*where, "hints")), f"there is no source {hinted!r} to ask"
                problems.append(Problem(path.name, line, what, f"one of {', '.join(known)}"))
    return sources, problems


def _asked(tables: Mapping[str, Any]) -> list[str]:
    """The sources that are asked for what is new, and so can be asked for what is older."""
    told = {"file", "webhook"}
    return [
        name
        for name, table in tables.items()
        if isinstance(table, dict) and table.get("type") not in told
    ]


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
        fix = did_you_mean(kind, available(package))
        return None, [Problem(path.name, line, f"unknown type {kind!r}", fix)]
    data = {key: _beside(value, path.parent) for key, value in table.items() if key != "type"}
    adapter, problems = parse_data(data, _under(lines, where), path.name, made)
    if adapter is not None:
        _root_paths(adapter, path.parent)
    problems += _columns(made, table, _under(lines, where), path.name)
    return adapter, [Problem(p.file, p.line or line, p.what, p.fix) for p in problems]


def _columns(kind: Any, table: Mapping[str, Any], lines: Lines, file: str) -> list[Problem]:
    """What is wrong with the columns of an adapter that fills a stream by SQL."""
    own = {each.name: each for each in fields(kind)}
    columns, stream = table.get("columns"), table.get("stream")
    if not {"stream", "columns"} <= own.keys() or not isinstance(columns, dict):
        return []
    required: Any = table.get("required")
    if required is None and "required" in own:
        required = own["required"].default
    names = required if isinstance(required, list | tuple) else ()
    also = getattr(kind, "also", ())
    found = mapping_columns.check(str(stream), columns, names, also)
    if isinstance(odd := table.get("odd"), dict):
        found += mapping_columns.rules(odd)
    return placed(found, lines, file)


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


def reveal(adapter: Any) -> None:
    """Fetch every secret now: a missing one is found before anything runs."""
    for each in fields(adapter):
        value = getattr(adapter, each.name, None)
        if isinstance(value, Secret):
            value.reveal()
        elif hasattr(value, "__dataclass_fields__") and each.init:
            reveal(value)


def _text(path: Path, hint: str = "Check [files] in the configuration.") -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", hint=hint) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text.", hint="Save it as UTF-8.") from error


def _shown(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
