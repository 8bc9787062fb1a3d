"""What themes cost: µs of CPU per comment, beside one plain regular expression over the same ones.

    python -m tests.bench_themes [comments]

Comments are made of the phrases that the sandbox uses, two of them each, half of them German, and
every second one does not say its language.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import closing
from pathlib import Path
from time import process_time

from connector.engines.duckdb import DuckDB
from connector.mapping.expressions import literal
from connector.model import dictionary, folding, moods, themes
from connector.sandbox.seed_text import COMMENTS

MAPPINGS = Path(__file__).parents[1] / "mappings"
TIMES = 3


def main(comments: int) -> None:
    """Print the table."""
    known, problems = dictionary.read((MAPPINGS / "themes.toml").read_text(), "themes.toml")
    assert known is not None, problems
    read = f"SELECT *, language AS spoken, {folding.folded('comment')} AS said FROM answers"
    tasks = {
        "a plain regular expression": r"sum(regexp_matches(comment, '\bLiefer')) FROM answers",
        "folding": f"sum(length({folding.folded('comment')})) FROM answers",
        "folding, good and bad words": f"count(mood) FROM ({moods.judged(read, known)})",
        "all, with themes": f"sum(len(themes)), count(mood) FROM"
        f" ({themes.tagged('FROM answers', known)})",
    }
    with (
        tempfile.TemporaryDirectory() as scratch,
        closing(DuckDB(threads=1, memory="2GB", scratch=Path(scratch))) as engine,
    ):
        _fill(engine, comments)
        floor = 0.0
        for name, sql in tasks.items():
            cost = _cost(engine, f"SELECT {sql}")
            floor = floor or cost
            print(f"{name:30} {cost / comments * 1e6:7.2f} µs {cost / floor:6.1f} ×")


def _fill(engine: DuckDB, comments: int) -> None:
    parts = []
    for rest, language in enumerate(("de", "en")):
        said = [p for of in COMMENTS[language].values() for some in of.values() for p in some]
        values = ", ".join(f"({n}, {literal(text)})" for n, text in enumerate(said))
        engine.stage(language, f"SELECT * FROM (VALUES {values}) AS v(n, text)", "table")
        parts.append(
            f"SELECT a.text || ' ' || b.text AS comment,"
            f" CASE WHEN i % 4 < 2 THEN '{language}' END AS language"
            f" FROM range({rest}, {comments}, 2) AS r(i)"
            f" JOIN {language} AS a ON a.n = hash(i) % {len(said)}"
            f" JOIN {language} AS b ON b.n = hash(i + 1) % {len(said)}"
        )
    unsaid = "CAST(NULL AS VARCHAR[]) AS labels, CAST(NULL AS VARCHAR) AS sentiment"
    engine.stage("answers", f"SELECT *, {unsaid} FROM ({' UNION ALL '.join(parts)})", "table")
    shape = engine.rows("SELECT count(*), avg(length(comment)), count(language) FROM answers")
    print("{} comments of {:.0f} characters; {} say their language".format(*shape[0]))


def _cost(engine: DuckDB, sql: str) -> float:
    """The least CPU of a few times."""
    spent = []
    for _ in range(TIMES):
        begun = process_time()
        engine.rows(sql)
        spent.append(process_time() - begun)
    return min(spent)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
