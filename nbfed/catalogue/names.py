"""Codes 2xx: names, and what a slice pulls in."""

from __future__ import annotations

from nbfed.catalogue.entry import Entry, Severity

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "NBF201",
        "undefined name",
        Severity.ERROR,
        "The code uses a name that no cell defines. In the open notebook it may still live in "
        "the kernel's memory, from a cell that was deleted or renamed.",
        before="# nbfed: train\nfor epoch in range(EPOCHS):\n    ...",
        after="# nbfed: params\nEPOCHS = 3\n# %%\n# nbfed: train\nfor epoch in range(EPOCHS):\n"
        "    ...",
    ),
    Entry(
        "NBF202",
        "name used before it is made",
        Severity.ERROR,
        "The name is defined, but only in a later statement. nbfed reads the notebook as if it "
        "ran once, from top to bottom. Move the definition up.",
        before="model = Net(WIDTH)\n# %%\nWIDTH = 64",
        after="WIDTH = 64\n# %%\nmodel = Net(WIDTH)",
    ),
    Entry(
        "NBF203",
        "a role needs a statement that does something",
        Severity.ERROR,
        "A role needs a name that an unmarked statement makes, and this statement does more "
        "than define: it calls, reads, loops. nbfed does not guess on which machine, and how "
        "often, that should happen. Give the statement a role: `data` (at each site, once), "
        "`site` (differs per site), or `include` (copy it wherever it is needed).",
        before='table = pd.read_csv("heart.csv")\n# %%\n# nbfed: data\n'
        "loader = DataLoader(Rows(table))",
        after='# nbfed: data\ntable = pd.read_csv("heart.csv")\n# %%\n# nbfed: data\n'
        "loader = DataLoader(Rows(table))",
    ),
    Entry(
        "NBF204",
        "star import is needed",
        Severity.ERROR,
        "Which names `from module import *` brings cannot be known without running it. Import "
        "the names that the code uses.",
        before="from torch.nn import *\n# %%\n# nbfed: model\nmodel = Linear(13, 2)",
        after="from torch.nn import Linear\n# %%\n# nbfed: model\nmodel = Linear(13, 2)",
    ),
    Entry(
        "NBF205",
        "several definitions compete",
        Severity.WARNING,
        "A function uses a name that several cells define. The last definition before the end "
        "of the role that calls the function was taken.",
        before=(
            'mode = "sum"\n'
            "# %%\n"
            'mode = "mean"\n'
            "# %%\n"
            "# nbfed: train\n"
            "def step(x):\n"
            "    return getattr(model(x), mode)()\n"
            "for x, y in loader:\n"
            "    step(x).backward()"
        ),
        after=(
            'mode = "mean"\n'
            "# %%\n"
            "# nbfed: train\n"
            "def step(x):\n"
            "    return getattr(model(x), mode)()\n"
            "for x, y in loader:\n"
            "    step(x).backward()"
        ),
    ),
    Entry(
        "NBF206",
        "possible change in place is left out",
        Severity.WARNING,
        "A method is called on an object that the compiled code uses. If that call changes the "
        "object, the compiled code differs from the notebook. Mark the statement `include` if "
        "it matters, `skip` if it does not.",
        before=(
            "sizes = [8, 4]\nrandom.shuffle(sizes)\n# %%\n# nbfed: model\nmodel = Net(sizes[0])"
        ),
        after=(
            "sizes = [8, 4]\n"
            "# nbfed: include\n"
            "random.shuffle(sizes)\n"
            "# %%\n"
            "# nbfed: model\n"
            "model = Net(sizes[0])"
        ),
    ),
    Entry(
        "NBF207",
        "needed statement is marked skip",
        Severity.ERROR,
        "A role needs a name that only code with the role `skip` defines.",
        before="# nbfed: skip\nWIDTH = 64\n# %%\n# nbfed: model\nmodel = Net(WIDTH)",
        after="WIDTH = 64\n# %%\n# nbfed: model\nmodel = Net(WIDTH)",
    ),
    Entry(
        "NBF208",
        "made afresh every round",
        Severity.INFO,
        "The statement needs the model and only training uses its result, so it stands at the "
        "start of the generated `train`. An optimizer is new in every round: its momentum does "
        "not survive the exchange of weights, as is usual in federated averaging. To go on with "
        "it, name it: `# nbfed: train keep=optimizer`.",
        before=(
            "# nbfed: model\n"
            "model = Net()\n"
            "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
            "# %%\n"
            "# nbfed: train\n"
            "for x, y in loader:\n"
            "    model(x).sum().backward()\n"
            "    optimizer.step()"
        ),
        after=(
            "# nbfed: model\n"
            "model = Net()\n"
            "# %%\n"
            "# nbfed: train keep=optimizer\n"
            "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
            "for x, y in loader:\n"
            "    model(x).sum().backward()\n"
            "    optimizer.step()"
        ),
    ),
    Entry(
        "NBF209",
        "seed set inside a role",
        Severity.INFO,
        "The role's code sets a random seed, so every round at every site draws the same "
        "numbers. nbfed seeds each site and round by itself; remove the line unless you want "
        "the repetition.",
        before=(
            "# nbfed: train\n"
            "torch.manual_seed(1)\n"
            "for x, y in loader:\n"
            "    model(x).sum().backward()"
        ),
        after=(
            "torch.manual_seed(1)\n"
            "# %%\n"
            "# nbfed: train\n"
            "for x, y in loader:\n"
            "    model(x).sum().backward()"
        ),
    ),
    Entry(
        "NBF210",
        "code cannot stand in a function",
        Severity.ERROR,
        "The role's statements become the body of a function, where `await`, `globals()` and "
        "star imports do not work as at a notebook's top level.",
        before=('# nbfed: train\nfor x, y in loader:\n    globals()["model"](x).sum().backward()'),
        after=("# nbfed: train\nfor x, y in loader:\n    model(x).sum().backward()"),
    ),
    Entry(
        "NBF211",
        "drawing is dropped",
        Severity.INFO,
        "A call that only draws or opens a window was left out of the compiled code.",
        before=(
            "# nbfed: train\nfor x, y in loader:\n    model(x).sum().backward()\n    plt.plot(y)"
        ),
        after=("# nbfed: train\nfor x, y in loader:\n    model(x).sum().backward()"),
    ),
    Entry(
        "NBF212",
        "code waits for a person",
        Severity.ERROR,
        "`input()` and its like stop a site's process until someone types. Make the value a "
        "parameter (`params`) or a key of the site (`site`).",
        before='# nbfed: data\nfolder = input("Folder? ")',
        after='# nbfed: site\nfolder = "data"',
    ),
    Entry(
        "NBF213",
        "a role needs what a later role makes",
        Severity.ERROR,
        "The order in a federation is: data and model, then train, then evaluate. A role uses a "
        "name that only a role after it, or one on another machine, makes.",
        before=(
            "# nbfed: train\n"
            "for x, y in loader:\n"
            "    model(x).sum().backward()\n"
            "# %%\n"
            "# nbfed: evaluate\n"
            "model.eval()\n"
            "error = model(x).mean().item()"
        ),
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
)
