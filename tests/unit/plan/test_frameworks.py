"""Trainers of frameworks: Lightning's, for a round in earnest; others, as far as the text goes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nbfed.plan import plan
from nbfed.program import Program

from .notebooks import notebook
from .running import Site, numbers

LIGHTNING = """
# %%
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split
import lightning as L
from lightning.pytorch.callbacks import EarlyStopping
# %% data
class Rows(L.LightningDataModule):
    def __init__(self, batch_size=8):
        super().__init__()
        self.batch_size = batch_size

    def setup(self, stage=None):
        x = torch.linspace(-1, 1, 240).reshape(60, 4)
        rows = TensorDataset(x, (x[:, 0] > 0).long())
        fixed = torch.Generator().manual_seed(0)
        self.train_rows, self.val_rows = random_split(rows, [40, 20], generator=fixed)

    def train_dataloader(self):
        return DataLoader(self.train_rows, batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.val_rows, batch_size=self.batch_size)

dm = Rows()
# %% model
class Lit(L.LightningModule):
    def __init__(self, lr=0.1):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Linear(4, 2)

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = nn.functional.cross_entropy(self(x), y)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.log("val_loss", nn.functional.cross_entropy(self(x), y))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)
# %% train
L.seed_everything(1)
def main():
    lit = Lit(lr=0.2)
    trainer = L.Trainer(max_epochs=2, accelerator="cpu", enable_progress_bar=False,
                        callbacks=[EarlyStopping(monitor="val_loss")])
    trainer.fit(lit, datamodule=dm)
    return trainer, lit

trainer, lit = main()
# %% evaluate
trainer.validate(ckpt_path="best", datamodule=dm)
"""


def planned(text: str) -> tuple[Program, dict[str, str]]:
    program, problems = plan(*notebook(text), {})
    assert program is not None, problems
    return program, {problem.code: problem.hint for problem in problems}


@pytest.mark.filterwarnings("ignore")  # the library's own advice
def test_lightning_trains_from_the_weights_of_the_round(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    program, told = planned(LIGHTNING)
    assert "NBF326" in told
    assert program.train_examples == program.evaluate_examples == "dm"
    site = Site(program, {}, tmp_path)
    first = {name: value.clone() for name, value in site.model.state_dict().items()}
    before = numbers(site.evaluate())
    site.train()
    assert numbers(site.evaluate())["val_loss"] < before["val_loss"]
    site.model.load_state_dict(first)  # the weights of a round, not those of a checkpoint
    assert numbers(site.evaluate()) == before


def test_a_split_of_every_round_is_told() -> None:
    _, told = planned(LIGHTNING.replace(", generator=fixed", ""))
    assert "generator=" in told["NBF310"]
    assert "NBF310" not in planned(LIGHTNING)[1]


TRANSFORMERS = """
# %%
import evaluate
import numpy as np
from datasets import load_dataset
from transformers import AutoModelForSequenceClassification, Trainer, TrainingArguments
# %% data
rows = load_dataset("imdb")
test_rows, train_rows = rows["test"].select(range(9)), rows["train"].select(range(9))
# %% model
model = AutoModelForSequenceClassification.from_pretrained("bert-base-uncased", num_labels=2)
# %%
metric = evaluate.load("accuracy")
def compute_metrics(predictions):
    logits, labels = predictions
    return metric.compute(predictions=np.argmax(logits, axis=-1), references=labels)
arguments = TrainingArguments(output_dir="out", num_train_epochs=1)
trainer = Trainer(model=model, args=arguments, eval_dataset=test_rows, train_dataset=train_rows,
                  compute_metrics=compute_metrics)
# %% train
trainer.train()
# %% evaluate
trainer.evaluate()
"""


def test_the_trainer_of_transformers_gets_the_model_of_the_round() -> None:
    program, _ = planned(TRANSFORMERS)
    assert program.train_examples == "train_rows"
    assert "model" in {argument.name for argument in program.train.arguments}
    assert program.evaluate is not None
    assert program.evaluate.mapping == "metrics"
    assert "model" in {argument.name for argument in program.evaluate.arguments}


OWN_ENGINE = """
# %%
import torch
from torch import nn
class Engine:
    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    def evaluate(self, loader):
        return sum(self.model(x).sum().item() for x in loader)
    def train(self, loader):
        for x in loader:
            self.model(x).sum().backward()
            self.optimizer.step()
# %% data
held_out, rows = torch.load("a.pt"), torch.load("b.pt")
# %% model
model = nn.Linear(2, 1)
# %% train
engine = Engine(model)
for epoch in range(2):
    score = engine.evaluate(held_out)
    engine.train(rows)
"""


def test_examples_are_those_of_the_loop_in_a_method() -> None:
    assert planned(OWN_ENGINE)[0].train_examples == "rows"
