"""Hierarchies of accounts: who is at the top, at any depth, and without going round in circles."""

from __future__ import annotations

from dataclasses import replace

from connector.model.definition import Measure

from .lake import Lake, ago, only


def family(lake: Lake, **parents: str | None) -> Lake:
    """Accounts by name, each with its parent."""
    for id, parent in parents.items():
        lake.put("accounts", id=id, name=id, parent_id=parent, created_at=ago(900))
    return lake


def tree(lake: Lake) -> dict[str, tuple[str, int]]:
    """Root and depth of every account."""
    found = lake.run(only()).rows("SELECT id, root_id, depth FROM accounts ORDER BY id")
    return {id: (root, depth) for id, root, depth in found}


def rings(lake: Lake) -> list[str]:
    return lake.rows("SELECT id FROM oddities WHERE rule = 'parent_ring' ORDER BY id")


def test_an_account_without_a_parent_is_its_own_root():
    """Most accounts are."""
    assert tree(family(Lake(), a=None)) == {"a": ("a", 0)}


def test_a_chain_of_any_length_leads_to_its_top():
    """A hundred levels are no more than one."""
    steps = {f"a{n:03}": f"a{n - 1:03}" if n else None for n in range(100)}
    found = tree(family(Lake(), **steps))
    assert found["a099"] == ("a000", 99)
    assert {root for root, _ in found.values()} == {"a000"}


def test_a_parent_that_is_not_there_is_no_parent():
    """Deleted, or never visible to the user."""
    assert tree(family(Lake(), a="gone")) == {"a": ("a", 0)}


def test_a_parent_that_was_merged_leads_to_its_successor():
    """The subsidiary belongs to the account that was kept."""
    lake = family(Lake(), child="old", new=None)
    lake.put("accounts", id="old", name="old", master_id="new", deleted=True, created_at=ago(900))
    assert tree(lake)["child"] == ("new", 1)


def test_accounts_that_are_their_own_ancestors_stand_alone_and_are_counted():
    """Everything below the ring does, too; nothing runs for ever."""
    lake = family(Lake(), a="b", b="a", below="a", fine=None)
    assert tree(lake) == {"a": ("a", 0), "b": ("b", 0), "below": ("below", 0), "fine": ("fine", 0)}
    assert rings(lake) == ["a", "b", "below"]


def test_an_account_that_is_its_own_parent_is_a_root():
    """A typing error, and no ring of others."""
    lake = family(Lake(), a="a")
    assert (tree(lake), rings(lake)) == ({"a": ("a", 0)}, [])


def test_a_measure_may_use_root_and_depth():
    """They are columns of the account like any other."""
    depth = Measure("levels", "accounts", "depth + 1", weight=0)
    model = only()
    model = replace(model, measures=(*model.measures, depth))
    lake = family(Lake(), top=None, sub="top").run(model)
    assert lake.value("levels", "sub") == 2
