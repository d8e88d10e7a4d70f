"""Notebooks that train in statements at top level, in the manner of public ones."""

# ruff: noqa: E501 - the notebooks are written as their authors write them
from __future__ import annotations

# A first course: everything is a global, metrics are only printed.
COURSE = """
# %%
%matplotlib inline
import numpy as np
import torch
from torch import nn, optim
import torch.nn.functional as F
from torch.utils.data import TensorDataset, DataLoader
import matplotlib.pyplot as plt
torch.manual_seed(7)
# %% data
# 200 patients, 6 values each
X = torch.randn(200, 6)
y = (X[:, 0] > 0).long()
trainset = TensorDataset(X[:150], y[:150])
testset = TensorDataset(X[150:], y[150:])
trainloader = DataLoader(trainset, batch_size=32, shuffle=True)
testloader = DataLoader(testset, batch_size=32)
# %%
images, labels = next(iter(trainloader))
print(images.shape)
plt.imshow(images)
# %% model
class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 16)
        self.fc2 = nn.Linear(16, 2)
        self.dropout = nn.Dropout(p=0.2)

    def forward(self, x):
        x = self.dropout(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
# %%
model = Classifier()
criterion = nn.NLLLoss()
optimizer = optim.Adam(model.parameters(), lr=0.003)
# %% train
epochs = 3
train_losses, test_losses = [], []
for e in range(epochs):
    running_loss = 0
    for images, labels in trainloader:
        optimizer.zero_grad()
        log_ps = model(images)
        loss = criterion(log_ps, labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    else:
        test_loss = 0
        accuracy = 0
        with torch.no_grad():
            model.eval()
            for images, labels in testloader:
                log_ps = model(images)
                test_loss += criterion(log_ps, labels)
                top_p, top_class = torch.exp(log_ps).topk(1, dim=1)
                equals = top_class == labels.view(*top_class.shape)
                accuracy += torch.mean(equals.type(torch.FloatTensor))
        model.train()
        train_losses.append(running_loss / len(trainloader))
        test_losses.append(test_loss / len(testloader))
        print("Epoch: {}/{}.. ".format(e + 1, epochs), "Accuracy: {:.3f}".format(accuracy / len(testloader)))
plt.plot(train_losses, label='Training loss')
plt.legend(frameon=False)
# %% evaluate
model.eval()
correct = 0
total = 0
with torch.no_grad():
    for images, labels in testloader:
        outputs = model(images)
        _, predicted = torch.max(outputs.data, 1)
        total += labels.size(0)
        correct += (predicted == labels).sum().item()
print('Accuracy of the network: %d %%' % (100 * correct / total))
"""

# A segmentation tutorial: transforms, metric objects, best model saved and loaded again.
SEGMENTATION = """
# %%
import os
import tempfile
import torch
import matplotlib.pyplot as plt
from monai.config import print_config
from monai.data import DataLoader, CacheDataset, decollate_batch
from monai.losses import DiceLoss
from monai.metrics import DiceMetric
from monai.networks.nets import UNet
from monai.transforms import AsDiscrete, Compose
from monai.utils import set_determinism
from monai.inferers import sliding_window_inference
print_config()
# %% site
root_dir = "/data/spleen"
# %%
set_determinism(seed=0)
# %%
train_transforms = Compose([AsDiscrete(to_onehot=2)])
val_transforms = Compose([AsDiscrete(to_onehot=2)])
# %% data
data_dicts = [{"image": i, "label": i} for i in range(12)]
train_files, val_files = data_dicts[:-4], data_dicts[-4:]
train_ds = CacheDataset(data=train_files, transform=train_transforms, cache_rate=1.0, num_workers=4)
train_loader = DataLoader(train_ds, batch_size=2, shuffle=True)
val_ds = CacheDataset(data=val_files, transform=val_transforms, cache_rate=1.0)
val_loader = DataLoader(val_ds, batch_size=1)
# %% model
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
model = UNet(
    spatial_dims=2,
    in_channels=1,
    out_channels=2,
    channels=(4, 8),
    strides=(2,),
).to(device)
loss_function = DiceLoss(to_onehot_y=True, softmax=True)
optimizer = torch.optim.Adam(model.parameters(), 1e-4)
dice_metric = DiceMetric(include_background=False, reduction="mean")
# %% train
max_epochs = 2
val_interval = 2
best_metric = -1
best_metric_epoch = -1
epoch_loss_values = []
metric_values = []
post_pred = Compose([AsDiscrete(argmax=True, to_onehot=2)])
post_label = Compose([AsDiscrete(to_onehot=2)])

for epoch in range(max_epochs):
    print("-" * 10)
    print(f"epoch {epoch + 1}/{max_epochs}")
    model.train()
    epoch_loss = 0
    step = 0
    for batch_data in train_loader:
        step += 1
        inputs, labels = (
            batch_data["image"].to(device),
            batch_data["label"].to(device),
        )
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = loss_function(outputs, labels)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item()
        print(f"{step}/{len(train_ds) // train_loader.batch_size}, train_loss: {loss.item():.4f}")
    epoch_loss /= step
    epoch_loss_values.append(epoch_loss)
    print(f"epoch {epoch + 1} average loss: {epoch_loss:.4f}")

    if (epoch + 1) % val_interval == 0:
        model.eval()
        with torch.no_grad():
            for val_data in val_loader:
                val_inputs, val_labels = (
                    val_data["image"].to(device),
                    val_data["label"].to(device),
                )
                val_outputs = sliding_window_inference(val_inputs, (8, 8), 4, model)
                val_outputs = [post_pred(i) for i in decollate_batch(val_outputs)]
                val_labels = [post_label(i) for i in decollate_batch(val_labels)]
                dice_metric(y_pred=val_outputs, y=val_labels)

            metric = dice_metric.aggregate().item()
            dice_metric.reset()
            metric_values.append(metric)
            if metric > best_metric:
                best_metric = metric
                best_metric_epoch = epoch + 1
                torch.save(model.state_dict(), os.path.join(root_dir, "best_metric_model.pth"))
                print("saved new best metric model")
# %%
print(f"train completed, best_metric: {best_metric:.4f} at epoch: {best_metric_epoch}")
plt.figure("train", (12, 6))
plt.plot(epoch_loss_values)
plt.show()
# %% evaluate
model.load_state_dict(torch.load(os.path.join(root_dir, "best_metric_model.pth")))
model.eval()
with torch.no_grad():
    for i, val_data in enumerate(val_loader):
        val_outputs = sliding_window_inference(val_data["image"].to(device), (8, 8), 4, model)
        plt.figure("check", (18, 6))
        plt.title(f"image {i}")
        plt.imshow(val_data["image"][0, 0, :, :])
        plt.show()
        dice_metric(y_pred=[post_pred(i) for i in decollate_batch(val_outputs)],
                    y=[post_label(i) for i in decollate_batch(val_data["label"].to(device))])
    mean_dice = dice_metric.aggregate().item()
    dice_metric.reset()
"""

# A benchmark's getting-started notebook: a dataset class taken out of its package.
BENCHMARK = """
# %%
from tqdm import tqdm
import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
import torch.utils.data as data
import torchvision.transforms as transforms

import medmnist
from medmnist import INFO, Evaluator
# %%
print(f"MedMNIST v{medmnist.__version__} @ {medmnist.HOMEPAGE}")
# %%
data_flag = 'pathmnist'
download = True

NUM_EPOCHS = 3
BATCH_SIZE = 128
lr = 0.001

info = INFO[data_flag]
task = info['task']
n_channels = info['n_channels']
n_classes = len(info['label'])

DataClass = getattr(medmnist, info['python_class'])
# %% data
# preprocessing
data_transform = transforms.Compose([
    transforms.ToTensor(),
    transforms.Normalize(mean=[.5], std=[.5])
])

# load the data
train_dataset = DataClass(split='train', transform=data_transform, download=download)
test_dataset = DataClass(split='test', transform=data_transform, download=download)

# encapsulate data into dataloader form
train_loader = data.DataLoader(dataset=train_dataset, batch_size=BATCH_SIZE, shuffle=True)
train_loader_at_eval = data.DataLoader(dataset=train_dataset, batch_size=2*BATCH_SIZE, shuffle=False)
test_loader = data.DataLoader(dataset=test_dataset, batch_size=2*BATCH_SIZE, shuffle=False)
# %%
print(train_dataset)
train_dataset.montage(length=1)
# %% model
class Net(nn.Module):
    def __init__(self, in_channels, num_classes):
        super(Net, self).__init__()
        self.layer1 = nn.Sequential(
            nn.Conv2d(in_channels, 4, kernel_size=3),
            nn.BatchNorm2d(4),
            nn.ReLU())
        self.fc = nn.Linear(4 * 26 * 26, num_classes)

    def forward(self, x):
        x = self.layer1(x)
        x = x.view(x.size(0), -1)
        return self.fc(x)

model = Net(in_channels=n_channels, num_classes=n_classes)

# define loss function and optimizer
if task == "multi-label, binary-class":
    criterion = nn.BCEWithLogitsLoss()
else:
    criterion = nn.CrossEntropyLoss()

optimizer = optim.SGD(model.parameters(), lr=lr, momentum=0.9)
# %% train
for epoch in range(NUM_EPOCHS):
    train_correct = 0
    train_total = 0
    test_correct = 0
    test_total = 0

    model.train()
    for inputs, targets in tqdm(train_loader):
        # forward + backward + optimize
        optimizer.zero_grad()
        outputs = model(inputs)

        if task == 'multi-label, binary-class':
            targets = targets.to(torch.float32)
            loss = criterion(outputs, targets)
        else:
            targets = targets.squeeze().long()
            loss = criterion(outputs, targets)

        loss.backward()
        optimizer.step()
# %% evaluate
def test(split):
    model.eval()
    y_true = torch.tensor([])
    y_score = torch.tensor([])

    data_loader = train_loader_at_eval if split == 'train' else test_loader

    with torch.no_grad():
        for inputs, targets in data_loader:
            outputs = model(inputs)
            if task == 'multi-label, binary-class':
                targets = targets.to(torch.float32)
                outputs = outputs.softmax(dim=-1)
            else:
                targets = targets.squeeze().long()
                outputs = outputs.softmax(dim=-1)
                targets = targets.float().resize_(len(targets), 1)

            y_true = torch.cat((y_true, targets), 0)
            y_score = torch.cat((y_score, outputs), 0)

        y_true = y_true.numpy()
        y_score = y_score.detach().numpy()

        evaluator = Evaluator(data_flag, split)
        metrics = evaluator.evaluate(y_score)

        print('%s  auc: %.3f  acc:%.3f' % (split, *metrics))

print('==> Evaluating ...')
test('train')
test('test')
"""

# No loader: tensors sliced by hand, a table from a file, scaled with scikit-learn.
TABLE = """
# %%
import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.metrics import accuracy_score, roc_auc_score, confusion_matrix
import seaborn as sns
# %% site
DATA_FILE = 'heart.csv'
# %% data
df = pd.read_csv(DATA_FILE)
# %%
df.head()
df.describe()
sns.pairplot(df)
# %%
df = df.dropna()
df['ratio'] = df['a'] / (df['b'].abs() + 1)
features = [c for c in df.columns if c != 'target']
# %% data
X = df[features].values
y = df['target'].values
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
scaler = StandardScaler()
X_train = scaler.fit_transform(X_train)
X_test = scaler.transform(X_test)
# %%
X_train_t = torch.tensor(X_train, dtype=torch.float32)
y_train_t = torch.tensor(y_train, dtype=torch.float32).unsqueeze(1)
X_test_t = torch.tensor(X_test, dtype=torch.float32)
# %% params
lr = 0.05
n_epochs = 4
batch_size = 16
N_FEATURES = 5
# %% model
model = nn.Sequential(
    nn.Linear(N_FEATURES, 8),
    nn.ReLU(),
    nn.Linear(8, 1),
    nn.Sigmoid(),
)
# %% train
loss_fn = nn.BCELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=lr)
losses = []
for epoch in range(n_epochs):
    permutation = torch.randperm(X_train_t.size()[0])
    for i in range(0, X_train_t.size()[0], batch_size):
        indices = permutation[i:i+batch_size]
        batch_x, batch_y = X_train_t[indices], y_train_t[indices]
        y_pred = model(batch_x)
        loss = loss_fn(y_pred, batch_y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    losses.append(loss.item())
    print(f'Finished epoch {epoch}, latest loss {loss}')
# %% evaluate
model.eval()
with torch.no_grad():
    y_prob = model(X_test_t).squeeze().numpy()
y_hat = (y_prob > 0.5).astype(int)
acc = accuracy_score(y_test, y_hat)
auc = roc_auc_score(y_test, y_prob)
cm = confusion_matrix(y_test, y_hat)
print(acc, auc)
sns.heatmap(cm, annot=True)
"""

# Two modules: a generator and a discriminator, weights initialised by hand.
GAN = """
# %%
import random
import torch
import torch.nn as nn
import torch.optim as optim
import torchvision.utils as vutils
import matplotlib.pyplot as plt
manualSeed = 999
random.seed(manualSeed)
torch.manual_seed(manualSeed)
# %% params
batch_size = 16
nz = 8
ngf = 4
num_epochs = 1
lr = 0.0002
beta1 = 0.5
# %% data
images = torch.rand(64, 12)
dataloader = torch.utils.data.DataLoader(images, batch_size=batch_size, shuffle=True)
device = torch.device("cpu")
# %%
real_batch = next(iter(dataloader))
plt.figure(figsize=(8, 8))
plt.show()
# %%
def weights_init(m):
    classname = m.__class__.__name__
    if classname.find('Linear') != -1:
        nn.init.normal_(m.weight.data, 0.0, 0.02)
# %% model
class Generator(nn.Module):
    def __init__(self):
        super(Generator, self).__init__()
        self.main = nn.Sequential(nn.Linear(nz, ngf), nn.ReLU(True), nn.Linear(ngf, 12), nn.Tanh())

    def forward(self, input):
        return self.main(input)

netG = Generator().to(device)
netG.apply(weights_init)
print(netG)
# %% model
class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(nn.Linear(12, 1), nn.Sigmoid())

    def forward(self, input):
        return self.main(input)

netD = Discriminator().to(device)
netD.apply(weights_init)
# %%
criterion = nn.BCELoss()
fixed_noise = torch.randn(16, nz, device=device)
real_label = 1.
fake_label = 0.
optimizerD = optim.Adam(netD.parameters(), lr=lr, betas=(beta1, 0.999))
optimizerG = optim.Adam(netG.parameters(), lr=lr, betas=(beta1, 0.999))
# %% train
img_list = []
G_losses = []
D_losses = []
iters = 0

print("Starting Training Loop...")
for epoch in range(num_epochs):
    for i, data in enumerate(dataloader, 0):
        netD.zero_grad()
        real_cpu = data.to(device)
        b_size = real_cpu.size(0)
        label = torch.full((b_size,), real_label, dtype=torch.float, device=device)
        output = netD(real_cpu).view(-1)
        errD_real = criterion(output, label)
        errD_real.backward()
        noise = torch.randn(b_size, nz, device=device)
        fake = netG(noise)
        label.fill_(fake_label)
        output = netD(fake.detach()).view(-1)
        errD_fake = criterion(output, label)
        errD_fake.backward()
        errD = errD_real + errD_fake
        optimizerD.step()
        netG.zero_grad()
        label.fill_(real_label)
        output = netD(fake).view(-1)
        errG = criterion(output, label)
        errG.backward()
        optimizerG.step()
        G_losses.append(errG.item())
        D_losses.append(errD.item())
        if (iters % 500 == 0) or ((epoch == num_epochs-1) and (i == len(dataloader)-1)):
            with torch.no_grad():
                fake = netG(fixed_noise).detach().cpu()
            img_list.append(vutils.make_grid(fake, padding=2, normalize=True))
        iters += 1
# %%
plt.figure(figsize=(10, 5))
plt.plot(G_losses, label="G")
plt.show()
"""

# An autoencoder of two parts, mixed precision, a scheduler, several cells of training.
AUTOENCODER = """
# %%
import torch
from torch import nn
from torch.utils.data import DataLoader, random_split
import numpy as np
from tqdm.notebook import tqdm
# %% params
EPOCHS = 2
LATENT = 3
LR = 1e-3
# %%
device = 'cuda' if torch.cuda.is_available() else 'cpu'
use_amp = torch.cuda.is_available()
# %% data
full = torch.rand(96, 10)
train_set, val_set = random_split(full, [80, 16], generator=torch.Generator().manual_seed(42))
# %%
train_dl = DataLoader(train_set, batch_size=16, shuffle=True)
val_dl = DataLoader(val_set, batch_size=16)
# %% model
class Encoder(nn.Module):
    def __init__(self, latent):
        super().__init__()
        self.net = nn.Linear(10, latent)
    def forward(self, x):
        return self.net(x)

class Decoder(nn.Module):
    def __init__(self, latent):
        super().__init__()
        self.net = nn.Linear(latent, 10)
    def forward(self, z):
        return self.net(z)
# %%
encoder = Encoder(LATENT).to(device)
decoder = Decoder(LATENT).to(device)
params_to_optimize = [
    {'params': encoder.parameters()},
    {'params': decoder.parameters()}
]
optim = torch.optim.AdamW(params_to_optimize, lr=LR, weight_decay=1e-05)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optim, max_lr=LR, steps_per_epoch=len(train_dl), epochs=EPOCHS)
scaler = torch.cuda.amp.GradScaler(enabled=use_amp)
loss_fn = torch.nn.MSELoss()
# %% train
diz_loss = {'train_loss': [], 'val_loss': []}
for epoch in range(EPOCHS):
    encoder.train()
    decoder.train()
    train_loss = []
    for batch in tqdm(train_dl, leave=False):
        optim.zero_grad()
        with torch.cuda.amp.autocast(enabled=use_amp):
            loss = loss_fn(decoder(encoder(batch.to(device))), batch.to(device))
        scaler.scale(loss).backward()
        scaler.step(optim)
        scaler.update()
        scheduler.step()
        train_loss.append(loss.detach().cpu().numpy())
    mean_train_loss = np.mean(train_loss)
    diz_loss['train_loss'].append(mean_train_loss)
    print('EPOCH {}/{} train loss {:.3f}'.format(epoch + 1, EPOCHS, mean_train_loss))
# %% evaluate
encoder.eval()
decoder.eval()
with torch.no_grad():
    conc_out = []
    conc_label = []
    for image_batch in val_dl:
        image_batch = image_batch.to(device)
        conc_out.append(decoder(encoder(image_batch)).cpu())
        conc_label.append(image_batch.cpu())
    conc_out = torch.cat(conc_out)
    conc_label = torch.cat(conc_label)
    val_loss = loss_fn(conc_out, conc_label)
"""

STATEMENT_NOTEBOOKS = {
    "course": COURSE,
    "segmentation": SEGMENTATION,
    "benchmark": BENCHMARK,
    "table": TABLE,
    "gan": GAN,
    "autoencoder": AUTOENCODER,
}
