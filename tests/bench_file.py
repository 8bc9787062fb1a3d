"""What a large CSV file costs: from the file to the lake, with all that is checked on the way.

    python -m tests.bench_file                   1,000,000 rows, each kind of file
    python -m tests.bench_file 200000 german     other rows, one kind

`plain` is what a machine exports. `german` is what a German spreadsheet does: cp1252, `;`, decimal
comma, day first. `quoted` has texts of two lines. `broken` is that with a row that does not fit, so
that it is read row by row. Each kind runs in a process of its own; memory is the most that process
ever held.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from os import getloadavg
from pathlib import Path
from time import monotonic, process_time

from tests.bench import BENCH
from tests.sources.desk import Desk

ROWS = 1_000_000
GOAL_SECONDS, GOAL_MB = 5, 500
SOURCE = """
path = "export.csv"
stream = "signals"
required = ["id", "account_key", "value", "occurred_at"]
[sources.table.columns]
id = '"Rechnungsnr"'
kind = "'invoice'"
account_key = '"Kundennr"'
value = '"Betrag"'
unit = '"Währung"'
subject = '"Text"'
occurred_at = '"Rechnungsdatum"'
due_at = '"Fällig am"'
settled_at = '"Bezahlt am"'
"""
HEADER = ("Rechnungsnr", "Kundennr", "Betrag", "Währung", "Text", "Rechnungsdatum", "Fällig am",
          "Bezahlt am")  # fmt: skip


def main() -> None:
    rows = int(sys.argv[1]) if sys.argv[1:] else ROWS
    if kind := sys.argv[2:3]:
        measure(rows, kind[0])
        return
    for each in ("plain", "german", "quoted", "broken"):
        subprocess.run([sys.executable, "-m", "tests.bench_file", str(rows), each], check=True)


def measure(rows: int, kind: str) -> None:
    """Write the file, then pull it twice: the second time nothing is read."""
    work = BENCH / "file"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    desk = Desk(work, SOURCE)
    config = desk.folder / "config.toml"
    config.write_text(config.read_text().replace("threads = 1\n", ""))
    write(work / "export.csv", rows, kind)
    size = (work / "export.csv").stat().st_size
    wall, cpu = monotonic(), process_time()
    done = desk.pull()
    wall, cpu, odd, bad = monotonic() - wall, process_time() - cpu, desk.odd, kind == "broken"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    again = monotonic()
    assert desk.pull().pulled == 0
    again = monotonic() - again
    assert (done.pulled, done.new) == (rows + bad, rows), done
    assert odd == ({"too_many_columns": (1, [f"export.csv:{2 * rows + 2}"])} if bad else {}), odd
    shutil.rmtree(work)
    print(
        f"{kind:7} {rows:,} rows, {size >> 20} MB: {wall:.1f} s wall, {cpu:.1f} s CPU, "
        f"{peak} MB (goal {GOAL_SECONDS} s, {GOAL_MB} MB); unchanged {again:.1f} s; "
        f"load {getloadavg()[0]:.1f}"
    )


def write(path: Path, rows: int, kind: str) -> None:
    encoding, delimiter = ("cp1252", ";") if kind == "german" else ("utf-8", ",")
    with path.open("w", encoding=encoding, newline="") as file:
        file.write(delimiter.join(HEADER) + "\r\n")
        file.writelines(delimiter.join(row) + "\r\n" for row in cells(rows, kind))
        if kind == "broken":
            file.write("X,X,1,EUR,,2026-01-01,,,too many,columns\r\n")


def cells(rows: int, kind: str) -> Iterator[tuple[str, ...]]:
    for n in range(rows):
        amount = f"{n % 90_000 + 100}.{n % 100:02}"
        year, month, day = 2024 + n % 3, n % 12 + 1, n % 28 + 1
        date, text, paid = f"{year}-{month:02}-{day:02}", f"Lizenz Größe {n % 500}", n % 4 > 0
        if kind == "german":
            amount, date = amount.replace(".", ","), f"{day:02}.{month:02}.{year}"
        if kind in ("quoted", "broken"):
            text = f'"{text},\nzweite ""Zeile"""'
        yield (f"R{n}", f"K{n % 20_000}", amount, "EUR", text, date, date, date if paid else "")


if __name__ == "__main__":
    main()
