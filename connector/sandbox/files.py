"""Exports that arrive as files: invoices from bookkeeping, usage from the product.

Rows are stored as the text they are exported as, mistakes included, and streamed from there.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from .store import Store

BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Export:
    """One file: where its rows are, and how it is written."""

    table: str
    columns: tuple[str, ...]
    delimiter: str
    encoding: str

    @property
    def schema(self) -> str:
        """The table as SQLite makes it."""
        columns = ", ".join(f'"{column}" text not null' for column in self.columns)
        return f"create table if not exists {self.table} (line integer primary key, {columns})"


#: Name of the file → how it is made. Bookkeeping exports as it does in Germany.
EXPORTS: Mapping[str, Export] = MappingProxyType(
    {
        "invoices.csv": Export(
            "file_invoices",
            (
                "Rechnungsnr",
                "Kundennr",
                "Betrag",
                "Währung",
                "Rechnungsdatum",
                "Fällig am",
                "Bezahlt am",
            ),
            ";",
            "utf-8-sig",
        ),
        "usage.csv": Export(
            "file_usage",
            ("account_id", "customer_number", "date", "feature", "events", "seats_active"),
            ",",
            "utf-8",
        ),
    }
)


def create_tables(store: Store) -> None:
    """Makes the tables of the files where they are missing."""
    for export in EXPORTS.values():
        store.db.execute(export.schema)


def routes(store: Store) -> list[Route]:
    """The files' addresses under `/_sandbox/files`."""
    create_tables(store)

    def download(request: Request) -> Response:
        export = EXPORTS.get(request.path_params["name"])
        if export is None:
            return Response("There is no such file.", 404, media_type="text/plain")
        media_type = "text/csv; charset=utf-8"
        return StreamingResponse(lines(store, export), media_type=media_type)

    return [Route("/_sandbox/files/{name}", download, methods=["GET"])]


def lines(store: Store, export: Export) -> Iterator[bytes]:
    """The file in pieces of some thousand lines; the byte-order mark, if any, comes once."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=export.delimiter, lineterminator="\r\n")
    writer.writerow(export.columns)
    yield text.getvalue().encode(export.encoding)
    columns, last = ", ".join(f'"{column}"' for column in export.columns), 0
    sql = f"select line, {columns} from {export.table} where line > ? order by line limit {BATCH}"
    while True:
        with store.lock:
            rows = store.db.execute(sql, (last,)).fetchall()
        if not rows:
            return
        last = rows[-1][0]
        text.seek(0)
        text.truncate()
        writer.writerows(row[1:] for row in rows)
        yield text.getvalue().encode()
