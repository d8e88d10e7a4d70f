"""Codes 3xx: what is right in the notebook, and is not at a hospital or in a round."""

from __future__ import annotations

from nbfed.catalogue.entry import Entry, Severity

ENTRIES: tuple[Entry, ...] = (
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
        before="# nbfed: train\nfor train_rows, test_rows in folds.split(x):\n"
        "    model(x[train_rows]).sum().backward()",
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
    Entry(
        "NBF330",
        "settings of an experiment tracker",
        Severity.ERROR,
        "The code reads settings such as `wandb.config.lr` from the run of an experiment tracker. "
        "Sites report to no tracker, so there is no run and no value there. Write the values down "
        "as parameters: the server then sets them for each run.",
        before='wandb.init(project="x", config={"LR": 0.1})\nLR = wandb.config.LR\n# %%\n'
        "# nbfed: train\noptimizer = SGD(model.parameters(), lr=LR)\n"
        "for x, y in loader:\n    model(x).sum().backward()",
        after="# nbfed: params\nLR = 0.1\n# %%\n"
        "# nbfed: train\noptimizer = SGD(model.parameters(), lr=LR)\n"
        "for x, y in loader:\n    model(x).sum().backward()",
    ),
)
