"""Notebooks whose model, optimizer or data are made inside functions, or share a name."""

from __future__ import annotations

import re

_HEAD = """
# %%
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
EPOCHS = 2
# %% model
class Net(nn.Module):
    def __init__(self, classes=2):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, classes))

    def forward(self, x):
        return self.layers(x)
"""
_ROWS = """
# %% data
x = torch.randn(60, 4)
y = (x[:, 0] > 0).long()
train_loader = DataLoader(TensorDataset(x[:40], y[:40]), batch_size=8, shuffle=True)
test_loader = DataLoader(TensorDataset(x[40:], y[40:]), batch_size=8)
"""
_STEP = """
# %%
def run_epoch(net, loader, optimizer):
    total = 0.0
    for rows, labels in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(rows.to(DEVICE)), labels.to(DEVICE))
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)
"""
_TEST = """
# %% evaluate
model.eval()
correct = 0
with torch.no_grad():
    for rows, labels in test_loader:
        correct += (model(rows).argmax(1) == labels).sum().item()
accuracy = correct / len(test_loader.dataset)
"""

MAIN = f"""{_HEAD}{_ROWS}{_STEP}
# %% train
def main(lr=0.1, epochs=EPOCHS):
    \"\"\"Train a new net.\"\"\"
    # one for each run
    model = Net().to(DEVICE)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for epoch in range(epochs):
        loss = run_epoch(model, train_loader, optimizer)
        print(f'''epoch {{epoch}}
    loss {{loss}}''')
    return model


if __name__ == "__main__":
    model = main(lr=0.05)
{_TEST}"""

# The data region says how data are loaded, `main` loads them and calls what makes the model.
ALL_INSIDE = f"""{_HEAD}
# %% data
class Rows(Dataset):
    def __init__(self, count):
        self.x = torch.randn(count, 4)
        self.y = (self.x[:, 0] > 0).long()

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]
{_STEP}
# %% train
def fit(lr):
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    for epoch in range(EPOCHS):
        loss = run_epoch(net, loader, optimizer)

rows = Rows(40)
loader = DataLoader(rows, batch_size=8, shuffle=True)

def main():
    torch.manual_seed(1)
    fit(0.1)

main()
"""

FACTORY = f"""{_HEAD}{_ROWS}
# %% model
def build(lr):
    net = Net().to(DEVICE)
    loss = nn.CrossEntropyLoss()
    return net, loss, torch.optim.SGD(net.parameters(), lr=lr)

model, criterion, optimizer = build(lr=0.1)
# %% train
for epoch in range(EPOCHS):
    for rows, labels in train_loader:
        optimizer.zero_grad()
        criterion(model(rows), labels).backward()
        optimizer.step()
{_TEST}"""

# `loader` is one thing for training and another for testing, as is what is made from it.
ONE_NAME = f"""{_HEAD}
model = Net()
# %% data
x = torch.randn(60, 4)
y = (x[:, 0] > 0).long()
loader = DataLoader(TensorDataset(x[:40], y[:40]), batch_size=8, shuffle=True)
# %%
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
schedule = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=0.1, epochs=EPOCHS, steps_per_epoch=len(loader)
)
# %% train
for epoch in range(EPOCHS):
    for rows, labels in loader:
        assert len(loader.dataset) == 40
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(rows), labels).backward()
        optimizer.step()
        schedule.step()
# %% data
loader = DataLoader(TensorDataset(x[40:], y[40:]), batch_size=8)
# %% evaluate
model.eval()
assert len(loader.dataset) == 20
accuracy = sum((model(r).argmax(1) == t).sum().item() for r, t in loader) / len(loader.dataset)
"""

# A trainer of the notebook's own that asks for its loaders itself.
ASKS_ITSELF = f"""{_HEAD}
# %% data
def get_loader(phase, batch_size=8):
    x = torch.randn(60, 4)
    rows = slice(0, 40) if phase == "train" else slice(40, None)
    return DataLoader(TensorDataset(x[rows], (x[rows, 0] > 0).long()), batch_size=batch_size)
# %% train
class Trainer:
    def __init__(self, net):
        self.net = net.to(DEVICE)
        self.optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        self.loaders = {{phase: get_loader(phase) for phase in ("train", "val")}}

    def run(self):
        for rows, labels in self.loaders["train"]:
            self.optimizer.zero_grad()
            nn.functional.cross_entropy(self.net(rows), labels).backward()
            self.optimizer.step()

model = Net()
Trainer(model).run()
"""

# The best of the epochs is tested: in a federation, the weights of the round.
BEST_COPY = f"""{_HEAD}
model = Net()
if torch.cuda.device_count() > 1:
    print("several")
    model = nn.DataParallel(model)
{_ROWS}{_STEP}
# %% train
import copy
lowest, best = float("inf"), None
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(EPOCHS):
    loss = run_epoch(model, train_loader, optimizer)
    if loss < lowest:
        lowest, best = loss, copy.deepcopy(model)
{_TEST.replace("model", "best")}"""

# One cell, one tag, and everything in it, evaluation included.
ONE_CELL = (
    "# %% train"
    + re.sub(r"# %%.*", "", _HEAD + _ROWS + _STEP)
    + """
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(EPOCHS):
    train_loss = run_epoch(model, train_loader, optimizer)
"""
    + re.sub(r"# %%.*", "", _TEST)
)

# The same in a function, with the loaders from another and the notebook's usual last lines.
ONE_CELL_MAIN = (
    "# %% train"
    + re.sub(r"# %%.*", "", _HEAD + _STEP)
    + """
def get_loaders(batch_size):
    x = torch.randn(60, 4)
    rows = TensorDataset(x, (x[:, 0] > 0).long())
    return DataLoader(rows, batch_size=batch_size, shuffle=True), DataLoader(rows, batch_size=30)


def main():
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    train_loader, test_loader = get_loaders(8)
    for epoch in range(EPOCHS):
        train_loss = run_epoch(model, train_loader, optimizer)


if __name__ == "__main__":
    main()
"""
)

# Modules by key: one dictionary at once, another entry by entry, and a key that is taken.
BY_KEY = f"""{_HEAD}{_ROWS}
# %% model
models = {{"enc": nn.Linear(4, 4).to(DEVICE), "dec": Net()}}
models["x"] = nn.Linear(2, 2)
# %% train
parameters = [p for m in models.values() for p in m.parameters()]
optimizer = torch.optim.SGD(parameters, lr=0.1)
for epoch in range(EPOCHS):
    for rows, labels in train_loader:
        optimizer.zero_grad()
        out = models["x"](models["dec"](models["enc"](rows)))
        nn.functional.cross_entropy(out, labels).backward()
        optimizer.step()
# %% evaluate
for m in models.values():
    m.eval()
hits = [models["x"](models["dec"](models["enc"](r))).argmax(1) == t for r, t in test_loader]
accuracy = torch.cat(hits).float().mean().item()
"""

ENCLOSED_NOTEBOOKS = {
    "one_cell": ONE_CELL,
    "one_cell_main": ONE_CELL_MAIN,
    "main": MAIN,
    "all_inside": ALL_INSIDE,
    "factory_of_several": FACTORY,
    "one_name": ONE_NAME,
    "asks_itself": ASKS_ITSELF,
    "best_copy": BEST_COPY,
}
