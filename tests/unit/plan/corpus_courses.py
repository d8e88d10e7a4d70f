"""Notebooks of courses, competitions and frameworks, in the manner of public ones."""

# ruff: noqa: E501 - the notebooks are written as their authors write them
from __future__ import annotations

# A course that hides steps in a base class and moves everything with helpers of its own.
STEPS_IN_CLASS = """
# %%
import os
import torch, torch.nn as nn, torch.nn.functional as F
import torchvision
from torchvision.datasets import ImageFolder
from torchvision.transforms import ToTensor
from torch.utils.data import random_split, DataLoader
import matplotlib.pyplot as plt
data_dir = './data/xray'
# %% data
dataset = ImageFolder(data_dir+'/train', transform=ToTensor())
val_size = 4
torch.manual_seed(43)
train_ds, val_ds = random_split(dataset, [len(dataset)-val_size, val_size])
batch_size=8
train_dl = DataLoader(train_ds, batch_size, shuffle=True, num_workers=0, pin_memory=False)
val_dl = DataLoader(val_ds, batch_size*2)
# %%
def show_example(img, label):
    plt.imshow(img.permute(1, 2, 0))
show_example(*dataset[0])
# %% model
def accuracy(outputs, labels):
    _, preds = torch.max(outputs, dim=1)
    return torch.tensor(torch.sum(preds == labels).item() / len(preds))

class ImageClassificationBase(nn.Module):
    def training_step(self, batch):
        images, labels = batch
        return F.cross_entropy(self(images), labels)
    def validation_step(self, batch):
        images, labels = batch
        out = self(images)
        return {'val_loss': F.cross_entropy(out, labels).detach(), 'val_acc': accuracy(out, labels)}
    def validation_epoch_end(self, outputs):
        batch_losses = [x['val_loss'] for x in outputs]
        epoch_loss = torch.stack(batch_losses).mean()   # Combine losses
        epoch_acc = torch.stack([x['val_acc'] for x in outputs]).mean()
        return {'val_loss': epoch_loss.item(), 'val_acc': epoch_acc.item()}
    def epoch_end(self, epoch, result):
        print("Epoch [{}], val_loss: {:.4f}".format(epoch, result['val_loss']))

class Cnn(ImageClassificationBase):
    def __init__(self):
        super().__init__()
        self.network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 2))
    def forward(self, xb):
        return self.network(xb)
# %% train
@torch.no_grad()
def evaluate(model, val_loader):
    model.eval()
    outputs = [model.validation_step(batch) for batch in val_loader]
    return model.validation_epoch_end(outputs)

def fit(epochs, lr, model, train_loader, val_loader, opt_func=torch.optim.SGD):
    history = []
    optimizer = opt_func(model.parameters(), lr)
    for epoch in range(epochs):
        # Training Phase
        model.train()
        train_losses = []
        for batch in train_loader:
            loss = model.training_step(batch)
            train_losses.append(loss)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        # Validation phase
        result = evaluate(model, val_loader)
        model.epoch_end(epoch, result)
        history.append(result)
    return history
# %%
def get_default_device():
    if torch.cuda.is_available():
        return torch.device('cuda')
    else:
        return torch.device('cpu')

def to_device(data, device):
    if isinstance(data, (list,tuple)):
        return [to_device(x, device) for x in data]
    return data.to(device, non_blocking=True)

class DeviceDataLoader():
    def __init__(self, dl, device):
        self.dl = dl
        self.device = device
    def __iter__(self):
        for b in self.dl:
            yield to_device(b, self.device)
    def __len__(self):
        return len(self.dl)

device = get_default_device()
train_dl = DeviceDataLoader(train_dl, device)
val_dl = DeviceDataLoader(val_dl, device)
# %%
model = to_device(Cnn(), device)
history = [evaluate(model, val_dl)]
num_epochs = 1
opt_func = torch.optim.Adam
lr = 0.001
history += fit(num_epochs, lr, model, train_dl, val_dl, opt_func)
# %% evaluate
result = evaluate(model, val_dl)
result
"""

# Segmentation of files in a folder: only the dataset class is marked as data.
FILES = """
# %%
import os, glob, numpy as np, torch
from torch import nn
from torch.utils.data import Dataset, DataLoader, random_split
import torchvision.transforms as T
# %% site
IMG_DIR = "images"
# %%
image_paths = sorted(glob.glob(os.path.join(IMG_DIR, "*")))
print(len(image_paths))
# %% data
class SegDataset(Dataset):
    def __init__(self, images, transform=None):
        self.images, self.transform = images, transform
    def __len__(self):
        return max(len(self.images), 10)
    def __getitem__(self, i):
        x = self.transform(torch.rand(1, 6, 6))
        return x, (x > 0.5).float()
# %%
tfm = T.Compose([T.Resize((64, 64)), T.ToTensor()])
full = SegDataset(image_paths, tfm)
n_val = int(len(full) * 0.2)
train_ds, val_ds = random_split(full, [len(full) - n_val, n_val])
train_dl = DataLoader(train_ds, 4, shuffle=True)
val_dl = DataLoader(val_ds, 4)
# %% model
def double_conv(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.ReLU())
class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.d1 = double_conv(1, 4)
        self.out = nn.Conv2d(4, 1, 1)
    def forward(self, x):
        return self.out(self.d1(x))
# %%
device = "cuda" if torch.cuda.is_available() else "cpu"
unet = UNet().to(device)
opt = torch.optim.Adam(unet.parameters(), 1e-3)
bce = nn.BCEWithLogitsLoss()
def dice_score(pred, target, eps=1e-6):
    pred = (torch.sigmoid(pred) > 0.5).float()
    return (2 * (pred * target).sum() + eps) / (pred.sum() + target.sum() + eps)
# %% train
for epoch in range(2):
    unet.train()
    epoch_loss = 0
    for imgs, masks in train_dl:
        imgs, masks = imgs.to(device), masks.to(device)
        loss = bce(unet(imgs), masks)
        opt.zero_grad(); loss.backward(); opt.step()
        epoch_loss += loss.item()
    print(f"Epoch {epoch}: {epoch_loss / len(train_dl):.4f}")
# %% evaluate
unet.eval()
dices = []
with torch.no_grad():
    for imgs, masks in val_dl:
        dices.append(dice_score(unet(imgs.to(device)).cpu(), masks).item())
print("Mean Dice:", np.mean(dices))
"""

# A dog-breed project: loaders in a dictionary, the path of the best weights handed around.
PROJECT = """
# %%
import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
import torchvision.models as models
from torchvision import datasets, transforms
use_cuda = torch.cuda.is_available()
# %% data
tf = transforms.Compose([transforms.Resize(224), transforms.ToTensor()])
folders = {name: datasets.ImageFolder('images/' + name, tf) for name in ('train', 'valid', 'test')}
loaders_transfer = {
    name: torch.utils.data.DataLoader(folder, batch_size=4, shuffle=name == 'train')
    for name, folder in folders.items()
}
# %% model
model_transfer = models.resnet18(pretrained=True)
for param in model_transfer.parameters():
    param.requires_grad = False
model_transfer.fc = nn.Linear(model_transfer.fc.in_features, 2)
if use_cuda:
    model_transfer = model_transfer.cuda()
# %%
criterion_transfer = nn.CrossEntropyLoss()
optimizer_transfer = optim.SGD(model_transfer.fc.parameters(), lr=0.001)
# %% train
def train(n_epochs, loaders, model, optimizer, criterion, use_cuda, save_path):
    \"\"\"returns trained model\"\"\"
    valid_loss_min = np.inf
    for epoch in range(1, n_epochs+1):
        train_loss = 0.0
        valid_loss = 0.0
        model.train()
        for batch_idx, (data, target) in enumerate(loaders['train']):
            if use_cuda:
                data, target = data.cuda(), target.cuda()
            optimizer.zero_grad()
            loss = criterion(model(data), target)
            loss.backward()
            optimizer.step()
            train_loss = train_loss + ((1 / (batch_idx + 1)) * (loss.data - train_loss))
        model.eval()
        for batch_idx, (data, target) in enumerate(loaders['valid']):
            valid_loss += ((1 / (batch_idx + 1)) * (criterion(model(data), target).data - valid_loss))
        if valid_loss <= valid_loss_min:
            torch.save(model.state_dict(), save_path)
            valid_loss_min = valid_loss
    return model

model_transfer = train(2, loaders_transfer, model_transfer, optimizer_transfer, criterion_transfer, use_cuda, 'model_transfer.pt')
# %%
model_transfer.load_state_dict(torch.load('model_transfer.pt'))
# %% evaluate
def test(loaders, model, criterion, use_cuda):
    test_loss = 0.
    correct = 0.
    total = 0.
    model.eval()
    for batch_idx, (data, target) in enumerate(loaders['test']):
        output = model(data)
        loss = criterion(output, target)
        test_loss = test_loss + ((1 / (batch_idx + 1)) * (loss.data - test_loss))
        pred = output.data.max(1, keepdim=True)[1]
        correct += np.sum(np.squeeze(pred.eq(target.data.view_as(pred))).cpu().numpy())
        total += data.size(0)
    print('Test Loss: {:.6f}\\n'.format(test_loss))
    print('\\nTest Accuracy: %2d%% (%2d/%2d)' % (100. * correct / total, correct, total))

test(loaders_transfer, model_transfer, criterion_transfer, use_cuda)
"""

# The manual way: no optimizer, no loader, weights of a module stepped by hand.
BY_HAND = """
# %%
import math, random, time
import torch
import torch.nn as nn
# %% data
n = 40
x_train = torch.linspace(-1, 1, n).unsqueeze(1)
y_train = x_train ** 2
x_valid, y_valid = x_train[::4], y_train[::4]
# %% model
class Poly(nn.Module):
    def __init__(self, degree=3):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(degree + 1))
    def forward(self, x):
        return sum(w * x ** i for i, w in enumerate(self.w)) if False else self.w[0] + self.w[1] * x + self.w[2] * x ** 2
model = Poly()
# %% train
bs, lr, epochs = 10, 0.1, 3
loss_func = nn.functional.mse_loss
start = time.time()
for epoch in range(epochs):
    for i in range((n - 1) // bs + 1):
        start_i = i * bs
        end_i = start_i + bs
        xb = x_train[start_i:end_i]
        yb = y_train[start_i:end_i]
        pred = model(xb)
        loss = loss_func(pred, yb)
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= p.grad * lr
            model.zero_grad()
took = time.time() - start
# %% evaluate
with torch.no_grad():
    model.eval()
    valid_loss = loss_func(model(x_valid), y_valid)
print(valid_loss, "RMSE:", math.sqrt(valid_loss))
"""

# Sequences: an encoder and a decoder trained by nested functions, pairs drawn at random.
SEQUENCES = """
# %%
from __future__ import unicode_literals, print_function, division
import random
import time
import math
import torch
import torch.nn as nn
from torch import optim
import torch.nn.functional as F

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
SOS_token = 0
EOS_token = 1
MAX_LENGTH = 4
# %% data
def readPairs():
    pairs = [([2, 3, 1], [3, 2, 1]), ([3, 1], [2, 1]), ([2, 1], [3, 1])]
    return 5, 5, pairs

n_input, n_output, pairs = readPairs()
print(random.choice(pairs))
# %% params
hidden_size = 8
VOCABULARY = 5
# %% model
class EncoderRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super(EncoderRNN, self).__init__()
        self.hidden_size = hidden_size
        self.embedding = nn.Embedding(input_size, hidden_size)
        self.gru = nn.GRU(hidden_size, hidden_size)

    def forward(self, input, hidden):
        embedded = self.embedding(input).view(1, 1, -1)
        return self.gru(embedded, hidden)

    def initHidden(self):
        return torch.zeros(1, 1, self.hidden_size, device=device)

class DecoderRNN(nn.Module):
    def __init__(self, hidden_size, output_size):
        super().__init__()
        self.embedding = nn.Embedding(output_size, hidden_size)
        self.gru = nn.GRU(hidden_size, hidden_size)
        self.out = nn.Linear(hidden_size, output_size)

    def forward(self, input, hidden):
        output = F.relu(self.embedding(input).view(1, 1, -1))
        output, hidden = self.gru(output, hidden)
        return F.log_softmax(self.out(output[0]), dim=1), hidden
# %%
def tensorFromWords(words):
    return torch.tensor(words, dtype=torch.long, device=device).view(-1, 1)

def tensorsFromPair(pair):
    return (tensorFromWords(pair[0]), tensorFromWords(pair[1]))

teacher_forcing_ratio = 0.5
# %% train
def train(input_tensor, target_tensor, encoder, decoder, encoder_optimizer, decoder_optimizer, criterion, max_length=MAX_LENGTH):
    encoder_hidden = encoder.initHidden()
    encoder_optimizer.zero_grad()
    decoder_optimizer.zero_grad()
    loss = 0
    for ei in range(input_tensor.size(0)):
        encoder_output, encoder_hidden = encoder(input_tensor[ei], encoder_hidden)
    decoder_input = torch.tensor([[SOS_token]], device=device)
    decoder_hidden = encoder_hidden
    use_teacher_forcing = True if random.random() < teacher_forcing_ratio else False
    for di in range(target_tensor.size(0)):
        decoder_output, decoder_hidden = decoder(decoder_input, decoder_hidden)
        loss += criterion(decoder_output, target_tensor[di])
        decoder_input = target_tensor[di] if use_teacher_forcing else decoder_output.topk(1)[1].squeeze().detach()
    loss.backward()
    encoder_optimizer.step()
    decoder_optimizer.step()
    return loss.item() / target_tensor.size(0)

def asMinutes(s):
    m = math.floor(s / 60)
    return '%dm %ds' % (m, s - m * 60)

def trainIters(encoder, decoder, n_iters, print_every=1000, learning_rate=0.01):
    start = time.time()
    print_loss_total = 0
    encoder_optimizer = optim.SGD(encoder.parameters(), lr=learning_rate)
    decoder_optimizer = optim.SGD(decoder.parameters(), lr=learning_rate)
    training_pairs = [tensorsFromPair(random.choice(pairs)) for i in range(n_iters)]
    criterion = nn.NLLLoss()
    for iter in range(1, n_iters + 1):
        input_tensor, target_tensor = training_pairs[iter - 1]
        print_loss_total += train(input_tensor, target_tensor, encoder, decoder, encoder_optimizer, decoder_optimizer, criterion)
        if iter % print_every == 0:
            print('%s (%d) %.4f' % (asMinutes(time.time() - start), iter, print_loss_total / print_every))
            print_loss_total = 0
# %%
encoder1 = EncoderRNN(VOCABULARY, hidden_size).to(device)
attn_decoder1 = DecoderRNN(hidden_size, VOCABULARY).to(device)
trainIters(encoder1, attn_decoder1, 6, print_every=2)
"""

COURSE_NOTEBOOKS = {
    "steps_in_class": STEPS_IN_CLASS,
    "files": FILES,
    "project": PROJECT,
    "by_hand": BY_HAND,
    "sequences": SEQUENCES,
}
