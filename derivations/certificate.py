"""A report with its evidence, as one JSON document that `verifier.py` re-checks without JAX.

| field | what it holds |
|---|---|
| `format`, `version` | `"derivations certificate"` and the number of this table, 1 |
| `made_with` | the versions of this package, JAX, python-flint and Python |
| `indices` | `[name, size]` of each index variable; `"#3"` elsewhere is number 3 of these |
| `nodes` | `[op, args, data]` of each node of `graph.py`; `args` are numbers of earlier nodes |
| `tensors` | `[name, shape, kind, near]` of each input; elsewhere by number |
| `report` | the report, below |
| `digest` | SHA-256 of the document without this field (`digest`): it finds damage, no forger |

A report has `subject`, `kind`, `verdict`, `code` (SHA-256 of the jaxprs with the constants that
they capture, or null for a network), `arguments` (`[name, dtype, shape]`), `obligations` and
`parts`. An obligation has `name`, `statement`, `verdict`, `ground`, `scope`, `assumptions`,
`reason`, `details`, `witness` and `evidence`, a list whose entries have a `kind`:

| kind | of which verdict | what it holds |
|---|---|---|
| `equal` | `PROVED` | `pairs` of nodes (`output`, `at`, `found`, `truth`, `regions`), `tensors`, |
| | | `arguments`, `sizes`, `symbolic` and the `scope` that they speak for |
| `differ` | `REFUTED` | the same with one pair, and a `point`: `position`, `sizes`, `inputs` |
| `types` | `PROVED`, `REFUTED` | `what` (shape or dtype) and triples (name, found, true) |
| `executed` | `EXACT` | `accounts`: for each trial its seed, its primes, and what its bound is of |
| `follows` | any but `REFUTED` | `names` of the obligations from which it follows |
| `boundaries` | `PROVED`, | `graphs` that were searched, the `count` of boundaries, and |
| | `REFUTED` | on each an exact point with the derivatives there (`kinks`), of `scalar`, and |
| | | the cotangents' expressions (`rule`) |

Numbers are exact rationals as strings. A size is a whole number, or a name that stands for all.
"""

import hashlib
import json
import platform
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import jax
import numpy as np
from jax.extend import core

from derivations.evidence import Boundaries, Compare, Executed, Follows, Types
from derivations.graph import At, Dim, Index, Node
from derivations.refute import Tensor
from derivations.subject import Subject
from derivations.trace import double_precision, in_double_precision
from derivations.verdict import Obligation, Report, Verdict

FORMAT, VERSION = "derivations certificate", 1
_ADDRESS = re.compile(r" at 0x[0-9a-f]+|<function [^>]*>")


def to_certificate(report: Report) -> str:
    """Gives the certificate of a report, as JSON."""
    table = _Table()
    told = _report(report, table)
    document = {
        "format": FORMAT,
        "version": VERSION,
        "made_with": _versions(),
        "indices": [[i.name, i.size] for i in table.indices],
        "nodes": table.nodes,
        "tensors": table.tensors,
        "report": told,
    }
    return json.dumps(document | {"digest": digest(document)}, ensure_ascii=False)


def digest(document: dict[str, Any]) -> str:
    """Gives the SHA-256 of a document without its digest, written with sorted keys."""
    rest = {key: value for key, value in document.items() if key != "digest"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _versions() -> dict[str, str]:
    try:
        own = version("functional-nn")
    except PackageNotFoundError:
        own = "not installed"
    return {
        "derivations": own,
        "jax": jax.__version__,
        "python-flint": version("python-flint"),
        "python": platform.python_version(),
    }


class _Table:
    """Nodes, index variables and inputs, each written once and called by its number."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.indices: list[Index] = []
        self.tensors: list[Any] = []
        self._node: dict[Node, int] = {}
        self._index: dict[Index, int] = {}
        self._tensor: dict[Any, int] = {}

    def node(self, root: Node) -> int:
        """Gives the number of a node; those below it have smaller ones."""
        stack = [root]
        while stack:
            here = stack[-1]
            waiting = [a for a in here.args if a not in self._node]
            if here in self._node or not waiting:
                stack.pop()
                if here not in self._node:
                    args = [self._node[a] for a in here.args]
                    self._node[here] = len(self.nodes)
                    self.nodes.append([here.op, args, self._data(here)])
            else:
                stack += waiting
        return self._node[root]

    def at(self, at: At) -> int | str:
        """Gives a position: a number, or an index variable's number after a #."""
        if isinstance(at, int):
            return at
        if at not in self._index:
            self._index[at] = len(self.indices)
            self.indices.append(at)
        return f"#{self._index[at]}"

    def tensor(self, tensor: Tensor) -> int:
        """Gives the number of an input."""
        near = None if tensor.near is None else str(tensor.near)
        key = (tensor.name, tensor.shape, tensor.kind, near)
        if key not in self._tensor:
            self._tensor[key] = len(self.tensors)
            self.tensors.append([tensor.name, list(tensor.shape), tensor.kind, near])
        return self._tensor[key]

    def _data(self, node: Node) -> Any:
        match node.op:
            case "const":
                return str(node.data)
            case "entry":
                tensor, at, numbers = node.data
                return [tensor, [self.at(i) for i in at], numbers]
            case "index" | "sum" | "rmax":
                return self.at(node.data)
            case "argmax":
                return [self.at(i) for i in node.data]
            case "compare":
                return list(node.data)
            case "apply":
                name, slots, at = node.data
                return [name, [[self.at(i) for i in s] for s in slots], [self.at(i) for i in at]]
            case _:
                return node.data


def _report(report: Report, table: _Table) -> dict[str, Any]:
    source: Subject | None = report.source
    return {
        "subject": report.subject,
        "kind": report.kind,
        "verdict": str(report.verdict),
        "code": None if source is None else code_hashes(source),
        "arguments": []
        if source is None
        else [
            [name, str(shape.dtype), [_dim(d) for d in shape.shape]]
            for name, shape in zip(source.names, source.shapes, strict=True)
        ],
        "obligations": [_obligation(o, table) for o in report.obligations],
        "parts": [_report(part, table) for part in report.parts],
    }


def _dim(dim: Any) -> Dim:
    return dim if isinstance(dim, int) else str(dim)


def _obligation(obligation: Obligation, table: _Table) -> dict[str, Any]:
    witness = obligation.witness
    evidence = () if obligation.verdict is Verdict.UNDECIDED else obligation.evidence or ()
    return {
        "name": obligation.name,
        "statement": obligation.statement,
        "verdict": str(obligation.verdict),
        "ground": obligation.ground,
        "scope": obligation.scope,
        "assumptions": list(obligation.assumptions),
        "reason": obligation.reason,
        "details": list(obligation.details),
        "witness": None if witness is None else witness._asdict(),
        "evidence": [_evidence(e, obligation, table) for e in evidence],
    }


def _evidence(evidence: Any, obligation: Obligation, table: _Table) -> dict[str, Any]:
    match evidence:
        case Compare():
            return _compared(evidence, obligation, table)
        case Types(what, compared):
            rows = [[name, list(found), list(truth)] for name, found, truth in compared]
            return {"kind": "types", "what": what, "compared": rows}
        case Executed(comparison):
            return {"kind": "executed", "accounts": list(map(_account, comparison.accounts))}
        case Follows(names):
            return {"kind": "follows", "names": list(names)}
        case Boundaries():
            return _boundaries(evidence, table)
    raise TypeError(f"evidence is a class of derivations.evidence. Got {evidence!r}")


def _compared(evidence: Compare, obligation: Obligation, table: _Table) -> dict[str, Any]:
    witness = obligation.witness if obligation.verdict is Verdict.REFUTED else None
    result = {
        "kind": "equal" if witness is None else "differ",
        "pairs": [
            {
                "output": pair.output,
                "at": [table.at(i) for i in pair.at],
                "found": table.node(pair.found),
                "truth": table.node(pair.truth),
                "regions": pair.regions,
            }
            for pair in evidence.pairs
        ],
        "tensors": [table.tensor(t) for t in evidence.tensors],
        "arguments": evidence.arguments,
        "sizes": dict(evidence.sizes),
        "symbolic": evidence.symbolic,
        "scope": evidence.scope,
    }
    if witness is not None:
        suffix = witness.output.removeprefix(evidence.pairs[0].output)
        position = json.loads(suffix or "[]")
        result["point"] = {
            "position": position,
            "sizes": _sizes(evidence.tensors, witness.inputs),
            "inputs": witness.inputs,
        }
    return result


def _sizes(tensors: Sequence[Tensor], inputs: dict[str, Any]) -> dict[str, int]:
    """Reads the numbers that stand for named sizes off the inputs."""
    sizes: dict[str, int] = {}
    for tensor in tensors:
        inside = inputs[tensor.name]
        for dim in tensor.shape:
            if isinstance(dim, str):
                sizes[dim] = len(inside)
            inside = inside[0] if len(inside) else []
    return sizes


def _account(account: Any) -> dict[str, Any]:
    return {
        "seed": account.seed,
        "primes": list(account.primes),
        "attempts": account.attempts,
        "outputs": [[list(a), list(b)] for a, b in account.outputs],
        "variables": {name: _claims(claims) for name, claims in sorted(account.variables.items())},
        "ties": _claims(account.ties),
        "factor": account.factor,
        "irrational": account.irrational,
        "pool": account.pool,
        "bound": account.bound,
    }


def _claims(claims: Iterable[Any]) -> list[Any]:
    """Gives how many values there are of each degree, in the order in which they were met."""
    counts: dict[Any, int] = {}
    for claim in claims:
        counts[claim.degree] = counts.get(claim.degree, 0) + claim.entries
    return [[entries, list(degree)] for degree, entries in counts.items()]


def _boundaries(evidence: Boundaries, table: _Table) -> dict[str, Any]:
    return {
        "kind": "boundaries",
        "count": evidence.met,
        "graphs": [table.node(n) for n in evidence.graphs],
        "rule": [
            {"argument": name, "at": [table.at(i) for i in at], "node": table.node(node)}
            for name, at, node in evidence.rule
        ],
        "scalar": None if evidence.scalar is None else table.node(evidence.scalar),
        "kinks": [
            {**kink._asdict(), "sizes": _sizes(evidence.tensors, kink.inputs)}
            for kink in evidence.kinks
        ],
        "tensors": [table.tensor(t) for t in evidence.tensors],
    }


# --- the code -----------------------------------------------------------------------------------


def code_hashes(subject: Subject) -> dict[str, str]:
    """Gives the SHA-256 of the primal's jaxpr, of the forward pass's and of the backward pass's.

    It is of the text of the jaxpr and of the arrays that it captures. What cannot be traced has
    the error instead.
    """
    with double_precision():
        avals = [in_double_precision(s) for s in subject.shapes]

        def pulled(*everything: Any) -> list[Any]:
            count = len(avals)
            return list(subject.pull(everything[:count], everything[count:]))

        def of(function: Any, *more: Any) -> str:
            try:
                return _hash(jax.make_jaxpr(function)(*avals, *more))
            except Exception as error:  # whatever the code raises
                return f"not traced: {type(error).__name__}"

        try:
            outputs = jax.eval_shape(subject.primal, *avals)
        except Exception:  # likewise; each line below says so
            outputs = []
        return {
            "primal": of(subject.primal),
            "fwd": of(subject.value),
            "bwd": of(pulled, *outputs),
        }


def _hash(closed: Any) -> str:
    result = hashlib.sha256(_ADDRESS.sub("", str(closed.jaxpr)).encode())
    for constant in _constants(closed):
        array = np.asarray(constant)
        result.update(f"{array.dtype}{array.shape}".encode())
        result.update(np.ascontiguousarray(array).tobytes())
    return result.hexdigest()


def _constants(jaxpr: Any) -> Iterator[Any]:
    yield from getattr(jaxpr, "consts", ())
    for eqn in getattr(jaxpr, "jaxpr", jaxpr).eqns:
        for value in jax.tree.leaves(list(eqn.params.values()), is_leaf=_is_jaxpr):
            if _is_jaxpr(value):
                yield from _constants(value)


def _is_jaxpr(value: Any) -> bool:
    return isinstance(value, (core.Jaxpr, core.ClosedJaxpr))
