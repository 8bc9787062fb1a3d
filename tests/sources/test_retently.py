"""Retently: several metrics side by side, and answers that it calls bogus itself."""

from __future__ import annotations


def test_every_metric_keeps_its_scale(emulated):
    """A CSAT of 5 is the best there is, an NPS of 5 is not."""
    here = emulated("retently")
    for metric, score in (("nps", 5), ("csat", 5), ("ces", 7)):
        here.add(metric, metric=metric, score=score)
    scales = {
        id: (row["metric"], row["scale_min"], row["scale_max"], row["odd"])
        for id, row in here.rows().items()
    }
    assert scales == {
        "nps": ("nps", 0, 10, None), "csat": ("csat", 1, 5, None), "ces": ("ces", 1, 7, None)
    }  # fmt: skip


def test_bogus_answers_are_listed_and_begun_ones_flagged(emulated):
    """The first are left out, the others kept."""
    here = emulated("retently")
    here.add("bogus", score=0, test=True)
    here.add("begun", score=9, partial=True)
    found = here.rows()
    assert found["bogus"]["odd"] == "bogus"
    assert (found["begun"]["odd"], found["begun"]["partial"]) == (None, True)


def test_tags_topics_and_company_arrive(emulated):
    """What Retently read in the comment comes first of all."""
    here = emulated("retently")
    here.add("1", score=2, labels=["Preis"], company="Kunde AG", more={"sentiment": "negative"})
    row = here.rows()["1"]
    assert (row["labels"], row["sentiment"], row["company"]) == (["Preis"], "negative", "Kunde AG")
