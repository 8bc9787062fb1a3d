"""Pull: what is new in the CRM and the sources goes into the lake, then the watermark moves.

The order makes a crash harmless: records are in the lake before the watermark says so, and what
is pulled twice is the same record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import into_lake, pull_files, pull_sources
from .app import App
from .into_lake import columns_of
from .pull_objects import PulledObject, pull_objects
from .reads import Wanted, expected_calls, wanted
from .run import Run

__all__ = ["Pulled", "columns_of", "expected_calls", "forget_what_is_lost", "pull", "wanted"]


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one pull brought: records sent to us, and how many of them said something new.

    Of a CRM object also how it was read: everything or changes, of which time, and by which lane;
    and how many records had gone.
    """

    stream: str
    origin: str
    pulled: int
    new: int
    calls: int
    extent: str = ""
    lane: str = ""
    gone: int = 0
    since: datetime | None = None
    until: datetime | None = None


def pull(app: App, run: Run, wants: Sequence[Wanted]) -> list[Pulled]:
    """Bring every stream up to date."""
    hooks = [source for source in app.sources.values() if hasattr(source, "settle")]
    for hook in hooks:
        hook.look()
    done = [_of_object(each) for each in pull_objects(app, run, wants)]
    for name, source in app.sources.items():
        done += _of_source(app, run, name, source)
    for hook in hooks:  # what they were sent is stored, and so is what their hints led to
        hook.settle()
    for stream in sorted({each.stream for each in done}):
        app.lake.fold(stream, run.engine, columns_of(app, stream), key=into_lake.KEY)
    return done


def forget_what_is_lost(app: App) -> None:
    """A stream whose table is gone from the lake is pulled from the beginning."""
    for spec in app.mapping.pull:
        if not app.lake.layers(spec.stream).files:
            app.state.forget(f"{spec.stream}:{spec.object}")
    for name, source in app.sources.items():
        for stream in getattr(source, "streams", ()):
            if not app.lake.layers(stream).files:
                app.state.forget(f"{stream}:{name}")
        if hasattr(source, "files") and not app.lake.layers(source.stream).files:
            app.state.forget(f"file:{name}")


def _of_source(app: App, run: Run, name: str, source: Any) -> list[Pulled]:
    """Everything that one source brings."""
    if hasattr(source, "files"):
        done = [pull_files.pull_files(app, run, name, source)]
    else:
        done = pull_sources.pull_source(app, run, name, source)
    return [
        Pulled(each.stream, each.source, each.pulled, each.new, each.calls, gone=each.gone)
        for each in done
    ]


def _of_object(done: PulledObject) -> Pulled:
    return Pulled(
        done.stream,
        done.object,
        done.pulled,
        done.new + done.gone,
        done.calls,
        done.extent,
        done.lane,
        done.gone,
        done.since,
        done.until,
    )
