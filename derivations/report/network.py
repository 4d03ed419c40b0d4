"""The section of a network: layer by layer, and the theorem that joins the layers."""

import math
from typing import Any, NamedTuple

from derivations.report import document as d
from derivations.report.operation import anchor
from derivations.textbook import THEOREMS
from derivations.verdict import Obligation, Report


class LayerShape(NamedTuple):
    """One layer of a network, with the shapes that pass through it.

    A layer of a repeated block stands for all its `times`, and has the parameters of all.
    """

    name: str
    input: tuple[int, ...]
    output: tuple[int, ...]
    parameters: int
    times: int = 1


class Network(NamedTuple):
    """A network with everything that its section shows.

    Attributes:
      title: What it is called, such as "A classifier of digits".
      layers: Its layers in order, the loss last if there is one.
      report: What the check found; its parts are the layers' reports.
    """

    title: str
    layers: tuple[LayerShape, ...]
    report: Report


def network(title: str, thing: Any, params: Any, x: Any, report: Report) -> Network:
    """Gathers what the section of a network shows.

    Args:
      title: What it is called.
      thing: What was checked: a `functional_nn.Layer` or a `functional_nn.Objective`.
      params: Its parameters, or their shapes.
      x: A batch of inputs, or its `jax.ShapeDtypeStruct`.
      report: What `derivations.check` found.

    Raises:
      ValueError: The report is of another network.
    """
    layers = _shapes(thing, params, x)
    leaves = len(_leaves(report))
    if leaves != len(layers):
        raise ValueError(
            "A network's report has one part a layer. "
            f"Got {leaves} parts for {len(layers)} layers: is it the report of this network?"
        )
    return Network(title, layers, report)


def _shapes(thing: Any, params: Any, x: Any) -> tuple[LayerShape, ...]:
    """Lists the layers with their shapes; networks inside a network are flattened."""
    import jax

    from derivations.composition import inside
    from derivations.same_code import row

    if hasattr(thing, "loss"):
        inner = _shapes(thing.net, params, x)
        outputs = inner[-1].output
        return (*inner, LayerShape(thing.loss.name, outputs, outputs[:-1], 0))
    if thing.name == "repeat":
        times = len(thing.parts)
        return tuple(
            layer._replace(parameters=times * layer.parameters, times=times * layer.times)
            for layer in _shapes(thing.parts[0], row(params), x)
        )
    if thing.parts:
        shapes: list[LayerShape] = []
        for part, part_params, given in inside(thing, params, x):
            shapes += _shapes(part, part_params, given)
        return tuple(shapes)
    output = jax.eval_shape(thing.apply, params, x)
    count = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))
    return (LayerShape(thing.name, tuple(x.shape), tuple(output.shape), count),)


def network_section(shown: Network, sections: frozenset[str] = frozenset()) -> d.Section:
    """Gives the section of a network.

    Args:
      shown: The network.
      sections: The operations that have a section of their own, to link to.
    """
    parts = (
        ("Layer by layer", "layers", _layers(shown, sections)),
        ("What joins the layers", "composition", _composition(shown)),
        ("The chain rule", "chain-rule", _theorems("chain_rule")),
        ("The equations of backpropagation", "equations", _backpropagation()),
    )
    return d.Section(
        shown.title,
        "network",
        tuple(d.Section(title, f"network-{name}", blocks) for title, name, blocks in parts),
        shown.report.verdict,
    )


def _layers(shown: Network, sections: frozenset[str]) -> tuple[Any, ...]:
    rows = []
    leaves = _leaves(shown.report)
    for number, (layer, part) in enumerate(zip(shown.layers, leaves, strict=True), 1):
        linked = layer.name in sections
        name = d.Link(layer.name, anchor(layer.name)) if linked else d.Mono(layer.name)
        rows.append(
            (
                (str(number),),
                (name, f" × {layer.times}" if layer.times > 1 else ""),
                (f"{_shape(layer.input)} → {_shape(layer.output)}",),
                (f"{layer.parameters:,}" if layer.parameters else "none",),
                (d.Badge(part.verdict),),
            )
        )
    total = sum(layer.parameters for layer in shown.layers)
    return (
        d.Table(("Step", "Rule", "Shapes", "Parameters", "Verdict"), tuple(rows)),
        d.Caption((f"{total:,} parameters. Rows are the examples of a batch.",)),
    )


def _composition(shown: Network) -> tuple[Any, ...]:
    return (
        d.Paragraph(
            (
                "Each layer reads the output of the one before, so the derivative of the whole is "
                "the chain rule, used once a layer. The backward pass walks the same path from the "
                "end: where every layer turns the cotangent of its output into that of its input "
                "and of its parameters correctly, so does the whole.",
            )
        ),
        *((d.Verdicts(theorems),) if (theorems := _joined(shown.report)) else ()),
    )


def _joined(report: Report) -> tuple[Obligation, ...]:
    """Gives the theorems of a network, and those of the networks inside it."""
    inside = [o for part in report.parts if part.parts for o in _joined(part)]
    kinds = dict.fromkeys((o.statement, o.scope, o.verdict) for o in report.obligations)
    return (
        *report.obligations,
        *(o for o in inside if (o.statement, o.scope, o.verdict) not in kinds),
    )


def _backpropagation() -> tuple[Any, ...]:
    return (
        d.Paragraph(
            (
                "For dense layers with element-wise activations, the walk is what books call "
                "backpropagation. It is written for one example, with δ for the derivative of the "
                "cost in a layer's z, before its activation. The sum in BP2 is the chain rule over "
                "M paths: an activation reaches the cost through every neuron of the next layer.",
            )
        ),
        *_theorems("backpropagation"),
    )


def _theorems(family: str) -> tuple[Any, ...]:
    blocks: list[Any] = []
    for name, theorem in THEOREMS.items():
        if name.startswith(family):
            conditions = f"Holds if {'; '.join(theorem.conditions)}. "
            blocks += [
                d.Paragraph((d.Strong(f"{theorem.title}."), " ", theorem.description)),
                *map(d.Formula, theorem.equations),
                d.Caption((f"{conditions}{theorem.source}.",)),
            ]
    return tuple(blocks)


def _leaves(report: Report) -> list[Report]:
    if not report.parts:
        return [report]
    return [leaf for part in report.parts for leaf in _leaves(part)]


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "scalar"
