"""Models by their version: each that has ever scored is kept, so that its scores can be proved."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import ConfigError
from ..model import files
from ..model.definition import HealthModel
from .app import App
from .run import writing

_VERSION = re.compile(r"[0-9a-f]{12}")


def keep(app: App) -> None:
    """Keep the text of the model in use, under its version."""
    if app.model_file is None or (place := _place(app, app.model.version)).exists():
        return
    with writing(str(place)):
        text = app.model_file.read_text(encoding="utf-8")
        model, _ = files.read(text, app.model_file.name)
        # A file that was edited since it was read is another model, which is kept when it scores.
        if model is None or model.version != app.model.version:
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_suffix(".part")
        part.write_text(text, encoding="utf-8")
        part.replace(place)


def of(app: App, version: str) -> HealthModel:
    """The model of a version: the one in use, or one that was kept. ConfigError if it is not."""
    if version == app.model.version:
        return app.model
    place = _place(app, version)
    if not place.exists():
        raise ConfigError(
            f"Model {version} is not kept in {place.parent}.",
            hint=f"If you have its file, put it there as {place.name}.",
        )
    return read(place)


def named(app: App, name: str) -> HealthModel:
    """The model in a file of this name, or the one of this version."""
    path = Path(name)
    return of(app, name) if not path.exists() and _VERSION.fullmatch(name) else read(path)


def read(path: Path) -> HealthModel:
    """The model in a file. ConfigError with every mistake in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text.", hint="Save it as UTF-8.") from error
    model, problems = files.read(text, path.name)
    if model is None:
        raise ConfigError(problems)
    return model


def _place(app: App, version: str) -> Path:
    return app.models / f"{version}.toml"
