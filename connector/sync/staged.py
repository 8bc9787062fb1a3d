"""A plan's changes in the engine, by column: for the lane of files and for the ledger.

One row a record in `changes`: `id`, `beside` (its parent or itself; NULL when not known), `place`
(the order to write in), `tried`, `others`, and for each field `to:F`, `from:F` and whether it is
`set:F`.
They come from the diff that the plan was just made of, or from the plan's file; both are the same.
"""

from __future__ import annotations

from ..mapping import wanted
from ..mapping.objects import Field
from .app import App
from .changes import Plan
from .run import Run

#: A character that no line of JSON holds, so that a line is one column.
APART = "\x1f"
#: A change of 200 long texts stays below this many bytes.
LONGEST = 4 * 1024 * 1024


def stage(app: App, run: Run, plan: Plan) -> None:
    """Put the changes of a plan under the name `changes`; ConfigError if its file lacks some."""
    if plan.id == run.id:
        run.engine.stage("changes", _from_diff(planned(app, plan)))
        return
    table = f"plan {plan.id}"
    if not run.engine.holds(table):  # a file is taken apart once a run
        run.engine.run("SET preserve_insertion_order = true")
        run.engine.stage(table, _from_file(plan, planned(app, plan)), "table")
        run.engine.run("SET preserve_insertion_order = false")
        plan.refuse_unless(int(run.engine.one(f'SELECT count(*) FROM "{table}"')))
    run.engine.stage("changes", f'SELECT * FROM "{table}"')


def planned(app: App, plan: Plan) -> list[Field]:
    """The fields of the mapping that the plan writes."""
    return [field for field in app.mapping.fields if field.target in plan.types]


def _from_diff(fields: list[Field]) -> str:
    cells = ", ".join(
        f'"to:{f.target}", "from:{f.target}", "word:{f.target}" = \'set\' AS "set:{f.target}"'
        for f in fields
    )
    goes = " OR ".join(f"\"word:{f.target}\" = 'set'" for f in fields)
    return (
        f"SELECT id, beside, beside || id AS place, tried, others, {cells} FROM diff WHERE {goes}"
    )


def _from_file(plan: Plan, fields: list[Field]) -> str:
    """The lines of the file that are changes, decoded by column."""
    path = str(plan.path).replace("'", "''")
    lines = (
        f"SELECT rtrim(line, ',') AS line, row_number() OVER () AS place FROM read_csv('{path}', "
        f"columns = {{line: 'VARCHAR'}}, delim = '{APART}', quote = '', escape = '', "
        f"header = false, auto_detect = false, max_line_size = {LONGEST}) "
        "WHERE starts_with(line, '{\"id\"')"
    )
    texts = "{" + ", ".join(f'"{f.target}": "{_json_type(f)}"' for f in fields) + "}"
    shape = '{"id": "VARCHAR", "tried": "VARCHAR", "others": "VARCHAR", '
    shape += f'"before": {texts}, "after": {texts}}}'
    cells = ", ".join(
        f'CAST(said.after."{f.target}" AS {wanted.sql_type(f)}) AS "to:{f.target}", '
        f'CAST(said.before."{f.target}" AS {wanted.sql_type(f)}) AS "from:{f.target}", '
        f"list_contains(named, '{f.target}') AS \"set:{f.target}\""
        for f in fields
    )
    return (
        f"SELECT said.id AS id, NULL AS beside, place, said.tried AS tried, said.others AS others, "
        f"{cells} FROM (SELECT place, from_json(line, '{shape}') AS said, "
        f"json_keys(line, '$.after') AS named FROM ({lines}))"
    )


def _json_type(field: Field) -> str:
    kind = wanted.sql_type(field)
    return kind if kind in {"DOUBLE", "BOOLEAN"} else "VARCHAR"
