"""A training step in PyTorch, eager and compiled, and in scikit-learn."""

import importlib
from typing import Any

import numpy as np
from figures.workloads import Start


def torch_step(begin: Start, *, compiled: bool) -> tuple[Any, Any]:
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    nn = torch.nn
    activation = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU, "tanh": nn.Tanh}[begin.work.activation]
    layers: list[Any] = []
    for w, b in begin.weights:
        linear = nn.Linear(*w.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(w.T.copy()))
            linear.bias.copy_(torch.tensor(b))
        layers += [linear, activation()]
    model = nn.Sequential(*layers[:-1])
    loss = nn.CrossEntropyLoss()
    kind = torch.optim.SGD if begin.optimizer == "SGD" else torch.optim.Adam
    optimizer = kind(model.parameters(), lr=0.01 if begin.optimizer == "SGD" else 1e-3)
    x, y = torch.tensor(begin.x), torch.tensor(begin.y, dtype=torch.long)

    def forward(x: Any, y: Any) -> Any:
        return loss(model(x), y)

    run = torch.compile(forward) if compiled else forward

    def step(state: Any, *_: Any) -> tuple[Any, Any]:
        optimizer.zero_grad()
        value = run(x, y)
        value.backward()
        optimizer.step()
        return state, value.detach()

    return step, ()


def sklearn_steps(begin: Start) -> tuple[Any, Any]:
    """All steps of a turn in one call: what a call looks at first takes longer than a step."""
    networks = importlib.import_module("sklearn.neural_network")
    model = networks.MLPClassifier(
        begin.work.widths[1:-1],
        activation={"sigmoid": "logistic"}.get(begin.work.activation, begin.work.activation),
        solver=begin.optimizer.lower(),
        alpha=0.0,
        batch_size=begin.work.batch,
        learning_rate_init=0.01 if begin.optimizer == "SGD" else 1e-3,
        momentum=0.0,
        shuffle=False,
        random_state=0,
    )
    model.partial_fit(begin.x, begin.y, classes=list(range(begin.work.widths[-1])))
    for own, (w, b) in enumerate(begin.weights):
        model.coefs_[own][...] = w
        model.intercepts_[own][...] = b
    batches = [np.concatenate([own] * begin.work.calls) for own in (begin.x, begin.y)]

    def steps(state: Any, *_: Any) -> tuple[Any, Any]:
        model.partial_fit(*batches)
        return state, model.loss_

    return steps, ()
