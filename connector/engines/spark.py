"""Spark beside the engine of a run: the stages of a score on many machines, from the same files.

A table is a folder of Parquet files in `scratch`: that cuts the plan of the next one short,
and is where another engine reads it. Time is UTC, and a mistake in arithmetic an error. The session
is ours alone, even inside a Spark that somebody else has begun.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import sqlglot

from ..errors import ConfigError, ConnectorError
from .spark_checks import missing
from .spark_sql import spark

#: What equal values rest on; nobody can set them otherwise.
_EXACT = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "false",
    "spark.sql.caseSensitive": "false",
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.legacy.exponentLiteralAsDecimal.enabled": "false",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.cteRecursionLevelLimit": "-1",
    "spark.sql.cteRecursionRowLimit": "-1",
}
#: On this machine alone: nothing listens to the network, and few rows make few tasks.
_LOCAL = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "8",
}


def require() -> None:
    """Raise ConfigError when Spark cannot begin because something is not installed."""
    if lacks := missing():
        what, how = lacks
        raise ConfigError(f"{what}.", hint=how)


class Spark:
    """One session for one score.

    `master` is where it runs; empty: where whoever started us says. `scratch` is a folder that
    every worker and this process reach.
    """

    def __init__(
        self, *, master: str, memory: str, scratch: Path | str, conf: Mapping[str, str]
    ) -> None:
        require()
        self._session, self._ours = session(master, memory, conf)
        self._scratch = f"{_address(str(scratch))}/score-{uuid4()}"
        self._views = count()

    def place(self, name: str) -> str:
        """Where another engine may put a Parquet file for this one to read."""
        folder = _path(self._scratch)
        if "://" not in folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
        return f"{folder}/{name}.parquet"

    def select(self, files: Sequence[str], columns: Mapping[str, str]) -> str:
        """A SELECT over Parquet files with exactly these columns; absent ones are NULL."""
        names = ", ".join(f'"{name}"' for name in columns)
        if files:
            return f"SELECT {names} FROM {self._view(files, columns)}"
        nothing = (f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in columns.items())
        return f"SELECT {', '.join(nothing)} WHERE FALSE"

    def stage(self, name: str, sql: str, kind: str = "view") -> None:
        """Put a query under a name: a view, or a table when it is read more than once."""
        with _telling(name, sql):
            made = self._session.sql(spark(sql))
            if kind == "table":
                place = f"{self._scratch}/{name}"
                made.write.mode("overwrite").parquet(place)
                made = self._session.read.schema(made.schema).parquet(place)
            made.createOrReplaceTempView(name)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Fetch a small result. Moments must be cast to text or numbers in the SQL."""
        with _telling("a question", sql):
            return [tuple(row) for row in self._session.sql(spark(sql)).collect()]

    def files(self, name: str) -> tuple[str, ...]:
        """The Parquet files of what is staged under a name; a view is worked out for it."""
        place = f"{self._scratch}/{name}"
        with _telling(name, ""):
            staged = self._session.table(name)
            if not self._exists(place):
                staged.write.parquet(place)
            found = self._session.read.schema(staged.schema).parquet(place).inputFiles()
        return tuple(_path(each) for each in sorted(found))

    def close(self) -> None:
        """Remove what was written, and end the session if we began it."""
        with _telling("scratch", ""):
            place = self._hadoop(self._scratch)
            place.getFileSystem(self._hadoop_conf()).delete(place, True)
            if self._ours:
                self._session.stop()

    def _view(self, files: Sequence[str], columns: Mapping[str, str]) -> str:
        """The name under which files are read; what they hold is known, so none is looked at."""
        name = f"files_{next(self._views)}"
        schema = ", ".join(f"`{column}` {_type(kind)}" for column, kind in columns.items())
        with _telling(name, ""):
            found = self._session.read.schema(schema).parquet(*map(_address, files))
            found.createOrReplaceTempView(name)
        return name

    def _exists(self, place: str) -> bool:
        path = self._hadoop(place)
        return bool(path.getFileSystem(self._hadoop_conf()).exists(path))

    def _hadoop(self, place: str) -> Any:
        return self._session.sparkContext._jvm.org.apache.hadoop.fs.Path(place)

    def _hadoop_conf(self) -> Any:
        return self._session.sparkContext._jsc.hadoopConfiguration()


def session(master: str, memory: str, conf: Mapping[str, str]) -> tuple[Any, bool]:
    """A session of our own, and whether Spark was begun for it."""
    from py4j.protocol import Py4JError
    from pyspark import SparkContext
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    # It writes whole statements and plans to standard error, and with them what is in them.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    begun = SparkContext._active_spark_context is None
    builder = SparkSession.builder.appName("connector score")
    if begun:
        local = master.startswith("local")
        settings = {**(_LOCAL if local else {}), "spark.log.level": "ERROR"}
        settings["spark.driver.memory" if local else "spark.executor.memory"] = _jvm(memory)
        for name, value in {**settings, **conf}.items():
            builder = builder.config(name, value)
        builder = builder.master(master) if master else builder
    try:
        session = builder.getOrCreate().newSession()
        for name, value in {**({} if begun else conf), **_EXACT}.items():
            if session.conf.isModifiable(name):
                session.conf.set(name, value)
    except (PySparkException, Py4JError) as error:
        raise ConnectorError(
            f"Spark did not begin at {master or 'the place that was set outside'}: "
            f"{type(error).__name__}.",
            hint="It needs Java 17 or later and the memory in [engine.spark]; its log says why.",
        ) from error
    return session, begun


@contextmanager
def _telling(what: str, sql: str) -> Iterator[None]:
    """Say which step failed, and how Spark calls that; what the records hold stays unsaid."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        kind = error.getCondition() or type(error).__name__
        failed = ConnectorError(
            f"Spark could not work out {what}: {kind}.",
            hint="Run again with -v to see the statement; Spark's own log says more.",
        )
        failed.add_note(sql)
        raise failed from None
    except (Py4JError, OSError) as error:
        raise ConnectorError(
            f"Spark stopped while it worked out {what}: {type(error).__name__}.",
            hint="Spark's own log says why; give it more memory if that was it, and run again.",
        ) from error


def _type(kind: str) -> str:
    return sqlglot.exp.DataType.build(kind, dialect="duckdb").sql("spark")


def _jvm(memory: str) -> str:
    """An amount of memory as Java wants it, in whole megabytes: `1.5GB` is `1536m`."""
    number, unit = memory.rstrip("iB").strip()[:-1], memory.rstrip("iB")[-1]
    return f"{max(1, int(float(number) * 1024 ** ('KMGT'.index(unit) - 1)))}m"


def _address(path: str) -> str:
    """A path as Spark has it, which looks for a plain one in the file system of a cluster."""
    return path if "://" in path else f"file://{Path(path).absolute()}"


def _path(address: str) -> str:
    return unquote(address.removeprefix("file://")) if address.startswith("file:///") else address
