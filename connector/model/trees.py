"""Hierarchies of accounts, of any depth: which account is at the top, and how far below one is.

`parents(id, parent_id)` are the steps up to a living parent; a parent that was merged away leads to
its successor. `trees(id, root_id, depth)` holds the accounts that have a parent or are one. They
are walked from the top down, so accounts that are their own ancestors are never reached: each of
them stands alone, and is counted as odd.
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
    return (Stage("parents", _parents(as_of)), Stage("trees", _trees()))


def _parents(as_of: datetime) -> str:
    now = moment(as_of)
    there = "NOT coalesce({0}.deleted, FALSE) AND ({0}.created_at IS NULL OR {0}.created_at <= {1})"
    return (
        "SELECT c.id, p.id AS parent_id FROM lake_accounts AS c"
        " LEFT JOIN successor AS s ON s.old_id = c.parent_id"
        " JOIN lake_accounts AS p ON p.id = coalesce(s.id, c.parent_id)"
        " WHERE c.parent_id IS NOT NULL AND p.id <> c.id"
        f" AND {there.format('c', now)} AND {there.format('p', now)}"
    )


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
