"""A site's side: one message to train, one to evaluate."""

from __future__ import annotations

import torch
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from ordinary.task import EXAMPLES, build_model, evaluate, load_data, train

app = ClientApp()


def _prepared(message: Message, context: Context) -> tuple[torch.nn.Module, torch.Tensor, ...]:
    torch.set_num_threads(int(context.node_config["torch-threads"]))
    width, layers = int(context.run_config["width"]), int(context.run_config["layers"])
    model = build_model(width, layers)
    model.load_state_dict(message.content["arrays"].to_torch_state_dict())
    return model, *load_data(width, int(context.run_config["seed"]))


@app.train()
def on_train(message: Message, context: Context) -> Message:
    model, inputs, targets = _prepared(message, context)
    train(model, inputs, targets)
    content = {
        "arrays": ArrayRecord(model.state_dict()),
        "metrics": MetricRecord({"num-examples": EXAMPLES}),
    }
    return Message(RecordDict(content), reply_to=message)


@app.evaluate()
def on_evaluate(message: Message, context: Context) -> Message:
    model, inputs, targets = _prepared(message, context)
    found = {"num-examples": EXAMPLES, "error": evaluate(model, inputs, targets)}
    return Message(RecordDict({"metrics": MetricRecord(found)}), reply_to=message)
