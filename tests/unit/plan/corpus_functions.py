"""Notebooks that train inside functions, in the manner of public ones."""

# ruff: noqa: E501 - the notebooks are written as their authors write them
from __future__ import annotations

# The classic transfer learning tutorial: loaders in a dictionary, best weights kept.
TRANSFER = """
# %%
import time
import copy
import os
import torch
import torch.nn as nn
import torch.optim as optim
from torch.optim import lr_scheduler
import torchvision
from torchvision import datasets, models, transforms
import matplotlib.pyplot as plt
# %%
data_transforms = {
    'train': transforms.Compose([transforms.ToTensor()]),
    'val': transforms.Compose([transforms.ToTensor()]),
}
# %% site
data_dir = 'data/xray'
# %% data
image_datasets = {x: datasets.ImageFolder(os.path.join(data_dir, x),
                                          data_transforms[x])
                  for x in ['train', 'val']}
dataloaders = {x: torch.utils.data.DataLoader(image_datasets[x], batch_size=4,
                                             shuffle=True, num_workers=0)
              for x in ['train', 'val']}
dataset_sizes = {x: len(image_datasets[x]) for x in ['train', 'val']}
class_names = image_datasets['train'].classes

device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
# %%
def imshow(inp, title=None):
    plt.imshow(inp.numpy().transpose((1, 2, 0)))
    plt.pause(0.001)
inputs, classes = next(iter(dataloaders['train']))
imshow(torchvision.utils.make_grid(inputs), title=[class_names[x] for x in classes])
# %% train
def train_model(model, criterion, optimizer, scheduler, num_epochs=25):
    since = time.time()

    best_model_wts = copy.deepcopy(model.state_dict())
    best_acc = 0.0

    for epoch in range(num_epochs):
        print(f'Epoch {epoch}/{num_epochs - 1}')
        for phase in ['train', 'val']:
            if phase == 'train':
                model.train()  # Set model to training mode
            else:
                model.eval()   # Set model to evaluate mode

            running_loss = 0.0
            running_corrects = 0
            for inputs, labels in dataloaders[phase]:
                inputs = inputs.to(device)
                labels = labels.to(device)
                optimizer.zero_grad()
                with torch.set_grad_enabled(phase == 'train'):
                    outputs = model(inputs)
                    _, preds = torch.max(outputs, 1)
                    loss = criterion(outputs, labels)
                    if phase == 'train':
                        loss.backward()
                        optimizer.step()
                running_loss += loss.item() * inputs.size(0)
                running_corrects += torch.sum(preds == labels.data)
            if phase == 'train':
                scheduler.step()

            epoch_loss = running_loss / dataset_sizes[phase]
            epoch_acc = running_corrects.double() / dataset_sizes[phase]
            if phase == 'val' and epoch_acc > best_acc:
                best_acc = epoch_acc
                best_model_wts = copy.deepcopy(model.state_dict())

    time_elapsed = time.time() - since
    print(f'Training complete in {time_elapsed // 60:.0f}m')
    model.load_state_dict(best_model_wts)
    return model
# %% model
model_ft = models.resnet18(weights='IMAGENET1K_V1')
num_ftrs = model_ft.fc.in_features
model_ft.fc = nn.Linear(num_ftrs, 2)
# %%
model_ft = model_ft.to(device)
criterion = nn.CrossEntropyLoss()
optimizer_ft = optim.SGD(model_ft.parameters(), lr=0.001, momentum=0.9)
exp_lr_scheduler = lr_scheduler.StepLR(optimizer_ft, step_size=7, gamma=0.1)
# %%
model_ft = train_model(model_ft, criterion, optimizer_ft, exp_lr_scheduler,
                       num_epochs=2)
# %%
model_conv = torchvision.models.resnet18(weights='IMAGENET1K_V1')
for param in model_conv.parameters():
    param.requires_grad = False
model_conv.fc = nn.Linear(model_conv.fc.in_features, 2)
model_conv = model_conv.to(device)
optimizer_conv = optim.SGD(model_conv.fc.parameters(), lr=0.001, momentum=0.9)
exp_lr_scheduler = lr_scheduler.StepLR(optimizer_conv, step_size=7, gamma=0.1)
model_conv = train_model(model_conv, criterion, optimizer_conv,
                         exp_lr_scheduler, num_epochs=2)
"""

# A federated tool's tutorial, before it is federated.
CENTRALISED = """
# %%
from collections import OrderedDict
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
print(f"Training on {DEVICE}")
# %% data
def load_datasets():
    trainset = TensorDataset(torch.randn(64, 3), torch.randint(0, 2, (64,)))
    testset = TensorDataset(torch.randn(32, 3), torch.randint(0, 2, (32,)))
    trainloader = DataLoader(trainset, batch_size=32, shuffle=True)
    return trainloader, DataLoader(testset, batch_size=32)
# %% model
class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x)
# %% train
def train(net, trainloader, epochs: int, verbose=False):
    \"\"\"Train the network on the training set.\"\"\"
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters())
    net.train()
    for epoch in range(epochs):
        correct, total, epoch_loss = 0, 0, 0.0
        for images, labels in trainloader:
            images, labels = images.to(DEVICE), labels.to(DEVICE)
            optimizer.zero_grad()
            outputs = net(images)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            epoch_loss += loss
            total += labels.size(0)
            correct += (torch.max(outputs.data, 1)[1] == labels).sum().item()
        epoch_loss /= len(trainloader.dataset)
        epoch_acc = correct / total
        if verbose:
            print(f"Epoch {epoch+1}: train loss {epoch_loss}, accuracy {epoch_acc}")
# %% evaluate
def test(net, testloader):
    \"\"\"Evaluate the network on the entire test set.\"\"\"
    criterion = torch.nn.CrossEntropyLoss()
    correct, total, loss = 0, 0, 0.0
    net.eval()
    with torch.no_grad():
        for images, labels in testloader:
            images, labels = images.to(DEVICE), labels.to(DEVICE)
            outputs = net(images)
            loss += criterion(outputs, labels).item()
            _, predicted = torch.max(outputs.data, 1)
            total += labels.size(0)
            correct += (predicted == labels).sum().item()
    loss /= len(testloader.dataset)
    accuracy = correct / total
    return loss, accuracy
# %%
trainloader, testloader = load_datasets()
net = Net().to(DEVICE)

for epoch in range(5):
    train(net, trainloader, 1)
    loss, accuracy = test(net, testloader)
    print(f"Epoch {epoch+1}: validation loss {loss}, accuracy {accuracy}")

loss, accuracy = test(net, testloader)
print(f"Final test set performance:\\n\\tloss {loss}\\n\\taccuracy {accuracy}")
"""

# The MNIST example: per-epoch functions over globals, results printed only.
PER_EPOCH = """
# %%
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
# %% params
n_epochs = 2
batch_size_train = 16
learning_rate = 0.01
log_interval = 10
# %% data
class Digits(torch.utils.data.Dataset):
    def __init__(self, n):
        self.x = torch.randn(n, 5)
        self.y = (self.x.sum(1) > 0).long()
    def __len__(self):
        return len(self.x)
    def __getitem__(self, i):
        return self.x[i], self.y[i]

train_loader = torch.utils.data.DataLoader(Digits(64), batch_size=batch_size_train, shuffle=True)
test_loader = torch.utils.data.DataLoader(Digits(32), batch_size=16)
# %% model
class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.fc = nn.Linear(5, 2)
    def forward(self, x):
        return F.log_softmax(self.fc(x), dim=1)
# %%
network = Net()
optimizer = optim.SGD(network.parameters(), lr=learning_rate)
train_losses = []
train_counter = []
test_losses = []
test_counter = [i*len(train_loader.dataset) for i in range(n_epochs + 1)]
# %% train
def train(epoch):
    network.train()
    for batch_idx, (data, target) in enumerate(train_loader):
        optimizer.zero_grad()
        output = network(data)
        loss = F.nll_loss(output, target)
        loss.backward()
        optimizer.step()
        if batch_idx % log_interval == 0:
            print('Train Epoch: {} Loss: {:.6f}'.format(epoch, loss.item()))
            train_losses.append(loss.item())
            train_counter.append((batch_idx*64) + ((epoch-1)*len(train_loader.dataset)))
# %% evaluate
def test():
    network.eval()
    test_loss = 0
    correct = 0
    with torch.no_grad():
        for data, target in test_loader:
            output = network(data)
            test_loss += F.nll_loss(output, target, reduction='sum').item()
            pred = output.data.max(1, keepdim=True)[1]
            correct += pred.eq(target.data.view_as(pred)).sum()
    test_loss /= len(test_loader.dataset)
    test_losses.append(test_loss)
    print('Test set: Avg. loss: {:.4f}, Accuracy: {}/{} ({:.0f}%)'.format(
        test_loss, correct, len(test_loader.dataset),
        100. * correct / len(test_loader.dataset)))
# %%
test()
for epoch in range(1, n_epochs + 1):
    train(epoch)
    test()
"""

# The quickstart: functions with globals and arguments mixed, driven in one cell.
QUICKSTART = """
# %%
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
# %% data
training_data = TensorDataset(torch.randn(40, 4), torch.randint(0, 2, (40,)))
test_data = TensorDataset(torch.randn(20, 4), torch.randint(0, 2, (20,)))
batch_size = 8
train_dataloader = DataLoader(training_data, batch_size=batch_size)
test_dataloader = DataLoader(test_data, batch_size=batch_size)

for X, y in test_dataloader:
    print(f"Shape of X [N, C, H, W]: {X.shape}")
    break
# %% model
device = torch.accelerator.current_accelerator().type if torch.accelerator.is_available() else "cpu"
class NeuralNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear_relu_stack = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    def forward(self, x):
        return self.linear_relu_stack(x)

model = NeuralNetwork().to(device)
print(model)
# %%
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
# %% train
def train(dataloader, model, loss_fn, optimizer):
    size = len(dataloader.dataset)
    model.train()
    for batch, (X, y) in enumerate(dataloader):
        X, y = X.to(device), y.to(device)
        pred = model(X)
        loss = loss_fn(pred, y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if batch % 100 == 0:
            loss, current = loss.item(), (batch + 1) * len(X)
            print(f"loss: {loss:>7f}  [{current:>5d}/{size:>5d}]")
# %% evaluate
def test(dataloader, model, loss_fn):
    size = len(dataloader.dataset)
    num_batches = len(dataloader)
    model.eval()
    test_loss, correct = 0, 0
    with torch.no_grad():
        for X, y in dataloader:
            X, y = X.to(device), y.to(device)
            pred = model(X)
            test_loss += loss_fn(pred, y).item()
            correct += (pred.argmax(1) == y).type(torch.float).sum().item()
    test_loss /= num_batches
    correct /= size
    print(f"Test Error: \\n Accuracy: {(100*correct):>0.1f}%, Avg loss: {test_loss:>8f} \\n")
# %%
epochs = 2
for t in range(epochs):
    print(f"Epoch {t+1}\\n-------------------------------")
    train(train_dataloader, model, loss_fn, optimizer)
    test(test_dataloader, model, loss_fn)
print("Done!")
# %%
torch.save(model.state_dict(), "model.pth")
model = NeuralNetwork().to(device)
model.load_state_dict(torch.load("model.pth"))
classes = ["A", "B"]
model.eval()
"""

# A competition: a class of settings, folds chosen, helpers for one epoch, AMP.
COMPETITION = """
# %%
import gc
import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader
from tqdm import tqdm
from sklearn.metrics import roc_auc_score

class CFG:
    seed = 42
    lr = 1e-3
    epochs = 2
    train_bs = 16
    valid_bs = 32
    n_features = 4
    fold = 0
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

def set_seed(seed=42):
    np.random.seed(seed)
    torch.manual_seed(seed)

set_seed(CFG.seed)
# %% site
TRAIN_CSV = '../input/train.csv'
# %% data
df = pd.read_csv(TRAIN_CSV)
df['fold'] = np.arange(len(df)) % 5
# %% data
class RowDataset(Dataset):
    def __init__(self, df, transforms=None):
        self.x = df[['a', 'b', 'c', 'd']].values.astype('float32')
        self.y = df['target'].values.astype('float32')
    def __len__(self):
        return len(self.x)
    def __getitem__(self, i):
        return torch.tensor(self.x[i]), torch.tensor(self.y[i])

def prepare_loaders(fold):
    train_df = df.query("fold!=@fold").reset_index(drop=True)
    valid_df = df.query("fold==@fold").reset_index(drop=True)
    train_loader = DataLoader(RowDataset(train_df), batch_size=CFG.train_bs, shuffle=True)
    valid_loader = DataLoader(RowDataset(valid_df), batch_size=CFG.valid_bs)
    return train_loader, valid_loader

train_loader, valid_loader = prepare_loaders(fold=CFG.fold)
# %% model
class Model(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n, 8), nn.ReLU(), nn.Linear(8, 1))
    def forward(self, x):
        return self.net(x).squeeze(1)

def build_model():
    model = Model(CFG.n_features)
    model.to(CFG.device)
    return model
# %%
criterion = nn.BCEWithLogitsLoss()

def train_one_epoch(model, optimizer, scheduler, dataloader, device, epoch):
    model.train()
    dataset_size = 0
    running_loss = 0.0
    bar = tqdm(enumerate(dataloader), total=len(dataloader))
    for step, (data, targets) in bar:
        data, targets = data.to(device), targets.to(device)
        loss = criterion(model(data), targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if scheduler is not None:
            scheduler.step()
        running_loss += (loss.item() * data.size(0))
        dataset_size += data.size(0)
        epoch_loss = running_loss / dataset_size
        bar.set_postfix(Epoch=epoch, Train_Loss=epoch_loss, LR=optimizer.param_groups[0]['lr'])
    gc.collect()
    return epoch_loss
# %% evaluate
@torch.no_grad()
def valid_one_epoch(model, dataloader, device, epoch):
    model.eval()
    scores, ys = [], []
    for data, targets in dataloader:
        scores.append(torch.sigmoid(model(data.to(device))).cpu())
        ys.append(targets)
    epoch_auc = roc_auc_score(torch.cat(ys).numpy(), torch.cat(scores).numpy())
    return epoch_auc
# %% train
def run_training(model, optimizer, scheduler, device, num_epochs):
    best_epoch_auroc = -np.inf
    history = {}
    for epoch in range(1, num_epochs + 1):
        gc.collect()
        train_epoch_loss = train_one_epoch(model, optimizer, scheduler,
                                           dataloader=train_loader,
                                           device=device, epoch=epoch)
    return model, history
# %%
model = build_model()
optimizer = torch.optim.Adam(model.parameters(), lr=CFG.lr)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=500)
model, history = run_training(model, optimizer, scheduler,
                              device=CFG.device,
                              num_epochs=CFG.epochs)
"""

# A chest x-ray course: main guard, argparse-like settings, global best score.
GUARDED = """
# %%
import argparse
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

args = argparse.Namespace(lr=0.01, epochs=2, batch_size=8, hidden=6)
best_acc = 0
# %% data
def get_loaders(batch_size):
    x = torch.randn(48, 3)
    y = (x[:, 0] > 0).long()
    train = DataLoader(TensorDataset(x[:32], y[:32]), batch_size=batch_size, shuffle=True)
    test = DataLoader(TensorDataset(x[32:], y[32:]), batch_size=batch_size)
    return train, test
# %% model
def make_net(hidden):
    return nn.Sequential(nn.Linear(3, hidden), nn.ReLU(), nn.Linear(hidden, 2))
# %% train
def train(net, loader, optimizer, criterion):
    net.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
# %% evaluate
def test(net, loader):
    global best_acc
    net.eval()
    correct = total = 0
    with torch.no_grad():
        for x, y in loader:
            correct += net(x).argmax(1).eq(y).sum().item()
            total += y.size(0)
    acc = 100. * correct / total
    if acc > best_acc:
        best_acc = acc
    return acc
# %%
if __name__ == '__main__':
    train_loader, test_loader = get_loaders(args.batch_size)
    net = make_net(args.hidden)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=args.lr, momentum=0.9)
    for epoch in range(args.epochs):
        train(net, train_loader, optimizer, criterion)
        acc = test(net, test_loader)
        print('''epoch %d
        acc %.2f''' % (epoch, acc))
"""

# Check accuracy twice, model trained by a function that takes everything.
EVERYTHING = """
# %%
import torch
import torch.nn as nn
import numpy as np
from torch.utils.data import DataLoader, TensorDataset, Subset
device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
# %% params
in_channels = 5
num_classes = 3
learning_rate = 1e-2
batch_size = 16
num_epochs = 2
# %% data
dataset = TensorDataset(torch.randn(60, in_channels), torch.randint(0, num_classes, (60,)))
idx = np.arange(60)
train_loader = DataLoader(Subset(dataset, idx[:48]), batch_size=batch_size, shuffle=True)
test_loader = DataLoader(Subset(dataset, idx[48:]), batch_size=batch_size)
# %% model
model = nn.Sequential(nn.Linear(in_channels, 8), nn.Tanh(), nn.Linear(8, num_classes))
model.to(device=device)
# %% train
def train_model(model, train_loader, criterion, optimizer, num_epochs=10, device="cpu"):
    history = {"loss": []}
    best_loss = float("inf")
    for epoch in range(num_epochs):
        losses = []
        for batch_idx, (data, targets) in enumerate(train_loader):
            data = data.to(device=device)
            targets = targets.to(device=device)
            scores = model(data)
            loss = criterion(scores, targets)
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        mean_loss = sum(losses) / len(losses)
        history["loss"].append(mean_loss)
        best_loss = min(best_loss, mean_loss)
        print(f"Cost at epoch {epoch} is {mean_loss}")
    return model, best_loss, history
# %%
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
trained_model, best_loss, history = train_model(model, train_loader, criterion, optimizer, num_epochs, device)
# %% evaluate
def check_accuracy(loader, model):
    num_correct = 0
    num_samples = 0
    model.eval()
    with torch.no_grad():
        for x, y in loader:
            x = x.to(device=device)
            y = y.to(device=device)
            scores = model(x)
            _, predictions = scores.max(1)
            num_correct += (predictions == y).sum()
            num_samples += predictions.size(0)
        print(f'Got {num_correct} / {num_samples} with accuracy {float(num_correct)/float(num_samples)*100:.2f}')
    model.train()
# %%
print("Checking accuracy on Training Set")
check_accuracy(train_loader, trained_model)
print("Checking accuracy on Test Set")
check_accuracy(test_loader, trained_model)
"""

FUNCTION_NOTEBOOKS = {
    "transfer": TRANSFER,
    "centralised": CENTRALISED,
    "per_epoch": PER_EPOCH,
    "quickstart": QUICKSTART,
    "competition": COMPETITION,
    "guarded": GUARDED,
    "everything": EVERYTHING,
}
