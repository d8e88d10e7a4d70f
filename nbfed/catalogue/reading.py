"""Codes 1xx: reading a notebook and finding its markings."""

from __future__ import annotations

from nbfed.catalogue.entry import Entry, Severity

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "NBF101",
        "not a notebook",
        Severity.ERROR,
        "The file is not a Jupyter notebook: it is not JSON, or the JSON has no cells. A download "
        "that saved the web page instead of the raw file is the usual reason, and so is a merge "
        "conflict that was never resolved.",
        before=("<!DOCTYPE html>\n<title>heart.ipynb</title>"),
        after='{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}',
    ),
    Entry(
        "NBF102",
        "cell is not valid Python",
        Severity.ERROR,
        "A cell that the compiled code needs does not parse, even after its magics and shell "
        "lines are gone. Cells that no role needs may be as broken as they like.",
        before="# nbfed: params\nLR = ",
        after="# nbfed: params\nLR = 0.01",
    ),
    Entry(
        "NBF103",
        "result of a magic or shell command is needed",
        Severity.ERROR,
        "The compiled code runs as plain Python, where IPython's magics and shell lines do not "
        "exist. Those that only print or install are dropped, but here the code uses what the "
        "command returns, or a cell magic hides the code itself.",
        before="# nbfed: data\nfiles = !ls images\ndataset = Scans(files)",
        after='# nbfed: data\nfiles = sorted(Path("images").iterdir())\ndataset = Scans(files)',
    ),
    Entry(
        "NBF104",
        "notebook has no code",
        Severity.ERROR,
        "The notebook has no cell with code in it, so there is nothing to compile.",
        before='{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}',
        after=(
            '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [\n'
            '  {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": null,\n'
            '   "source": "# nbfed: model\\nmodel = nn.Linear(13, 2)"}\n'
            "]}"
        ),
    ),
    Entry(
        "NBF105",
        "notebook is not in Python",
        Severity.ERROR,
        "The notebook's kernel runs another language (R, Julia, ...). nbfed compiles Python "
        "notebooks that train with PyTorch.",
        before=(
            '{"nbformat": 4, "nbformat_minor": 5,\n'
            ' "metadata": {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}},\n'
            ' "cells": []}'
        ),
        after=(
            '{"nbformat": 4, "nbformat_minor": 5,\n'
            ' "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3",\n'
            '                             "language": "python"}}, "cells": []}'
        ),
    ),
    Entry(
        "NBF106",
        "notebook format not supported",
        Severity.ERROR,
        "nbfed reads the notebook formats 3 and 4. Formats 1 and 2 date from before 2013; a "
        "higher major version is newer than this nbfed. Open the notebook in JupyterLab and save "
        "it: it writes format 4.",
        before='{"nbformat": 5, "nbformat_minor": 0, "metadata": {}, "cells": []}',
        after='{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}',
    ),
    Entry(
        "NBF107",
        "notebook is damaged",
        Severity.WARNING,
        "A part of the notebook's JSON is not as the format says, and was left out or repaired "
        "while reading. The rest was read. Opening and saving it in JupyterLab usually mends it.",
        before=(
            '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [\n'
            '  {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": null,\n'
            '   "source": "a = 1"},\n'
            "  17\n"
            "]}"
        ),
        after=(
            '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [\n'
            '  {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": null,\n'
            '   "source": "a = 1"}\n'
            "]}"
        ),
    ),
    Entry(
        "NBF110",
        "role is missing",
        Severity.ERROR,
        "A federation needs a model, the data of a site, and one round of training: regions with "
        "the roles `model`, `data` and `train`. Mark the cells with a comment or, in JupyterLab's "
        "tag editor, with the tags `nbfed:model`, `nbfed:data`, `nbfed:train`. `nbfed init` "
        "proposes roles for a notebook that has none.",
        before="# nbfed: model\nmodel = nn.Linear(13, 2)",
        after="# nbfed: model\nmodel = nn.Linear(13, 2)\n# %%\n# nbfed: data\n"
        "loader = DataLoader(rows)\n# %%\n# nbfed: train\nfor x, y in loader:\n    ...",
    ),
    Entry(
        "NBF111",
        "one region, two roles",
        Severity.ERROR,
        "A region of code has one role. Two comments at the head of a cell, or two nbfed tags on "
        "it, leave open which one is meant. A cell may hold several regions: put each directive "
        "at the left margin, right above the statements that it is for.",
        before="# nbfed: model\n# nbfed: train\nmodel = Net()\nfor x, y in loader:\n    ...",
        after="# nbfed: model\nmodel = Net()\n# nbfed: train\nfor x, y in loader:\n    ...",
    ),
    Entry(
        "NBF112",
        "unknown directive",
        Severity.ERROR,
        "The word after `nbfed:` is no role. The roles are params, site, data, model, train, "
        "evaluate, strategy, include and skip; `requires` names a distribution to install.",
        before="# nbfed: traning\nfor x, y in loader:\n    ...",
        after="# nbfed: train\nfor x, y in loader:\n    ...",
    ),
    Entry(
        "NBF113",
        "tag and comment disagree",
        Severity.ERROR,
        "The cell's tag gives one role and its comment another. Neither wins silently: remove "
        "one of them.",
        before=(
            '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [\n'
            '  {"cell_type": "code", "metadata": {"tags": ["nbfed:model"]}, "outputs": [],\n'
            '   "execution_count": null, "source": "# nbfed: train\\nmodel = Net()"}\n'
            "]}"
        ),
        after=(
            '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [\n'
            '  {"cell_type": "code", "metadata": {"tags": ["nbfed:model"]}, "outputs": [],\n'
            '   "execution_count": null, "source": "model = Net()"}\n'
            "]}"
        ),
    ),
    Entry(
        "NBF114",
        "directive where none can stand",
        Severity.ERROR,
        "A directive stands on a line of its own at the left margin, at the head of a cell or "
        "between two statements. Inside a block, or behind code, it marks nothing.",
        before="for x, y in loader:\n    # nbfed: train\n    step(x, y)",
        after="# nbfed: train\nfor x, y in loader:\n    step(x, y)",
    ),
    Entry(
        "NBF115",
        "comment looks like a directive",
        Severity.ERROR,
        "The comment is written almost like a directive and would be ignored without a word. "
        "Directives are written `# nbfed: role`.",
        before="# nbfed train\nfor x, y in loader:\n    ...",
        after="# nbfed: train\nfor x, y in loader:\n    ...",
    ),
    Entry(
        "NBF116",
        "option not understood",
        Severity.ERROR,
        "An option is `key=value`; a value with blanks is quoted. Each role knows its own "
        "options, and each option stands once.",
        before="# nbfed: train metric=loss\nfor x, y in loader:\n    ...",
        after="# nbfed: train metrics=loss\nfor x, y in loader:\n    ...",
    ),
    Entry(
        "NBF117",
        "region is empty",
        Severity.ERROR,
        "A region with a role holds no code. The directive covers the lines after it, up to the "
        "next directive or the end of its cell, not the next cell.",
        before="# nbfed: train",
        after="# nbfed: train\nfor x, y in loader:\n    ...",
    ),
    Entry(
        "NBF118",
        "roles taken from section headings",
        Severity.INFO,
        "The notebook has neither directives nor nbfed tags, but headings as Notebook Federator "
        "uses them (Data loading, Model definition, Training loop, ...). The cells under each "
        "heading have the heading's role. A single directive or nbfed tag anywhere turns this "
        "off.",
        before=(
            '{"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [\n'
            '  {"cell_type": "markdown", "metadata": {}, "source": "## Data loading"},\n'
            '  {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": null,\n'
            '   "source": "def load_data(): ..."},\n'
            '  {"cell_type": "markdown", "metadata": {}, "source": "## Model definition"},\n'
            '  {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": null,\n'
            '   "source": "class Model: ..."},\n'
            '  {"cell_type": "markdown", "metadata": {}, "source": "## Training loop"},\n'
            '  {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": null,\n'
            '   "source": "def train(): ..."}\n'
            "]}"
        ),
        after=(
            "# nbfed: data\ndef load_data():\n    return DataLoader(Rows(3))\nloader = load_data()"
        ),
    ),
    Entry(
        "NBF119",
        "pip argument left out",
        Severity.INFO,
        "A `pip install` line of the notebook names something that is no requirement of the "
        "form `name>=version`, for example an address or a local folder. It is left out of the "
        "packages' dependencies.",
        before="!pip install git+https://example.org/tools.git",
        after="!pip install tools==1.2",
    ),
    Entry(
        "NBF120",
        "command is dropped from a role",
        Severity.WARNING,
        "A region with a role holds a shell line or magic that does something: it moves files, "
        "changes the folder, sets the environment. The compiled code leaves it out, so each "
        "site has to see to it by itself. Or write it in Python.",
        before="# nbfed: data\n!unzip scans.zip\ndataset = Scans('scans')",
        after="# nbfed: data\nwith ZipFile('scans.zip') as archive:\n    archive.extractall()\n"
        "dataset = Scans('scans')",
    ),
    Entry(
        "NBF121",
        "requirement not understood",
        Severity.ERROR,
        "A `requires` directive names a distribution as pip knows it, with versions if need be. "
        "Addresses and folders cannot be dependencies of a package that others install.",
        before="# nbfed: requires ./my_tools\nimport my_tools",
        after="# nbfed: requires my-tools>=1.2\nimport my_tools",
    ),
)
