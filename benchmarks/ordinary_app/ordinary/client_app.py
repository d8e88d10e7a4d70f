"""A site's side: one message to train, one to evaluate."""

from __future__ import annotations

import torch
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from ordinary.work import Site, work_of

app = ClientApp()


def _prepared(message: Message, context: Context) -> tuple[torch.nn.Module, Site]:
    torch.set_num_threads(int(context.node_config["torch-threads"]))
    work = work_of(context.run_config)
    model = work.build_model(context.run_config)
    model.load_state_dict(message.content["arrays"].to_torch_state_dict())
    return model, work.Site(context.run_config, context.node_config)


@app.train()
def on_train(message: Message, context: Context) -> Message:
    model, site = _prepared(message, context)
    examples = site.train(model, int(message.content["config"]["server-round"]))
    content = {
        "arrays": ArrayRecord(model.state_dict()),
        "metrics": MetricRecord({"num-examples": examples}),
    }
    return Message(RecordDict(content), reply_to=message)


@app.evaluate()
def on_evaluate(message: Message, context: Context) -> Message:
    model, site = _prepared(message, context)
    examples, value = site.evaluate(model)
    metric = work_of(context.run_config).METRIC
    found = MetricRecord({"num-examples": examples, metric: value})
    return Message(RecordDict({"metrics": found}), reply_to=message)
