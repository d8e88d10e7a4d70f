"""The tables of what happened in a run."""

from __future__ import annotations

import math

from nbfed.progress.display import count
from nbfed.report.cells import Cell, Table, bytes_cell, rows_cell, seconds_cell
from nbfed.report.intervals import scaled, wilson
from nbfed.report.measures import measure
from nbfed.report.numbers import NONE, between, number, signed
from nbfed.report.record import ALL_SITES, SERVER, Record, SiteRecord


def federation_table(record: Record, metric: str) -> Table:
    """Without models to compare with: the first and the last figures of the federated one."""
    lines = record.series[metric]
    figures = [
        (each, site.test_rows)
        for name, site in record.sites.items()
        for each in lines.get(name, {}).values()
    ]
    scale = 0.0 if record.trained else measure(metric, figures).scale

    def row(name: str, rows: int) -> tuple[Cell, ...]:
        points = {r: v for r, v in lines.get(name, {}).items() if math.isfinite(v)}
        if not points:
            return (Cell(name), rows_cell(rows), Cell(NONE), Cell(NONE), Cell(NONE))
        first, last = points[min(points)], points[max(points)]
        notes = []
        if scale and rows:
            notes.append(between(scaled(wilson(last / scale, rows), scale)))
        if max(points) < record.last:
            notes.append(f"after round {max(points)}")
        return (
            Cell(name), rows_cell(rows), Cell(number(first), first),
            Cell(number(last), last, ", ".join(notes)), Cell(signed(last - first), last - first),
        )  # fmt: skip

    kind = "train" if record.trained else "test"
    counts = {
        name: site.train_rows if record.trained else site.test_rows
        for name, site in record.sites.items()
    }
    total = sum(counts.values()) if record.trained else record.tested.get(record.last, 0)
    begin = "first round" if record.trained else "initial weights"
    where = "in training" if record.trained else "of the federated model on each site's test rows"
    return Table(
        f"{metric} {where}",
        ("site", f"{kind} rows", begin, "last figures", "change"),
        tuple(row(name, counts[name]) for name in record.sites),
        tuple(row(name, rows) for name, rows in ((ALL_SITES, total), (SERVER, 0)) if name in lines),
    )


def sites_table(record: Record) -> Table:
    """What each site did."""
    rounds = len(record.rounds)
    rows = []
    for name, site in record.sites.items():
        rows.append(
            (
                Cell(name, note=_trouble(site)), rows_cell(site.train_rows),
                rows_cell(site.test_rows),
                Cell(f"{site.rounds} of {rounds}", site.rounds), bytes_cell(site.sent),
                bytes_cell(site.received), seconds_cell(site.train_seconds),
                seconds_cell(site.evaluate_seconds),
            )
        )  # fmt: skip
    everyone = list(record.sites.values())
    total = (
        Cell("all sites"), rows_cell(sum(s.train_rows for s in everyone)),
        rows_cell(sum(s.test_rows for s in everyone)), Cell(""),
        bytes_cell(sum(s.sent for s in everyone)), bytes_cell(sum(s.received for s in everyone)),
        seconds_cell(sum(s.train_seconds for s in everyone)),
        seconds_cell(sum(s.evaluate_seconds for s in everyone)),
    )  # fmt: skip
    headings = (
        "site", "train rows", "test rows", "rounds", "sent", "received", "training", "evaluating",
    )  # fmt: skip
    return Table("What each site did", headings, tuple(rows), (total,))


def series_table(record: Record, metric: str) -> Table:
    """The figures behind a curve: a row for each round."""
    lines = record.series[metric]
    names = [name for name in (*record.sites, ALL_SITES, SERVER) if name in lines]
    rounds = sorted({number_of for points in lines.values() for number_of in points})
    return Table(
        f"{metric}, the figures",
        ("round", *names),
        tuple(
            (
                Cell(str(at)),
                *(_plain(lines.get(name, {}).get(at)) for name in names),
            )
            for at in rounds
        ),
    )


def _trouble(site: SiteRecord) -> str:
    """What kept a site from taking part, in a line."""
    if site.refused:
        return f"refused: {site.refused}"
    if not site.failures:
        return ""
    first = min(site.failures)
    failed = count(len(site.failures), "failure")
    which = "in" if len(site.failures) == 1 else "the first in"
    return f"{failed}, {which} round {first}: {site.failures[first]}"


def _plain(value: float | None) -> Cell:
    return Cell(number(value), value)
