"""Which names become metrics: numbers about the model, and nothing about single patients."""

# ruff: noqa: E501 - notebooks on one line
from __future__ import annotations

import pytest

from nbfed.plan import plan
from nbfed.program import Program

from .notebooks import notebook

HEAD = """
# %%
import numpy as np
import torch
from torch import nn
from sklearn.metrics import f1_score, confusion_matrix, classification_report
# %% data
loader = torch.load('train.pt')
test_loader = torch.load('test.pt')
x_test, y_test = torch.load('table.pt')
# %% model
model = nn.Linear(2, 2)
criterion = nn.CrossEntropyLoss()
"""
TRAIN = "# %% train\nfor x, y in loader:\n    criterion(model(x), y).backward()\n"
BATCHES = "model.eval()\ncorrect, total, loss_sum = 0, 0, 0.0\nwith torch.no_grad():\n    for x, y in test_loader:\n        out = model(x)\n        batch_loss = criterion(out, y)\n        loss_sum += batch_loss.item()\n        total += len(y)\n        correct += (out.argmax(1) == y).sum().item()\n"


def planned(text: str) -> Program:
    program, problems = plan(*notebook(text), {})
    assert [problem for problem in problems if problem.severity == "error"] == []
    assert program is not None
    return program


def evaluated(cell: str, options: str = "") -> Program:
    return planned(f"{HEAD}{TRAIN}# %% evaluate {options}\n{cell}\n")


EVALUATED = [
    pytest.param(BATCHES + "accuracy = correct / total", ("accuracy",), id="a ratio, not its counts"),
    pytest.param(BATCHES + "accuracy = 100. * correct / total\nloss = loss_sum / len(test_loader)", ("accuracy", "loss"), id="two ratios"),
    pytest.param(BATCHES + "loss_sum /= total\ncorrect /= total", ("correct", "loss_sum"), id="sums that are divided"),
    pytest.param(BATCHES + "    for rows in test_loader:\n        worst = criterion(model(rows), rows).item()\n        for row in rows:\n            pass\nf1 = correct / total", ("f1",), id="nothing of single batches, loops inside them or not"),
    pytest.param(BATCHES, ("correct", "total", "loss_sum"), id="sums, where there is nothing else"),
    pytest.param(BATCHES + "print('Accuracy: %d %%' % (100 * correct / total))", ("accuracy",), id="a printed ratio"),
    pytest.param(BATCHES + "print(f'test acc {correct / total:.3f}, loss: {loss_sum / total:.3f}')", ("accuracy", "loss"), id="printed in an f-string"),
    pytest.param(BATCHES + "print('Loss {:.3f} Acc {}/{} ({:.0f}%)'.format(loss_sum / total, correct, total, 100. * correct / total))", ("accuracy", "loss"), id="printed with format"),
    pytest.param("model.eval()\nf1s = []\nfor x, y in test_loader:\n    f1s.append(f1_score(y, model(x).argmax(1)))\nprint('Mean F1:', np.mean(f1s))", ("f1",), id="a printed mean"),
    pytest.param("model.eval()\nout = model(x_test)\npred = out.argmax(1)\nacc = (pred == y_test).float().mean()\ncm = confusion_matrix(y_test, pred)\nreport = classification_report(y_test, pred)", ("acc",), id="no tensors, no tables, no texts"),
    pytest.param("model.eval()\nout = model(x_test)\ntest_loss = criterion(out, y_test)\nn_rows = len(y_test)", ("test_loss",), id="no counts"),
    pytest.param("model.eval()\n_score = f1_score(y_test, model(x_test))\nf1 = _score", ("f1",), id="no private names"),
    pytest.param("import time\nstart = time.time()\nmodel.eval()\nf1 = f1_score(y_test, model(x_test))\nelapsed = time.time() - start", ("f1",), id="no times"),
    pytest.param("model.eval()\nf1, acc = 0.5, float(model(x_test).mean())", ("f1", "acc"), id="a tuple"),
    pytest.param("def test(net, rows):\n    net.eval()\n    loss, acc = 0.0, 0.5\n    return loss, acc\nprint(test(model, test_loader))", ("loss", "acc"), id="a call inside a print"),
    pytest.param("def test(net, rows):\n    net.eval()\n    loss = 0.0\n    for x, y in rows:\n        loss += criterion(net(x), y).item()\n    loss /= len(rows)\n    print('loss', loss)\ntest(model, loader)\ntest(model, test_loader)", ("loss",), id="a function that only prints"),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "names"), EVALUATED)
def test_metrics_of_an_evaluation(cell: str, names: tuple[str, ...]) -> None:
    program = evaluated(cell)
    assert program.evaluate is not None
    assert set(program.evaluate.results) == set(names)
    assert program.evaluate.mapping == ""


def test_names_that_the_author_gives_come_first() -> None:
    program = evaluated(BATCHES + "accuracy = correct / total", "metrics=total,accuracy")
    assert program.evaluate is not None
    assert program.evaluate.results == ("total", "accuracy")


def test_a_dictionary_of_numbers_is_taken_as_it_is() -> None:
    program = evaluated("model.eval()\nscores = {'f1': f1_score(y_test, model(x_test))}")
    assert program.evaluate is not None
    assert (program.evaluate.results, program.evaluate.mapping) == ((), "scores")


def test_an_unknown_value_may_turn_out_to_be_a_dictionary() -> None:
    program = evaluated("from somewhere import judge\nmodel.eval()\nauc = judge(model(x_test))")
    assert program.evaluate is not None
    assert program.evaluate.mapping == "metrics"
    assert program.evaluate.body[-1].text == (
        "metrics = auc if isinstance(auc, dict) else {'auc': auc}"
    )


def test_the_test_call_on_test_data_is_the_one_that_counts() -> None:
    program = evaluated(
        "def test(net, rows):\n    net.eval()\n    return float(net(rows).mean())\n"
        "test(model, loader)\ntest(model, test_loader)\nprint('done')"
    )
    assert program.evaluate is not None
    assert "test_1 = test(model, test_loader)" in [part.text for part in program.evaluate.body]


TRAINED = [
    pytest.param("for epoch in range(3):\n    total = 0\n    for x, y in loader:\n        loss = criterion(model(x), y)\n        loss.backward()\n        total += loss.item()\n    train_loss = total / len(loader)", ("train_loss",), id="a mean of an epoch"),
    pytest.param("for epoch in range(3):\n    for x, y in loader:\n        loss = criterion(model(x), y)\n        loss.backward()", (), id="nothing of single batches"),
    pytest.param("best = 0.0\nfor epoch in range(3):\n    for x, y in loader:\n        criterion(model(x), y).backward()\n    acc = float(model(x_test).mean())\n    if acc > best:\n        best = acc\n        best_acc = acc", ("best", "acc"), id="nothing that may be unbound"),
    pytest.param("step = 0\nfor epoch in range(3):\n    for x, y in loader:\n        criterion(model(x), y).backward()\n        step += 1", (), id="no counters"),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "names"), TRAINED)
def test_metrics_of_training(cell: str, names: tuple[str, ...]) -> None:
    assert set(planned(f"{HEAD}# %% train\n{cell}\n").train.results) == set(names)


EPOCH = "def train_epoch(net, rows):\n    total = 0.0\n    for x, y in rows:\n        loss = criterion(net(x), y)\n        loss.backward()\n        total += loss.item()\n    return total / len(rows)\n"
LOOP = "for epoch in range(2):\n    for x, y in loader:\n        loss = criterion(model(x), y)\n        loss.backward()\n        total += loss.item()\n    "
FIT = "def fit(net, rows, epochs):\n    history = {'loss': [], 'Val Acc': []}\n    for epoch in range(epochs):\n        for phase in ['train', 'val']:\n            total = 0.0\n            for x, y in rows:\n                loss = criterion(net(x), y)\n                if phase == 'train':\n                    loss.backward()\n                total += loss.item()\n            mean = total / len(rows)\n            if phase == 'val':\n                history['Val Acc'].append(mean)\n            if mean > 3:\n                history['odd'].append(mean)\n        history['loss'].append(mean)\n"
OBJECT = "class Trainer:\n    def __init__(self, net):\n        self.net, self.history, self.lrs = net, {'loss': []}, []\n    def epoch(self, rows):\n        total = 0.0\n        for x, y in rows:\n            loss = criterion(self.net(x), y)\n            loss.backward()\n            total += loss.item()\n        return total / len(rows), len(rows)\n    def fit(self, rows, epochs):\n        for epoch in range(epochs):\n            mean, count = self.epoch(rows)\n            self.history['loss'].append(mean)\n            self.lrs.append(count)\n        return self.history\n"

RECORDED = [
    pytest.param(EPOCH + "for epoch in range(2):\n    train_loss = train_epoch(model, loader)", ("train_loss",), (), id="what an epoch's function returns"),
    pytest.param(EPOCH + "for x, y in loader:\n    noise = train_epoch(model, [(x, y)])", (), (), id="not of a loop over data"),
    pytest.param("losses, total = [], 0.0\n" + LOOP + "losses.append(total / len(loader))\n    total = 0.0", ("train_loss",), ("train_loss = losses[-1]",), id="a mean in a list, its sum reset"),
    pytest.param("history, total = {'mean': []}, 0.0\n" + LOOP + "history['mean'].append(total)\n    total = 0", ("mean",), ("mean = history['mean'][-1]",), id="a sum in a list, reset"),
    pytest.param("history = {'loss': []}\n" + EPOCH + "for epoch in range(2):\n    train_loss = train_epoch(model, loader)\n    history['loss'].append(train_loss)", ("train_loss",), (), id="what a name holds already"),
    pytest.param("losses, total = [], 0.0\n" + LOOP + "losses.append(total / 2)\nlosses = sum(losses)", ("total",), (), id="a name that is no list any more"),
    pytest.param("losses = []\nfor epoch in range(2):\n    for x, y in loader:\n        loss = criterion(model(x), y)\n        loss.backward()\n    losses.append(loss.item())", (), (), id="no last batch"),
    pytest.param("for epoch in range(2):\n    running = 0.0\n    for i, (x, y) in enumerate(loader):\n        loss = criterion(model(x), y)\n        loss.backward()\n        running += loss.item()\n        if i % 100 == 99:\n            running = 0.0", (), (), id="no sum that is reset now and then"),
    pytest.param(FIT + "    return net, history\nprint(fit)\nmodel, log = fit(model, loader, 2)", ("loss", "val_acc"), ("val_acc = log['Val Acc'][-1]", "loss = log['loss'][-1]"), id="a function's history"),
    pytest.param(FIT.replace("history['loss']", "losses").replace("{'loss'", "{'x'").replace("    history =", "    losses = []\n    history =") + "    return losses, net\nprint(fit)\ntrain_losses, model = fit(model, loader, 2)", ("train_loss",), ("train_loss = train_losses[-1]",), id="a function's list"),
    pytest.param(OBJECT + "result = Trainer(model).fit(loader, 2)", ("loss",), ("loss = result['loss'][-1]",), id="a trainer's history"),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "names", "lines"), RECORDED)
def test_the_last_number_of_a_list_is_the_metric(
    cell: str, names: tuple[str, ...], lines: tuple[str, ...]
) -> None:
    train = planned(f"{HEAD}# %% train\n{cell}\n").train
    assert set(train.results) == set(names)
    body = "\n".join(part.text for part in train.body).split("\n")
    assert [line for line in body if line.endswith("[-1]")] == list(lines)
