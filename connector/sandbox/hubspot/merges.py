"""Two records become one; the other's id leads to it from then on."""

from __future__ import annotations

from ..store import Store
from . import catalogue, links, records, settings
from .errors import not_found
from .kinds import Kind
from .records import Author, Row
from .times import now_ms

_ALL = "hs_merged_object_ids"
#: HubSpot's own count of merges, which misses those that came with the loser.
_DIRECT = "hs_calculated_merged_vids"


def merge(store: Store, kind: Kind, winner: int, loser: int, author: Author) -> Row:
    """Makes one record of two and tells the one that is left.

    What the winner holds counts; what it does not hold comes from the loser.
    """
    with store.transaction():
        found = records.fetch(store, kind, [winner, loser])
        if len(found) < 2:
            raise not_found()
        kept = _survivor(store, kind, found[winner])
        _gather(store, kind, kept, [found[winner], found[loser]], author)
        for old in {winner, loser} - {kept.id}:
            _retire(store, kind, old, kept.id)
        return records.fetch(store, kind, [kept.id])[kept.id]


def _survivor(store: Store, kind: Kind, winner: Row) -> Row:
    """The record that is left: the winner, or a new one where accounts work like that."""
    if not settings.of(store).merge_makes_new_id:
        return winner
    (id_,) = records.new_ids(store, kind, 1)
    store.db.execute(
        "insert into hs_records (type, id, created, updated, properties)"
        " select type, ?, created, updated, json_set(properties, '$.hs_object_id', ?)"
        " from hs_records where type = ? and id = ?",
        (id_, str(id_), kind.code, winner.id),
    )
    return records.fetch(store, kind, [id_])[id_]


def _gather(store: Store, kind: Kind, kept: Row, both: list[Row], author: Author) -> None:
    winner, loser = (each.values for each in both)
    gone = [each for each in both if each.id != kept.id]
    before = [text for each in both for text in each.values.get(_ALL, "").split(";") if text]
    ids = dict.fromkeys([*before, *(str(each.id) for each in gone)])
    known = catalogue.known(store, kind)
    unique = {each for each in known if known[each].unique}
    taken = {
        name: text
        for name, text in loser.items()
        if text and not winner.get(name) and name in known
        and (name not in unique) and not known[name].read_only
    }  # fmt: skip
    values = {**taken, _ALL: ";".join(ids)}
    if _DIRECT in known:
        at = now_ms(store)
        values[_DIRECT] = ";".join(f"{each.id}:{at}" for each in gone)
    for name in unique:
        for row in gone:
            if text := row.values.get(name):
                records.release(store, kind, name, text)
    records.update(store, kind, [(kept, values)], author)
    for name in unique:
        if text := winner.get(name):
            key = records.key_of(kind, name, text)
            sql = "insert or replace into hs_unique values (?, ?, ?, ?)"
            store.db.execute(sql, (kind.code, name, key, kept.id))


def _retire(store: Store, kind: Kind, old: int, new: int) -> None:
    links.move(store, kind, old, new)
    store.db.execute("delete from hs_records where type = ? and id = ?", (kind.code, old))
    store.db.execute(
        "insert or replace into hs_merges values (?, ?, ?, ?)",
        (kind.code, old, new, now_ms(store)),
    )
