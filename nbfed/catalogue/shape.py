"""Codes 3xx: the shape of roles, and the values in them."""

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
        "NBF303",
        "path of one machine in the source",
        Severity.WARNING,
        "The compiled code holds an absolute path, which will not exist at another hospital and "
        "may tell more than it should. Give it the role `site`: then each site sets its own, "
        "and yours is not written to the packages.",
        before='# nbfed: data\ntable = pd.read_csv("/home/ann/heart.csv")',
        after='# nbfed: site\nDATA_FILE = "/home/ann/heart.csv"\n# nbfed: data\n'
        "table = pd.read_csv(DATA_FILE)",
    ),
    Entry(
        "NBF304",
        "secret in the source",
        Severity.ERROR,
        "A literal looks like a password, token or key, and would travel to every site in "
        "readable form. Give it the role `site`, or read it from the environment at the site.",
        before=(
            '# nbfed: data\nAPI_TOKEN = "hf_a1B2c3D4e5F6g7"\nloader = DataLoader(Rows(API_TOKEN))'
        ),
        after=(
            '# nbfed: site\nAPI_TOKEN = ""\n# nbfed: data\nloader = DataLoader(Rows(API_TOKEN))'
        ),
    ),
    Entry(
        "NBF305",
        "downloads while it runs",
        Severity.WARNING,
        "The code fetches data or pretrained weights from the network. Every site would do so "
        "by itself, and a hospital's network may not allow it. Put the files beside the site's "
        "data and give their path the role `site`.",
        before=("# nbfed: model\nmodel = torchvision.models.resnet18(pretrained=True)"),
        after=("# nbfed: model\nmodel = torchvision.models.resnet18()"),
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
        "NBF307",
        "network call at top level",
        Severity.WARNING,
        "The code talks to another machine as soon as it is loaded. A site connects to the "
        "federation's server only; anything else has to be allowed there.",
        before=(
            "# nbfed: data\n"
            "import requests\n"
            "rows = requests.get('https://example.org/rows').json()\n"
            "loader = DataLoader(Rows(rows))"
        ),
        after=("# nbfed: data\nrows = pd.read_csv('rows.csv')\nloader = DataLoader(Rows(rows))"),
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
        "NBF310",
        "test data leak into training",
        Severity.WARNING,
        "What is fitted or trained has seen rows of the test set, so the test results are too "
        "good. Split first, then fit on the training part.",
        before=(
            "# nbfed: data\n"
            "rows = scaler.fit_transform(rows)\n"
            "train_rows, test_rows = train_test_split(rows)"
        ),
        after=(
            "# nbfed: data\n"
            "train_rows, test_rows = train_test_split(rows)\n"
            "train_rows = scaler.fit_transform(train_rows)"
        ),
    ),
    Entry(
        "NBF311",
        "evaluates in training mode",
        Severity.WARNING,
        "The evaluation does not call `model.eval()`: dropout stays on, and batch normalisation "
        "learns from the test data.",
        before=("# nbfed: evaluate\nfor x, y in loader:\n    error = model(x).mean().item()"),
        after=(
            "# nbfed: evaluate\n"
            "model.eval()\n"
            "for x, y in loader:\n"
            "    error = model(x).mean().item()"
        ),
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
        "The server makes the first weights, and it has no data: `model` may use parameters and "
        "constants, but nothing that `data` or `site` makes. Give the number in federation.yaml, "
        "under `params:` and by the name that the hint says, or write it down as a parameter.",
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
        "NBF315",
        "reads a file",
        Severity.INFO,
        "The compiled code reads a file beside the notebook. It is not part of the packages: "
        "each site needs its own copy at the same relative path.",
        before=("# nbfed: data\nloader = DataLoader(Rows(pd.read_csv('rows.csv')))"),
        after=(
            "# nbfed: site\n"
            "FILE = 'rows.csv'\n"
            "# nbfed: data\n"
            "loader = DataLoader(Rows(pd.read_csv(FILE)))"
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
        "NBF317",
        "evaluation loads weights of its own",
        Severity.WARNING,
        "The evaluation makes a model or loads weights from a file. In a federation it is given "
        "the weights of the round, so these statements are left out: otherwise every site would "
        "report on its own file.",
        before=(
            "# nbfed: evaluate\n"
            "model.load_state_dict(torch.load('best.pt'))\n"
            "model.eval()\n"
            "for x, y in loader:\n"
            "    error = model(x).mean().item()"
        ),
        after=(
            "# nbfed: evaluate\n"
            "model.eval()\n"
            "for x, y in loader:\n"
            "    error = model(x).mean().item()"
        ),
    ),
    Entry(
        "NBF318",
        "training is repeated for folds",
        Severity.ERROR,
        "A cross-validation trains several models, one for each fold, and a federation trains one. "
        "Choose one split where the data are loaded; each hospital splits its own rows.",
        before="# nbfed: train\nfor train_rows, test_rows in folds.split(x):\n    ...",
        after="# nbfed: data\ntrain_rows, test_rows = next(iter(folds.split(x)))\n# %%\n"
        "# nbfed: train\nfor epoch in range(EPOCHS):\n    ...",
    ),
    Entry(
        "NBF319",
        "notebook is federated already",
        Severity.ERROR,
        "The code with a role uses a library for federated learning itself. nbfed starts from the "
        "plain PyTorch code: mark the model, the loaders, and the functions that train and test.",
        before=(
            "# nbfed: model\n"
            "from flwr.client import NumPyClient\n"
            "class Client(NumPyClient):\n"
            "    ...\n"
            "model = Net()"
        ),
        after=("# nbfed: model\nmodel = Net()"),
    ),
    Entry(
        "NBF320",
        "former names of Flower",
        Severity.WARNING,
        "The strategy is written for an API of Flower that its present server does not use. It is "
        "compiled with today's class and names; options without a successor are left out, and "
        "the rounds and the number of sites come from federation.yaml.",
        before="# nbfed: strategy\nstrategy = flwr.server.strategy.FedAvg(min_fit_clients=2)",
        after="# nbfed: strategy\nstrategy = flwr.serverapp.strategy.FedAvg(min_train_nodes=2)",
    ),
    Entry(
        "NBF321",
        "made for notebooks only",
        Severity.INFO,
        "An import works inside Jupyter only, and a site's process is not. It is replaced by its "
        "counterpart that works everywhere.",
        before="from tqdm.notebook import tqdm",
        after="from tqdm.auto import tqdm",
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
        "NBF324",
        "name that no longer exists",
        Severity.INFO,
        "NumPy or PyTorch has removed a name that the notebook uses, so it would fail with the "
        "versions of today. It is compiled as the name that does the same.",
        before=(
            "# nbfed: train\nbest = np.Inf\nfor x, y in loader:\n    model(x).sum().backward()"
        ),
        after=("# nbfed: train\nbest = np.inf\nfor x, y in loader:\n    model(x).sum().backward()"),
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
    Entry(
        "NBF326",
        "trainer writes files in every round",
        Severity.INFO,
        "Lightning's trainer is made anew in every round, from the weights of the round. By "
        "default each one writes a log and a checkpoint into the folder that the site works in, "
        "which nobody reads there.",
        before=("# nbfed: train\ntrainer = L.Trainer(max_epochs=1)\ntrainer.fit(model, loader)"),
        after=(
            "# nbfed: train\n"
            "trainer = L.Trainer(max_epochs=1, logger=False, enable_checkpointing=False)\n"
            "trainer.fit(model, loader)"
        ),
    ),
    Entry(
        "NBF327",
        "test set is drawn at random",
        Severity.WARNING,
        "The rows of the test set are sampled without a seed of their own. They follow from the "
        "run's seed then, so that two runs with different seeds are measured on different rows, "
        "and a part of the rows that were held out tests nothing.",
        before="# nbfed: data\ntest = test.sample(frac=0.5)",
        after="# nbfed: data\ntest = test.sample(frac=0.5, random_state=0)",
    ),
    Entry(
        "NBF328",
        "training loads the data itself",
        Severity.WARNING,
        "The data regions only define how data are loaded, and the code that trains does so. Every "
        "round loads them anew, and a site's number of examples is not known, so that all sites "
        "weigh the same.",
        before="# nbfed: data\ndef loader_of(phase):\n    return DataLoader(Rows(phase))\n# %%\n"
        "# nbfed: train\nclass Trainer:\n    def __init__(self, net):\n        self.net = net\n"
        "        self.loader = loader_of('train')\n    def fit(self):\n"
        "        for x, y in self.loader:\n            self.net(x).sum().backward()\n"
        "Trainer(model).fit()",
        after="# nbfed: data\ndef loader_of(phase):\n    return DataLoader(Rows(phase))\n"
        "loader = loader_of('train')\n# %%\n"
        "# nbfed: train\nclass Trainer:\n    def __init__(self, net, loader):\n"
        "        self.net, self.loader = net, loader\n    def fit(self):\n"
        "        for x, y in self.loader:\n            self.net(x).sum().backward()\n"
        "Trainer(model, loader).fit()",
    ),
    Entry(
        "NBF329",
        "several GPUs are not used",
        Severity.INFO,
        "The notebook wraps its model in `DataParallel` where the machine has several GPUs. The "
        "weights would have other names at such a site than at the others and at the server, and "
        "could not be averaged. The wrapping is left out.",
        before="# nbfed: model\nmodel = Net()\nif torch.cuda.device_count() > 1:\n"
        "    model = nn.DataParallel(model)",
        after="# nbfed: model\nmodel = Net()",
    ),
)
