"""Codes 5xx: the folder that a build writes."""

from __future__ import annotations

from nbfed.catalogue.entry import Entry, Severity

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "NBF501",
        "generated file was edited",
        Severity.ERROR,
        "A file of the output folder is not as nbfed wrote it. It is not overwritten: move the "
        "change into the notebook, or build with `--force`.",
        before="# nbfed build heart.ipynb                  (after train.py was edited by hand)",
        after="# nbfed build heart.ipynb --out dist-new   (the edited files stay)",
    ),
    Entry(
        "NBF502",
        "output folder is not nbfed's",
        Severity.ERROR,
        "The output folder holds files that nbfed did not write. Choose another with `--out`, "
        "or build with `--force`.",
        before="# nbfed build heart.ipynb --out ~/work     (the folder holds other things)",
        after="# nbfed build heart.ipynb --out dist       (a folder of nbfed's own)",
    ),
)
