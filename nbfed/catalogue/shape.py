"""Codes 3xx: the shape of roles, and what they give to one another."""

from __future__ import annotations

from nbfed.catalogue.entry import Entry, Severity

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "NBF301",
        "role does not have its shape",
        Severity.ERROR,
        "A role's code does not provide what its stage needs: `model` makes no module, a "
        "function's parameter is supplied by nothing, `evaluate` gives no number.",
        before=(
            "# nbfed: train\n"
            "def train(model, loader, momentum):\n"
            "    for x, y in loader:\n"
            "        model(x).sum().backward()"
        ),
        after=(
            "# nbfed: params\n"
            "momentum = 0.9\n"
            "# %%\n"
            "# nbfed: train\n"
            "def train(model, loader, momentum):\n"
            "    for x, y in loader:\n"
            "        model(x).sum().backward()"
        ),
    ),
    Entry(
        "NBF302",
        "parameter is not a literal",
        Severity.ERROR,
        "A `params` region assigns literals: numbers, strings, booleans, and lists or "
        "dictionaries of them. The server may set them, so they must be known without running "
        "the notebook. What the notebook computes from its data may be a parameter if "
        "federation.yaml gives its value: `params: {WIDTH: 13}`.",
        before=("# nbfed: params\nWIDTH = read_width()\n# %%\n# nbfed: model\nmodel = Net(WIDTH)"),
        after=("# nbfed: params\nWIDTH = 13\n# %%\n# nbfed: model\nmodel = Net(WIDTH)"),
    ),
    Entry(
        "NBF306",
        "value cannot travel",
        Severity.WARNING,
        "The code keeps an open file, a connection, a thread or the like in a global. It is "
        "made anew in each process and cannot be sent or stored: a data loader's workers get no "
        "copy of it.",
        before=("# nbfed: data\nrows = open('rows.txt')\nloader = DataLoader(Rows(rows))"),
        after=(
            "# nbfed: data\n"
            "with open('rows.txt') as stream:\n"
            "    rows = stream.readlines()\n"
            "loader = DataLoader(Rows(rows))"
        ),
    ),
    Entry(
        "NBF308",
        "metric named twice",
        Severity.ERROR,
        "Two metrics have the same name. Name each once.",
        before="# nbfed: evaluate metrics=accuracy,accuracy\naccuracy = 0.5",
        after="# nbfed: evaluate metrics=accuracy\naccuracy = 0.5",
    ),
    Entry(
        "NBF309",
        "metric is not a number",
        Severity.ERROR,
        "A site sends numbers only: what is named as a metric is a list, a table, a tensor with "
        "several elements or a text.",
        before=("# nbfed: evaluate metrics=table\nmodel.eval()\ntable = [[1, 0], [0, 1]]"),
        after=("# nbfed: evaluate metrics=accuracy\nmodel.eval()\naccuracy = 0.5"),
    ),
    Entry(
        "NBF312",
        "binding is ambiguous",
        Severity.ERROR,
        "Several values could be meant, and nbfed does not choose. The hint shows the directive "
        "that settles it.",
        before=(
            "# nbfed: train\n"
            "def slow(model, loader):\n"
            "    model(loader).sum().backward()\n"
            "def fast(model, loader):\n"
            "    model(loader).sum().backward()"
        ),
        after=(
            "# nbfed: train name=fast\n"
            "def slow(model, loader):\n"
            "    model(loader).sum().backward()\n"
            "def fast(model, loader):\n"
            "    model(loader).sum().backward()"
        ),
    ),
    Entry(
        "NBF313",
        "nothing is evaluated",
        Severity.INFO,
        "No region has the role `evaluate`, so only the metrics of training are reported.",
        before=("# nbfed: train\nfor x, y in loader:\n    model(x).sum().backward()"),
        after=(
            "# nbfed: train\n"
            "for x, y in loader:\n"
            "    model(x).sum().backward()\n"
            "# %%\n"
            "# nbfed: evaluate\n"
            "model.eval()\n"
            "for x, y in loader:\n"
            "    error = model(x).mean().item()"
        ),
    ),
    Entry(
        "NBF314",
        "model needs a site's data",
        Severity.ERROR,
        "The server makes the first weights, and it has no data: `model` may use parameters, "
        "constants and whole numbers that count or measure the data, but nothing else that `data` "
        "or `site` makes. Give the number in federation.yaml, under `params:` and by the name that "
        "the hint says, or write it down as a parameter.",
        before=(
            "# nbfed: data\n"
            "table = pd.read_csv('rows.csv')\n"
            "loader = DataLoader(Rows(table))\n"
            "# nbfed: model\n"
            "model = nn.Linear(columns_of(table), 2)"
        ),
        after=(
            "# nbfed: params\n"
            "FEATURES = 13\n"
            "# nbfed: data\n"
            "table = pd.read_csv('rows.csv')\n"
            "loader = DataLoader(Rows(table))\n"
            "# nbfed: model\n"
            "model = nn.Linear(FEATURES, 2)"
        ),
    ),
    Entry(
        "NBF334",
        "size from the data",
        Severity.INFO,
        "The model needs a whole number that the data give: how many features, classes or words. "
        "Each site computes it from its own data, and the server asks a site for it before the "
        "first round. Every site has to come to the same number, or the weights do not fit its "
        "model. What is given in federation.yaml, under `params:`, is not asked for.",
        before=(
            "# nbfed: data\n"
            "table = pd.read_csv('rows.csv')\n"
            "loader = DataLoader(Rows(table))\n"
            "# nbfed: model\n"
            "model = nn.Linear(table.shape[1], 2)"
        ),
        after=(
            "# nbfed: params\n"
            "FEATURES = 13\n"
            "# nbfed: data\n"
            "table = pd.read_csv('rows.csv')\n"
            "loader = DataLoader(Rows(table))\n"
            "# nbfed: model\n"
            "model = nn.Linear(FEATURES, 2)"
        ),
    ),
    Entry(
        "NBF316",
        "taken as part of a role",
        Severity.INFO,
        "An unmarked statement does a role's work: it calls the function that a marked cell "
        "defines, or works on the site's data before training uses them. It is compiled as part "
        "of that role. Mark it with the role itself to make that visible in the notebook.",
        before=(
            "# nbfed: train\n"
            "def train(epoch):\n"
            "    for x, y in loader:\n"
            "        model(x).sum().backward()\n"
            "# %%\n"
            "for epoch in range(3):\n"
            "    train(epoch)"
        ),
        after=(
            "# nbfed: train\n"
            "def train(epoch):\n"
            "    for x, y in loader:\n"
            "        model(x).sum().backward()\n"
            "# %%\n"
            "# nbfed: train\n"
            "for epoch in range(3):\n"
            "    train(epoch)"
        ),
    ),
    Entry(
        "NBF322",
        "parameter made by nbfed",
        Severity.INFO,
        "The training function wants a number of epochs, and the notebook does not say one. A "
        "parameter of that name is made, 1 by default, which federation.yaml can set. Where the "
        "function that loads the data wants a path that no cell sets, it becomes a key of each "
        "site; a default in the notebook is the author's and is not used.",
        before="# nbfed: train\ndef train(net, loader, epochs):\n    ...",
        after="# nbfed: params\nEPOCHS = 1\n# %%\n# nbfed: train\n"
        "def train(net, loader, epochs):\n    ...",
    ),
    Entry(
        "NBF323",
        "nothing of that name to keep",
        Severity.ERROR,
        "`keep=` names what goes on in a round where it was in the last one: an optimizer, a "
        "scheduler, anything with `state_dict` and `load_state_dict`. Training has to make it, by "
        "an assignment to that name alone, so that its state can be put back right there.",
        before="# nbfed: train keep=optimizer\nopt = torch.optim.Adam(model.parameters())",
        after="# nbfed: train keep=opt\nopt = torch.optim.Adam(model.parameters())",
    ),
    Entry(
        "NBF325",
        "training makes its own model",
        Severity.ERROR,
        "The code that trains makes the model itself, where it cannot be taken out: in a loop, in "
        "a class, or in a function that is called several times. Every round would begin with new "
        "weights, and the federation's would never be trained. Make the model once, before "
        "training.",
        before="# nbfed: train\nfor lr in (0.1, 0.01):\n    model = Net()\n    fit(model, lr)",
        after="# nbfed: model\nmodel = Net()\n# %%\n# nbfed: train\nfit(model, LR)",
    ),
)
