"""Codes 4xx: requirements and the notebook's environment."""

from __future__ import annotations

from nbfed.catalogue.entry import Entry, Severity

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "NBF401",
        "import without a distribution",
        Severity.ERROR,
        "The compiled code imports a module, and nbfed does not know which distribution a site "
        "has to install for it. Name it with a directive, or under `requires` in "
        "federation.yaml. Modules of Google Colab exist in Colab only and cannot be installed.",
        before="import hospital_tools",
        after="# nbfed: requires hospital-tools>=1.4\nimport hospital_tools",
    ),
    Entry(
        "NBF402",
        "notebook was not run from top to bottom",
        Severity.WARNING,
        "The execution counts are not in the cells' order. nbfed reads the notebook as if it ran "
        "once from top to bottom, so its results may differ from the stored ones.",
    ),
    Entry(
        "NBF403",
        "helper module not found",
        Severity.ERROR,
        "The code imports a module of your own that does not lie beside the notebook. Put the "
        "file there, or install it at every site and name its distribution.",
    ),
    Entry(
        "NBF404",
        "version that the packages cannot have",
        Severity.WARNING,
        "The notebook, or `requires`, asks for a version of PyTorch that Flower and the "
        "generated code do not run with. The packages keep their own bounds.",
        before="!pip install torch==1.9.0",
        after="!pip install torch==2.6.0",
    ),
)
