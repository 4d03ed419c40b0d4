"""The section of a network: layer by layer, and the theorem that joins the layers."""

import math
from typing import Any, NamedTuple

from derivations.report import document as d
from derivations.report.operation import anchor
from derivations.textbook import THEOREMS
from derivations.verdict import Report


class LayerShape(NamedTuple):
    """One layer of a network, with the shapes that pass through it."""

    name: str
    input: tuple[int, ...]
    output: tuple[int, ...]
    parameters: int


class Network(NamedTuple):
    """A network with everything that its section shows.

    Attributes:
      title: What it is called, such as "A classifier of digits".
      layers: Its layers in order, as `layer_shapes` gives them.
      report: What the check found; its parts are the layers' reports.
    """

    title: str
    layers: tuple[LayerShape, ...]
    report: Report


def layer_shapes(layer: Any, params: Any, x: Any) -> tuple[LayerShape, ...]:
    """Lists the layers of a network with their shapes; nested networks are flattened.

    Args:
      layer: A `functional_nn.Layer`.
      params: Its parameters, or their shapes.
      x: A batch of inputs, or its `jax.ShapeDtypeStruct`.
    """
    import jax

    if layer.parts:
        shapes: list[LayerShape] = []
        for part, part_params in zip(layer.parts, params, strict=True):
            shapes += layer_shapes(part, part_params, x)
            x = jax.eval_shape(part.apply, part_params, x)
        return tuple(shapes)
    output = jax.eval_shape(layer.apply, params, x)
    count = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))
    return (LayerShape(layer.name, tuple(x.shape), tuple(output.shape), count),)


def network_section(network: Network, sections: frozenset[str] = frozenset()) -> d.Section:
    """Gives the section of a network.

    Args:
      network: The network.
      sections: The operations that have a section of their own, to link to.
    """
    return d.Section(
        network.title,
        "network",
        (
            d.Section("Layer by layer", "network-layers", _layers(network, sections)),
            d.Section("What joins the layers", "network-composition", _composition(network)),
            d.Section("The equations of backpropagation", "network-equations", _backpropagation()),
        ),
        network.report.verdict,
    )


def _layers(network: Network, sections: frozenset[str]) -> tuple[Any, ...]:
    leaves = _leaves(network.report)
    if len(leaves) != len(network.layers):
        raise ValueError(
            "A network's report has one part a layer. "
            f"Got {len(leaves)} parts for {len(network.layers)} layers."
        )
    rows = []
    for number, (layer, part) in enumerate(zip(network.layers, leaves, strict=True), 1):
        linked = layer.name in sections
        name = d.Link(layer.name, anchor(layer.name)) if linked else d.Mono(layer.name)
        rows.append(
            (
                (str(number),),
                (name,),
                (f"{_shape(layer.input)} → {_shape(layer.output)}",),
                (f"{layer.parameters:,}" if layer.parameters else "none",),
                (d.Badge(part.verdict),),
            )
        )
    header = ("Layer", "Rule", "Shapes", "Parameters", "Verdict")
    total = sum(layer.parameters for layer in network.layers)
    return (
        d.Paragraph((f"{len(network.layers)} layers, {total:,} parameters.",)),
        d.Table(header, tuple(rows)),
    )


def _composition(network: Network) -> tuple[Any, ...]:
    theorem = THEOREMS["chain_rule_case_1"]
    blocks: list[Any] = [
        d.Paragraph(
            (
                "A network in series reads each layer's output as the next layer's input. Its "
                "derivative is the chain rule for one path, used once a layer:",
            )
        ),
        *_theorem(theorem),
        d.Paragraph(
            (
                "The backward pass walks the same path from the end. Where every layer turns the "
                "cotangent of its output into that of its input and of its parameters correctly, "
                "so does the whole, at any depth.",
            )
        ),
    ]
    if network.report.obligations:
        blocks.append(d.Verdicts(network.report.obligations))
    return tuple(blocks)


def _backpropagation() -> tuple[Any, ...]:
    blocks: list[Any] = [
        d.Paragraph(
            (
                "For dense layers with element-wise activations, this walk is what books call "
                "backpropagation, written for one example with δ for the derivative of the cost in "
                "a layer's z, before its activation:",
            )
        )
    ]
    for name, theorem in THEOREMS.items():
        if name.startswith("backpropagation"):
            blocks += [d.Paragraph((d.Strong(f"{theorem.title}. "), theorem.description))]
            blocks += _theorem(theorem)
    return tuple(blocks)


def _theorem(theorem: Any) -> list[Any]:
    conditions = f"If {' and '.join(theorem.conditions)}. "
    formulas = [d.Formula(equation) for equation in theorem.equations]
    return [*formulas, d.Caption((f"{conditions}{theorem.source}.",))]


def _leaves(report: Report) -> list[Report]:
    if not report.parts:
        return [report]
    return [leaf for part in report.parts for leaf in _leaves(part)]


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "scalar"
