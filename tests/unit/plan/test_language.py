"""What a slice makes of Python: definitions, changes in place, scopes, and where they land."""

# ruff: noqa: E501 - notebooks on one line
from __future__ import annotations

import pytest

from nbfed.plan import plan
from nbfed.program import Origin, Program, Stage

from .notebooks import notebook
from .running import module_text, stages, undefined_names

HEAD = """
# %%
import torch
from torch import nn
# %% data
loader = make_loader()
# %% model
model = nn.Linear(2, 1)
"""
TRAIN = """
# %% train
for x, y in loader:
    loss = (USE, model(x).sum())[1]
    loss.backward()
"""
LOADER = """
# %% include
def make_loader():
    return torch.load("rows.pt")
"""


def planned(text: str, helpers: dict[str, str] | None = None) -> Program:
    program, problems = plan(*notebook(text), helpers or {})
    assert [problem for problem in problems if problem.severity == "error"] == []
    assert program is not None
    for stage in stages(program):
        text = module_text(program, stage)
        compile(text, "generated.py", "exec")
        assert undefined_names(text) == set()
    return program


def with_cell(cell: str, use: str, role: str = "") -> Program:
    head = HEAD.replace("# %% data", f"{LOADER.strip()}\n# %% data")
    return planned(f"{head}\n# %% {role}\n{cell}\n{TRAIN.replace('USE', use)}")


def texts(stage: Stage) -> tuple[str, str, str]:
    return tuple(
        "\n".join(part.text for part in parts)
        for parts in (stage.imports, stage.module, stage.body)
    )  # type: ignore[return-value]


CARRIED = [
    pytest.param("w = 2\nw = 3", "w * x", ["w = 3"], ["w = 2"], id="the last definition wins"),
    pytest.param("w = 2\nw += 1", "w * x", ["w = 2", "w += 1"], [], id="augmented assignment"),
    pytest.param("a, (b, *c) = 1, (2, 3)", "b * x", ["a, (b, *c) = 1, (2, 3)"], [], id="unpacking"),
    pytest.param("cfg = {}\ncfg['w'] = 2", "cfg['w']", ["cfg = {}", "cfg['w'] = 2"], [], id="item"),
    pytest.param(
        "ws = []\nws.append(2)\nprint(ws)", "ws[0]", ["ws.append(2)"], ["print"], id="append"
    ),
    pytest.param(
        'class C:\n    w = 1\n    def put(self, w):\n        self.w = w\n    def tell(self):\n        open("x").write(self.w)\nc = C()\nc.put(2)\nc.tell()',
        "c.w",
        ["c = C()\nc.put(2)"],
        ["c.tell()"],
        id="a harmless method of an object of the notebook's own",
    ),
    pytest.param(
        "ws = [1]\nws.count(1)", "ws[0]", ["ws = [1]"], ["count"], id="a method that only reads"
    ),
    pytest.param(
        "if (n := 3) > 2:\n    w = 1\nelse:\n    w = 2", "w + n", ["(n := 3)"], [], id="walrus"
    ),
    pytest.param(
        "k = 5\nws = [k for k in range(3)]",
        "ws[0] * k",
        ["k = 5", "for k in"],
        [],
        id="comprehension",
    ),
    pytest.param("f = lambda v, s=2: v * s", "f(x)", ["lambda v"], [], id="lambda"),
    pytest.param(
        "s = 2\ndef f(v, s=s):\n    return v * s", "f(x)", ["s = 2", "def f"], [], id="default"
    ),
    pytest.param(
        "def outer():\n    t = 2\n    def inner(v):\n        return v * t\n    return inner\nf = outer()",
        "f(x)",
        ["t = 2"],
        [],
        id="closure",
    ),
    pytest.param(
        "class A:\n    k = 2\nclass B(A):\n    def m(self):\n        return self.k\nb = B()",
        "b.m()",
        ["class A", "class B(A)"],
        [],
        id="inherits",
    ),
    pytest.param(
        "def twice(f):\n    return lambda v: f(f(v))\n@twice\ndef g(v):\n    return v",
        "g(x)",
        ["def twice", "@twice"],
        [],
        id="decorator",
    ),
    pytest.param(
        "from typing import Any\ndef g(v: Any) -> Any:\n    return v",
        "g(x)",
        ["from typing import Any"],
        [],
        id="annotation",
    ),
    pytest.param(
        "scale = 3\nlabel = f'{scale:.2f}'",
        "len(label)",
        ["scale = 3", "f'{scale:.2f}'"],
        [],
        id="f-string",
    ),
    pytest.param(
        "try:\n    import math as m\nexcept ImportError:\n    m = None",
        "m.pi",
        ["import math as m"],
        [],
        id="try import",
    ),
    pytest.param(
        "kind = 'a'\nmatch kind:\n    case 'a':\n        w = 1\n    case other:\n        w = 2",
        "w",
        ["match kind"],
        [],
        id="match",
    ),
    pytest.param("import os, sys", "len(os.sep)", ["import os"], ["sys"], id="imports"),
    pytest.param("text = '''a\n  b'''", "len(text)", ["'''a\n  b'''"], [], id="multi-line string"),
    pytest.param("a = 1; b = 2", "b * x", ["a = 1; b = 2"], [], id="one line, two statements"),
    pytest.param(
        "# how wide\nw = 2\n\n# unrelated\nv = 3",
        "w * x",
        ["# how wide\nw = 2"],
        ["unrelated"],
        id="comments",
    ),
    pytest.param(
        "def helper(v):\n    return scale * v\nscale = 4",
        "helper(x)",
        ["scale = 4", "def helper"],
        [],
        id="a global made later",
    ),
    pytest.param("x = 7\ny = 8", "x * y", [], ["x = 7", "y = 8"], id="loop targets are the loop's"),
]


@pytest.mark.parametrize(("cell", "use", "there", "absent"), CARRIED)
def test_training_gets_what_it_uses(
    cell: str, use: str, there: list[str], absent: list[str]
) -> None:
    source = "\n".join(texts(with_cell(cell, use).train))
    for part in there:
        assert part in source
    for part in absent:
        assert part not in source


def test_both_definitions_stay_where_the_second_may_not_run() -> None:
    program = with_cell("w = 1\nif torch.cuda.is_available():\n    w = 2", "w * x")
    assert "w = 1\nif torch.cuda" in texts(program.train)[1]


def test_what_reads_an_argument_stands_in_the_body() -> None:
    program = with_cell("def step(x):\n    return model(x).sum()", "step(x)")
    _, module, body = texts(program.train)
    assert "def step" in body and "def step" not in module


def test_what_reads_none_stands_in_the_module() -> None:
    program = with_cell("def step(net, x):\n    return net(x).sum()", "step(model, x)")
    _, module, body = texts(program.train)
    assert "def step" in module and "def step" not in body


def test_a_function_that_changes_a_global_gets_it_anew_every_round() -> None:
    cell = "best = 0\ndef note(v):\n    global best\n    best = max(best, v)\n    return best"
    program = with_cell(cell, "note(1) + best")
    _, module, body = texts(program.train)
    assert body.startswith("global best\nbest = 0")
    assert "def note" in module


def test_a_list_that_training_fills_is_empty_every_round() -> None:
    program = with_cell("losses = []", "losses.append(1) or model(x).sum()")
    assert "losses = []" in texts(program.train)[2]


def test_a_name_that_the_body_assigns_is_the_bodys_throughout() -> None:
    head = HEAD.replace("# %% data", f"{LOADER.strip()}\n# %% data")
    program = planned(
        f"{head}\n# %%\nbest = 1.0\ndef better(v):\n    return v < best\n"
        "# %% train\nfor x, y in loader:\n    loss = model(x).sum()\n    loss.backward()\n"
        "    if better(loss):\n        best = loss\n"
    )
    _, module, body = texts(program.train)
    assert "best = 1.0" in body and "def better" in body and "best" not in module


def test_an_opened_main_guard_is_moved_left() -> None:
    head = HEAD.replace("# %% data", f"{LOADER.strip()}\n# %% data")
    program = planned(
        f"{head}\n# %% train\nif __name__ == '__main__':\n    text = '''a\n    b'''\n"
        "    for x, y in loader:\n        model(x).sum().backward()\n"
    )
    body = texts(program.train)[2]
    assert body.startswith("text = '''a\n    b'''\nfor x, y in loader:\n    model")


def test_parameters_are_typed_and_keep_their_comments() -> None:
    program = with_cell(
        "LR = 1e-3  # step\nN = 2 * 8\nNAMES = ['a', 'b']\nON = True\nP: float = 1\nA, B = 1, 'b'",
        "LR * N",
        "params",
    )
    found = {p.name: (p.annotation, p.default, p.comment) for p in program.params}
    assert found == {
        "LR": ("float", "1e-3", "step"),
        "N": ("int", "2 * 8", ""),
        "NAMES": ("list[str]", "['a', 'b']", ""),
        "ON": ("bool", "True", ""),
        "P": ("float", "1", ""),
        "A": ("int", "1", ""),
        "B": ("str", "'b'", ""),
    }
    used = {a.name for a in program.train.arguments if a.origin is Origin.PARAMS}
    assert used == {"LR", "N"}


def test_an_expression_over_parameters_is_copied() -> None:
    program = with_cell("N = 4\nHALF = N // 2", "HALF * x", "params")
    assert [p.name for p in program.params] == ["N"]
    assert "HALF = N // 2" in texts(program.train)[2]


def test_a_sites_value_is_never_written() -> None:
    text = (
        "# %%\nimport torch\nfrom pathlib import Path\nfrom torch import nn\n"
        "# %% site\nROOT = Path('/home/ann/secret')\nIMAGES = ROOT / 'images'\nGPU = 3\n"
        "# %% data\nloader = torch.load(IMAGES / f'{GPU}.pt')\n"
        "# %% model\nmodel = nn.Linear(2, 1)\n"
    )
    program = planned(text + TRAIN.replace("USE", "model(x).sum()"))
    assert [(key.name, key.annotation) for key in program.site] == [("ROOT", "str"), ("GPU", "int")]
    _, _, body = texts(program.data)
    assert "ROOT = Path(ROOT)\nIMAGES = ROOT / 'images'" in body.replace("\n\n", "\n")
    assert "ann" not in "".join("".join(texts(stage)) for stage in stages(program))


def test_the_model_keeps_what_is_done_to_it_before_training() -> None:
    program = with_cell(
        "model[0] if False else None\nmodel.bias = None\nfor p in model.parameters():\n    p.requires_grad = False\n"
        "model.eval()\nprint(sum(p.numel() for p in model.parameters()))",
        "model(x).sum()",
    )
    body = texts(program.model)[2]
    assert "model.bias = None" in body and "requires_grad = False" in body
    assert "print" not in body and "eval" not in body


def test_helpers_beside_the_notebook_travel_with_the_package() -> None:
    helpers = {
        "nets.py": "from layers import Wide\nclass Net(Wide):\n    pass\n",
        "layers.py": "import torch\nclass Wide(torch.nn.Linear):\n    pass\n",
        "unused.py": "x = 1\n",
    }
    head = HEAD.replace("# %% data", f"{LOADER.strip()}\n# %% data")
    program = planned(
        head.replace("model = nn.Linear(2, 1)", "from nets import Net\nmodel = Net(2, 1)")
        + TRAIN.replace("USE", "model(x).sum()"),
        helpers,
    )
    assert texts(program.model)[0] == "from .helpers.nets import Net"
    found = {helper.path: helper.text for helper in program.helpers}
    assert found.keys() == {"helpers/__init__.py", "helpers/nets.py", "helpers/layers.py"}
    assert found["helpers/nets.py"].startswith("from .layers import Wide\n")


def test_a_star_import_of_a_helper_is_understood() -> None:
    text = (
        HEAD.replace("# %% data", f"{LOADER.strip()}\n# %% data")
        + "\n# %%\nfrom tools import *\n"
        + TRAIN.replace("USE", "scaled(model(x)).sum()")
    )
    helpers = {"tools.py": "def scaled(v):\n    return 2 * v\n"}
    program, problems = plan(*notebook(text), helpers)
    assert program is not None and [p for p in problems if p.severity == "error"] == []
    assert texts(program.train)[0] == "from .helpers.tools import *"


def test_the_seed_is_read_off() -> None:
    assert with_cell("SEED = 7\ntorch.manual_seed(SEED)", "model(x).sum()").seed == 7
    assert with_cell("torch.manual_seed(11)", "model(x).sum()").seed == 11
    assert with_cell("seed = input\ntorch.manual_seed(seed)", "model(x).sum()").seed is None


def test_drawing_is_left_out_of_roles() -> None:
    text = (
        "# %%\nimport torch\nimport matplotlib.pyplot as plt\nfrom torch import nn\n"
        "def show_batch(x):\n    plt.imshow(x)\n"
        "# %% data\nloader = torch.load('rows.pt')\nplt.hist(loader)\n"
        "# %% model\nmodel = nn.Linear(2, 1)\n"
        "# %% train\nfig, ax = plt.subplots()\nfor x, y in loader:\n    model(x).sum().backward()\n"
        "    ax.plot(x)\n    plt.plot(\n        x,\n    )\n    show_batch(x)\nplt.show()\n"
    )
    program = planned(text)
    assert texts(program.train)[2] == (
        "for x, y in loader:\n    model(x).sum().backward()\n"
        "    pass  # nbfed: dropped ax.plot(x)\n"
        "    pass  # nbfed: dropped plt.plot( x, )\n\n\n"
        "    pass  # nbfed: dropped show_batch(x)"
    )
    assert "matplotlib" not in program.client_imports
