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
        before=("# nbfed: model\nimport hospital_nets\nmodel = hospital_nets.Small()"),
        after=(
            "# nbfed: requires hospital-nets>=1.4\n"
            "# nbfed: model\n"
            "import hospital_nets\n"
            "model = hospital_nets.Small()"
        ),
    ),
    Entry(
        "NBF402",
        "notebook was not run from top to bottom",
        Severity.WARNING,
        "The execution counts are not in the cells' order. nbfed reads the notebook as if it ran "
        "once from top to bottom, so its results may differ from the stored ones.",
        before=(
            '{"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [\n'
            '  {"cell_type": "code", "metadata": {}, "outputs": [],\n'
            '   "execution_count": 7, "source": "a = 1"},\n'
            '  {"cell_type": "code", "metadata": {}, "outputs": [],\n'
            '   "execution_count": 2, "source": "b = a"}\n'
            "]}"
        ),
        after=(
            '{"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [\n'
            '  {"cell_type": "code", "metadata": {}, "outputs": [],\n'
            '   "execution_count": 1, "source": "a = 1"},\n'
            '  {"cell_type": "code", "metadata": {}, "outputs": [],\n'
            '   "execution_count": 2, "source": "b = a"}\n'
            "]}"
        ),
    ),
    Entry(
        "NBF403",
        "helper module not found",
        Severity.ERROR,
        "The code imports a module by a path relative to its own package, and a notebook is in "
        "none; beside it there is no such file either. Put the file beside the notebook and import "
        "it by its name, or install it at every site and name its distribution.",
        before=("# nbfed: model\nfrom .networks import Small\nmodel = Small()"),
        after=("# nbfed: model\nmodel = Net()"),
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
