"""Notebooks with the habits that make slicing hard, in the manner of public ones."""

# ruff: noqa: E501 - the notebooks are written as their authors write them
from __future__ import annotations

# A transformer for segmentation: functions over globals, a step counter handed around.
STEPS = """
# %%
import os
import torch
from tqdm import tqdm
from monai.data import DataLoader, CacheDataset, decollate_batch
from monai.losses import DiceLoss
from monai.metrics import DiceMetric
from monai.networks.nets import UNet
from monai.transforms import AsDiscrete
from monai.inferers import sliding_window_inference
# %%
directory = os.environ.get("MONAI_DATA_DIRECTORY")
root_dir = "." if directory is None else directory
print(root_dir)
# %% site
split_json = "dataset_0.json"
# %% data
datalist = list(range(8))
train_loader = DataLoader(CacheDataset(data=datalist), batch_size=2, shuffle=True)
val_loader = DataLoader(CacheDataset(data=datalist[:2]), batch_size=1)
# %%
os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
# %% model
model = UNet(in_channels=1, out_channels=2).to(device)
# %%
loss_function = DiceLoss(to_onehot_y=True, softmax=True)
torch.backends.cudnn.benchmark = True
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=1e-5)
# %% train
def validation(epoch_iterator_val):
    model.eval()
    with torch.no_grad():
        for batch in epoch_iterator_val:
            val_inputs, val_labels = (batch["image"].to(device), batch["label"].to(device))
            val_outputs = sliding_window_inference(val_inputs, (8, 8), 4, model)
            val_output_convert = [post_pred(t) for t in decollate_batch(val_outputs)]
            val_labels_convert = [post_label(t) for t in decollate_batch(val_labels)]
            dice_metric(y_pred=val_output_convert, y=val_labels_convert)
            epoch_iterator_val.set_description("Validate (%d / %d Steps)" % (global_step, 10.0))
        mean_dice_val = dice_metric.aggregate().item()
        dice_metric.reset()
    return mean_dice_val


def train(global_step, train_loader, dice_val_best, global_step_best):
    model.train()
    epoch_loss = 0
    step = 0
    epoch_iterator = tqdm(train_loader, desc="Training (X / X Steps) (loss=X.X)", dynamic_ncols=True)
    for step, batch in enumerate(epoch_iterator):
        step += 1
        x, y = (batch["image"].to(device), batch["label"].to(device))
        logit_map = model(x)
        loss = loss_function(logit_map, y)
        loss.backward()
        epoch_loss += loss.item()
        optimizer.step()
        optimizer.zero_grad()
        if (global_step % eval_num == 0 and global_step != 0) or global_step == max_iterations:
            epoch_iterator_val = tqdm(val_loader, desc="Validate (X / X Steps) (dice=X.X)", dynamic_ncols=True)
            dice_val = validation(epoch_iterator_val)
            epoch_loss /= step
            epoch_loss_values.append(epoch_loss)
            metric_values.append(dice_val)
            if dice_val > dice_val_best:
                dice_val_best = dice_val
                global_step_best = global_step
        global_step += 1
    return global_step, dice_val_best, global_step_best


max_iterations = 6
eval_num = 3
post_label = AsDiscrete(to_onehot=2)
post_pred = AsDiscrete(argmax=True, to_onehot=2)
dice_metric = DiceMetric(include_background=True, reduction="mean", get_not_nans=False)
global_step = 0
dice_val_best = 0.0
global_step_best = 0
epoch_loss_values = []
metric_values = []
while global_step < max_iterations:
    global_step, dice_val_best, global_step_best = train(global_step, train_loader, dice_val_best, global_step_best)
model.load_state_dict(model.state_dict())
# %% evaluate
dice = validation(tqdm(val_loader))
"""

# A course with a helper for accuracy, cells in the order in which they were tried.
COURSE_BOOK = """
# %%
import time
import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

if torch.cuda.is_available():
    torch.backends.cudnn.deterministic = True
# %%
##########################
### SETTINGS
##########################

# Device
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")

# Hyperparameters
random_seed = 123
learning_rate = 0.05
num_epochs = 2
batch_size = 16

# Architecture
num_features = 6
num_classes = 3
# %% data
x = torch.randn(90, num_features)
y = torch.randint(0, num_classes, (90,))
train_loader = DataLoader(dataset=TensorDataset(x[:60], y[:60]), batch_size=batch_size, shuffle=True)
test_loader = DataLoader(dataset=TensorDataset(x[60:], y[60:]), batch_size=batch_size, shuffle=False)

# Checking the dataset
for images, labels in train_loader:
    print('Image batch dimensions:', images.shape)
    break
# %% model
class MultilayerPerceptron(torch.nn.Module):

    def __init__(self, num_features, num_classes):
        super(MultilayerPerceptron, self).__init__()
        self.linear_1 = torch.nn.Linear(num_features, 8)
        self.linear_out = torch.nn.Linear(8, num_classes)

    def forward(self, x):
        out = F.relu(self.linear_1(x))
        logits = self.linear_out(out)
        probas = F.log_softmax(logits, dim=1)
        return logits, probas


torch.manual_seed(random_seed)
model = MultilayerPerceptron(num_features=num_features,
                             num_classes=num_classes)
model = model.to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
# %%
def compute_accuracy(net, data_loader):
    net.eval()
    correct_pred, num_examples = 0, 0
    with torch.no_grad():
        for features, targets in data_loader:
            features = features.view(-1, num_features).to(device)
            targets = targets.to(device)
            logits, probas = net(features)
            _, predicted_labels = torch.max(probas, 1)
            num_examples += targets.size(0)
            correct_pred += (predicted_labels == targets).sum()
        return correct_pred.float()/num_examples * 100
# %% train
start_time = time.time()
for epoch in range(num_epochs):
    model.train()
    for batch_idx, (features, targets) in enumerate(train_loader):
        features = features.view(-1, num_features).to(device)
        targets = targets.to(device)
        logits, probas = model(features)
        cost = F.cross_entropy(logits, targets)
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
        if not batch_idx % 50:
            print ('Epoch: %03d/%03d | Batch %03d/%03d | Cost: %.4f'
                   %(epoch+1, num_epochs, batch_idx,
                     len(train_loader), cost))
    with torch.set_grad_enabled(False):
        print('Epoch: %03d/%03d training accuracy: %.2f%%' % (
              epoch+1, num_epochs,
              compute_accuracy(model, train_loader)))
print('Total Training Time: %.2f min' % ((time.time() - start_time)/60))
# %% evaluate
print('Test accuracy: %.2f%%' % (compute_accuracy(model, test_loader)))
"""

# Losses and accuracies returned by both functions, the best model saved and loaded.
BEST_SAVED = """
# %%
import copy
import os
import random
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
import torch.utils.data as data

SEED = 1234
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)
torch.backends.cudnn.deterministic = True
# %% site
ROOT = 'weights'
# %% data
full = data.TensorDataset(torch.randn(80, 4), torch.randint(0, 2, (80,)))
VALID_RATIO = 0.9
train_data, test_data = data.random_split(full, [64, 16])
n_train_examples = int(len(train_data) * VALID_RATIO)
n_valid_examples = len(train_data) - n_train_examples
train_data, valid_data = data.random_split(train_data, [n_train_examples, n_valid_examples])
valid_data = copy.deepcopy(valid_data)
# %%
BATCH_SIZE = 16
train_iterator = data.DataLoader(train_data, shuffle=True, batch_size=BATCH_SIZE)
valid_iterator = data.DataLoader(valid_data, batch_size=BATCH_SIZE)
test_iterator = data.DataLoader(test_data, batch_size=BATCH_SIZE)
# %% model
class MLP(nn.Module):
    def __init__(self, input_dim, output_dim):
        super().__init__()
        self.input_fc = nn.Linear(input_dim, 8)
        self.output_fc = nn.Linear(8, output_dim)

    def forward(self, x):
        h_1 = F.relu(self.input_fc(x))
        return self.output_fc(h_1), h_1
# %%
INPUT_DIM = 2 * 2
OUTPUT_DIM = 2
model = MLP(INPUT_DIM, OUTPUT_DIM)

def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)

print(f'The model has {count_parameters(model):,} trainable parameters')

optimizer = optim.Adam(model.parameters())
criterion = nn.CrossEntropyLoss()
device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
model = model.to(device)
criterion = criterion.to(device)
# %%
def calculate_accuracy(y_pred, y):
    top_pred = y_pred.argmax(1, keepdim=True)
    correct = top_pred.eq(y.view_as(top_pred)).sum()
    acc = correct.float() / y.shape[0]
    return acc
# %% train
def train(model, iterator, optimizer, criterion, device):
    epoch_loss = 0
    epoch_acc = 0
    model.train()
    for (x, y) in iterator:
        x = x.to(device)
        y = y.to(device)
        optimizer.zero_grad()
        y_pred, _ = model(x)
        loss = criterion(y_pred, y)
        acc = calculate_accuracy(y_pred, y)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item()
        epoch_acc += acc.item()
    return epoch_loss / len(iterator), epoch_acc / len(iterator)
# %% evaluate
def evaluate(model, iterator, criterion, device):
    epoch_loss = 0
    epoch_acc = 0
    model.eval()
    with torch.no_grad():
        for (x, y) in iterator:
            x = x.to(device)
            y = y.to(device)
            y_pred, _ = model(x)
            loss = criterion(y_pred, y)
            acc = calculate_accuracy(y_pred, y)
            epoch_loss += loss.item()
            epoch_acc += acc.item()
    return epoch_loss / len(iterator), epoch_acc / len(iterator)
# %%
def epoch_time(start_time, end_time):
    elapsed_time = end_time - start_time
    elapsed_mins = int(elapsed_time / 60)
    elapsed_secs = int(elapsed_time - (elapsed_mins * 60))
    return elapsed_mins, elapsed_secs
# %%
EPOCHS = 2
best_valid_loss = float('inf')
for epoch in range(EPOCHS):
    start_time = time.monotonic()
    train_loss, train_acc = train(model, train_iterator, optimizer, criterion, device)
    valid_loss, valid_acc = evaluate(model, valid_iterator, criterion, device)
    if valid_loss < best_valid_loss:
        best_valid_loss = valid_loss
        torch.save(model.state_dict(), os.path.join(ROOT, 'tut1-model.pt'))
    end_time = time.monotonic()
    epoch_mins, epoch_secs = epoch_time(start_time, end_time)
    print(f'Epoch: {epoch+1:02} | Epoch Time: {epoch_mins}m {epoch_secs}s')
    print(f'\\tTrain Loss: {train_loss:.3f} | Train Acc: {train_acc*100:.2f}%')
# %%
model.load_state_dict(torch.load('tut1-model.pt'))
test_loss, test_acc = evaluate(model, test_iterator, criterion, device)
print(f'Test Loss: {test_loss:.3f} | Test Acc: {test_acc*100:.2f}%')
"""

# Results as a dictionary that holds a name too; a helper module beside the notebook.
RESULTS = """
# %%
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from tqdm.auto import tqdm
from helper_functions import accuracy_fn, print_train_time
from timeit import default_timer as timer
device = "cuda" if torch.cuda.is_available() else "cpu"
# %% data
BATCH_SIZE = 32
train_data = TensorDataset(torch.randn(64, 10), torch.randint(0, 3, (64,)))
test_data = TensorDataset(torch.randn(32, 10), torch.randint(0, 3, (32,)))
train_dataloader = DataLoader(train_data, batch_size=BATCH_SIZE, shuffle=True)
test_dataloader = DataLoader(test_data, batch_size=BATCH_SIZE, shuffle=False)
class_names = ["a", "b", "c"]
# %% model
class ModelV0(nn.Module):
    def __init__(self, input_shape: int, hidden_units: int, output_shape: int):
        super().__init__()
        self.layer_stack = nn.Sequential(
            nn.Flatten(),
            nn.Linear(in_features=input_shape, out_features=hidden_units),
            nn.Linear(in_features=hidden_units, out_features=output_shape),
        )
    def forward(self, x):
        return self.layer_stack(x)

torch.manual_seed(42)
model_0 = ModelV0(input_shape=10, hidden_units=10, output_shape=3)
model_0.to("cpu")
# %%
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(params=model_0.parameters(), lr=0.1)
# %% train
torch.manual_seed(42)
train_time_start_on_cpu = timer()
epochs = 2
for epoch in tqdm(range(epochs)):
    print(f"Epoch: {epoch}\\n-------")
    train_loss = 0
    for batch, (X, y) in enumerate(train_dataloader):
        model_0.train()
        y_pred = model_0(X)
        loss = loss_fn(y_pred, y)
        train_loss += loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    train_loss /= len(train_dataloader)
    test_loss, test_acc = 0, 0
    model_0.eval()
    with torch.inference_mode():
        for X, y in test_dataloader:
            test_pred = model_0(X)
            test_loss += loss_fn(test_pred, y)
            test_acc += accuracy_fn(y_true=y, y_pred=test_pred.argmax(dim=1))
        test_loss /= len(test_dataloader)
        test_acc /= len(test_dataloader)
train_time_end_on_cpu = timer()
total_train_time_model_0 = print_train_time(start=train_time_start_on_cpu,
                                           end=train_time_end_on_cpu,
                                           device=str(next(model_0.parameters()).device))
# %% evaluate
torch.manual_seed(42)
def eval_model(model: torch.nn.Module,
               data_loader: torch.utils.data.DataLoader,
               loss_fn: torch.nn.Module,
               accuracy_fn):
    loss, acc = 0, 0
    model.eval()
    with torch.inference_mode():
        for X, y in data_loader:
            y_pred = model(X)
            loss += loss_fn(y_pred, y)
            acc += accuracy_fn(y_true=y, y_pred=y_pred.argmax(dim=1))
        loss /= len(data_loader)
        acc /= len(data_loader)
    return {"model_name": model.__class__.__name__,
            "model_loss": loss.item(),
            "model_acc": acc}

model_0_results = eval_model(model=model_0, data_loader=test_dataloader,
    loss_fn=loss_fn, accuracy_fn=accuracy_fn
)
model_0_results
"""

# A trainer class, settings in a dictionary, folders made on the way.
TRAINER = """
# %%
import os
import copy
import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader
config = {"lr": 0.01, "epochs": 2, "batch_size": 8, "save_dir": "checkpoints"}
config["device"] = "cuda" if torch.cuda.is_available() else "cpu"
save_dir = config["save_dir"]
if not os.path.exists(save_dir):
    os.makedirs(save_dir)
# %% data
class Signals(Dataset):
    def __init__(self, n, transform=None):
        self.items = [(torch.randn(4), i % 2) for i in range(n)]
        self.transform = transform
    def __len__(self):
        return len(self.items)
    def __getitem__(self, i):
        x, y = self.items[i]
        return (self.transform(x) if self.transform else x), y
# %%
scale = lambda x: x * 2
train_dataset = Signals(32, transform=scale)
valid_dataset = Signals(16)
train_loader = DataLoader(train_dataset, batch_size=config["batch_size"], shuffle=True)
valid_loader = DataLoader(valid_dataset, batch_size=config["batch_size"])
# %% model
class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 8)
    def forward(self, x):
        return torch.relu(self.fc(x))

class Classifier(Backbone):
    def __init__(self, classes=2):
        super().__init__()
        self.head = nn.Linear(8, classes)
    def forward(self, x):
        return self.head(super().forward(x))
# %%
model = Classifier()
if torch.cuda.device_count() > 1:
    model = nn.DataParallel(model)
model.to(config["device"])
for name, p in model.named_parameters():
    if "bias" in name:
        p.requires_grad = False
# %% train
class AverageMeter:
    def __init__(self):
        self.reset()
    def reset(self):
        self.sum, self.count, self.avg = 0, 0, 0
    def update(self, val, n=1):
        self.sum += val * n
        self.count += n
        self.avg = self.sum / self.count

class Trainer:
    def __init__(self, model, loaders, criterion, optimizer, config):
        self.model, self.loaders = model, loaders
        self.criterion, self.optimizer = criterion, optimizer
        self.config = config
    def step(self, batch):
        x, y = (t.to(self.config["device"]) for t in batch)
        return self.criterion(self.model(x), y)
    def fit(self, epochs):
        for epoch in range(epochs):
            meter = AverageMeter()
            for batch in self.loaders["train"]:
                loss = self.step(batch)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                meter.update(loss.item(), len(batch[0]))
        torch.save(self.model.state_dict(), os.path.join(save_dir, "last.pt"))
        return meter.avg
# %%
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(filter(lambda p: p.requires_grad, model.parameters()), lr=config["lr"])
trainer = Trainer(model, {"train": train_loader}, criterion, optimizer, config)
final_loss = trainer.fit(config["epochs"])
# %% evaluate
model.eval()
meter = AverageMeter()
hits = 0
with torch.no_grad():
    for x, y in valid_loader:
        out = model(x.to(config["device"]))
        meter.update(criterion(out, y.to(config["device"])).item(), len(x))
        hits += (out.argmax(1).cpu() == y).sum().item()
valid_loss = meter.avg
valid_acc = hits / len(valid_dataset)
"""

# Tables, class weights, several losses, early stopping, globals changed in functions.
EARLY = """
# %%
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.utils.class_weight import compute_class_weight
# %% params
LEARNING_RATE: float = 3e-2  # of Adam
EPOCHS, PATIENCE = 3, 2
HIDDEN = [8, 4]
# %% site
TABLE_FILE = "table.csv"
# %%
def read(path):
    import pandas as pd
    table = pd.read_csv(path)
    return table.drop(columns="target").values.astype("float32"), table["target"].values
# %% data
features, targets = read(TABLE_FILE)
order = np.random.RandomState(0).permutation(len(features))
train_idx, test_idx = order[:45], order[45:]
class_weights = compute_class_weight("balanced", classes=np.unique(targets), y=targets)
train_dl = DataLoader(TensorDataset(torch.tensor(features[train_idx]), torch.tensor(targets[train_idx])), batch_size=15, shuffle=True)
X_test, y_test = torch.tensor(features[test_idx]), targets[test_idx]
# %% model
layers = []
width = 4
for h in HIDDEN:
    layers += [nn.Linear(width, h), nn.ReLU()]
    width = h
layers.append(nn.Linear(width, 2))
net = nn.Sequential(*layers)
# %%
DEVICE = torch.device("cpu")
net = net.to(DEVICE)
weights = torch.tensor(class_weights, dtype=torch.float32)
criterion = nn.CrossEntropyLoss(weight=weights)
l1_weight = 1e-5
# %%
best_loss = np.inf
counter = 0
best_state = None

def l1(module):
    return sum(p.abs().sum() for p in module.parameters())

def should_stop(loss):
    global best_loss, counter
    if loss < best_loss:
        best_loss = loss
        counter = 0
    else:
        counter += 1
    return counter >= PATIENCE
# %% train
opt = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
sched = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, patience=1)
history = {"loss": []}
for epoch in range(EPOCHS):
    net.train()
    total_loss, seen = 0.0, 0
    for xb, yb in train_dl:
        opt.zero_grad()
        logits = net(xb.to(DEVICE))
        loss = criterion(logits, yb.to(DEVICE)) + l1_weight * l1(net)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        total_loss += loss.item() * len(xb)
        seen += len(xb)
    mean_loss = total_loss / seen
    sched.step(mean_loss)
    history["loss"].append(mean_loss)
    if should_stop(mean_loss):
        print("stopping early at", epoch)
        break
# %% evaluate
with torch.no_grad():
    net.eval()
    scores = torch.softmax(net(X_test.to(DEVICE)), 1)[:, 1].numpy()
predicted = (scores > 0.5).astype(int)
results = {
    "f1": f1_score(y_test, predicted),
    "auc": roc_auc_score(y_test, scores),
}
print(results)
"""

# The evaluation uses another name for the model, and loads what training saved.
OTHER_NAME = """
# %%
import torch, copy
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
# %% data
ds = TensorDataset(torch.randn(40, 3), torch.randn(40, 1))
loader = DataLoader(ds, batch_size=10, shuffle=True)
# %% model
class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 1)
    def forward(self, x):
        return self.fc(x)
# %% train
model = Regressor()
model.fc = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loss_fn = nn.MSELoss()
best = float("inf")
best_model = None
for epoch in range(2):
    epoch_loss = 0.0
    for x, y in loader:
        loss = loss_fn(model(x), y)
        optimizer.zero_grad(); loss.backward(); optimizer.step()
        epoch_loss += loss.item() / len(loader)
    if epoch_loss < best:
        best = epoch_loss
        best_model = copy.deepcopy(model)
torch.save(best_model.state_dict(), "best.pt")
# %% evaluate
restored = Regressor()
restored.load_state_dict(torch.load("best.pt"))
restored.eval()
with torch.no_grad():
    x, y = next(iter(loader))
    mse = loss_fn(restored(x), y).item()
    mae = (restored(x) - y).abs().mean()
"""

HABIT_NOTEBOOKS = {
    "steps": STEPS,
    "course_book": COURSE_BOOK,
    "best_saved": BEST_SAVED,
    "results": RESULTS,
    "trainer": TRAINER,
    "early": EARLY,
    "other_name": OTHER_NAME,
}
HELPERS = {
    "helper_functions.py": '''"""Helpers of the course."""
import torch


def accuracy_fn(y_true, y_pred):
    correct = torch.eq(y_true, y_pred).sum().item()
    return (correct / len(y_pred)) * 100


def print_train_time(start, end, device=None):
    print(f"Train time on {device}: {end - start:.3f} seconds")
    return end - start
'''
}
