"""Hierarchies of accounts, of any depth: which account is at the top, and how far below one is.

`parents(id, parent_id)` are the steps up to a living parent, of all `children`; a parent that was
merged away leads to its successor. `trees(id, root_id, depth)` holds the accounts that have a
parent or are one. They are walked from the top down, so accounts that are their own ancestors are
never reached: each of them stands alone, and is counted as odd.
"""

from __future__ import annotations

from datetime import datetime

from .stage import Stage, moment

#: The place of an account `r` by its row `t` of `trees`; an account without a tree is its own.
COLUMNS = "coalesce(t.root_id, r.id) AS root_id, coalesce(t.depth, 0) AS depth"
#: The accounts in a ring of parents, and those below it.
RINGS = (
    "SELECT 'accounts' AS stream, 'parent_ring' AS rule, p.id FROM parents AS p"
    " WHERE NOT EXISTS (SELECT 1 FROM trees AS t WHERE t.id = p.id)"
)


def stages(as_of: datetime) -> tuple[Stage, ...]:
    """Needs `successor`, which follows merged accounts."""
    return (
        Stage("children", _children(as_of)),
        Stage("parents", _parents(as_of)),
        Stage("trees", _trees()),
    )


def _children(as_of: datetime) -> str:
    return (
        "SELECT c.id, coalesce(s.id, c.parent_id) AS parent_id FROM lake_accounts AS c"
        " LEFT JOIN successor AS s ON s.old_id = c.parent_id"
        f" WHERE c.parent_id IS NOT NULL AND {_is_there('c', as_of)}"
    )


def _parents(as_of: datetime) -> str:
    return (
        "SELECT c.id, c.parent_id FROM children AS c JOIN lake_accounts AS p ON p.id = c.parent_id"
        f" WHERE p.id <> c.id AND {_is_there('p', as_of)}"
    )


def _is_there(row: str, as_of: datetime) -> str:
    created = f"({row}.created_at IS NULL OR {row}.created_at <= {moment(as_of)})"
    return f"NOT coalesce({row}.deleted, FALSE) AND {created}"


def _trees() -> str:
    top = (
        "SELECT DISTINCT p.parent_id AS id, p.parent_id AS root_id, CAST(0 AS BIGINT) AS depth"
        " FROM parents AS p"
        " WHERE NOT EXISTS (SELECT 1 FROM parents AS above WHERE above.id = p.parent_id)"
    )
    below = (
        "SELECT p.id, tree.root_id, tree.depth + 1 FROM parents AS p"
        " JOIN tree ON tree.id = p.parent_id"
    )
    return (
        f"WITH RECURSIVE tree(id, root_id, depth) AS ({top} UNION ALL {below})"
        " SELECT id, root_id, depth FROM tree"
    )
