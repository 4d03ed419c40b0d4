"""The verifier alone: it needs nothing of this package, and finds every change of the evidence."""

import copy
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import flint
import jax
import jax.numpy as jnp
import pytest

from derivations import verifier
from derivations.certificate import digest
from derivations.check import check
from functional_nn import RULES, Rule

BLOCKED = """
import sys, runpy
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("jax", "jaxlib", "numpy", "sympy", "derivations",
                                      "functional_nn"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
sys.argv = ["verifier.py", sys.argv[1]]
runpy.run_path("verifier.py", run_name="__main__")
"""


def _sealed(document: Any) -> str:
    """Gives a changed document a digest that fits: a forger's, whom evidence has to stop."""
    return json.dumps(document | {"digest": digest(document)})


def _float(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def _wrong_square(x: jax.Array) -> jax.Array:
    return x * x


WRONG = Rule("wrong", _wrong_square, lambda x: (x * x, x), lambda x, dy: (3 * x * dy * jnp.exp(x),))


def _positive(x):
    """Is never zero, which takes a square completed to see."""
    return x * x - x + 1


EXACT = Rule(
    "cumprod",
    lambda x: jnp.cumprod(_positive(x)),
    lambda x: (jnp.cumprod(_positive(x)), x),
    lambda x, dy: (
        jnp.cumsum((jnp.cumprod(_positive(x)) * dy)[::-1])[::-1] * (2 * x - 1) / _positive(x),
    ),
)


@pytest.fixture(scope="module")
def refuted() -> Any:
    return json.loads(check(WRONG, _float(3)).to_certificate())


@pytest.fixture(scope="module")
def proved() -> Any:
    return json.loads(check(RULES["softmax"], _float(2, 3)).to_certificate())


@pytest.fixture(scope="module")
def tanh() -> Any:
    rule = Rule("tanh", jnp.tanh, lambda x: (jnp.tanh(x),) * 2, lambda t, dy: (dy * (1 - t * t),))
    return json.loads(check(rule, _float(2)).to_certificate())


@pytest.fixture(scope="module")
def identity_of_sums() -> Any:
    report = check(RULES["half_squared_error"], _float(2, 3), _float(2, 3))
    document = json.loads(report.to_certificate())
    second = _of(document, "second order")
    second.update(verdict="UNDECIDED", evidence=[], reason="left out")
    return document


@pytest.fixture(scope="module")
def kinked() -> Any:
    return json.loads(check(RULES["relu"], _float(2)).to_certificate())


@pytest.fixture(scope="module")
def exact() -> Any:
    report = check(EXACT, _float(40))
    assert str(report.verdict) == "EXACT" or any(
        str(o.verdict) == "EXACT" for o in report.obligations
    )
    return json.loads(report.to_certificate())


def _of(document: Any, name: str) -> Any:
    return next(o for o in document["report"]["obligations"] if o["name"] == name)


def _status(document: Any) -> int:
    try:
        return verifier.verify(_sealed(document))[0]
    except verifier.Damaged:
        return 3


def test_it_stands_alone(tmp_path, refuted):
    shutil.copy(verifier.__file__, tmp_path / "verifier.py")
    (tmp_path / "run.py").write_text(BLOCKED, encoding="utf-8")
    (tmp_path / "c.json").write_text(json.dumps(refuted), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-I", "run.py", "c.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert "REFUTED: re-checked: dx" in run.stdout
    (tmp_path / "c.json").write_text(json.dumps(refuted)[:-9], encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-I", "run.py", "c.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 3
    assert "Traceback" not in run.stderr


@pytest.mark.slow
def test_untouched_certificates_pass(refuted, proved, kinked, exact):
    assert [_status(d) for d in (refuted, proved, kinked, exact)] == [0, 0, 0, 0]


def test_a_change_without_a_new_digest_is_found(proved):
    changed = copy.deepcopy(proved)
    changed["report"]["obligations"][0]["statement"] += "!"
    with pytest.raises(verifier.Damaged, match="digest"):
        verifier.verify(json.dumps(changed))


def _point(d: Any) -> None:
    for where in (
        _of(d, "cotangent[x]")["evidence"][0]["point"],
        _of(d, "cotangent[x]")["witness"],
    ):
        where["inputs"] = {"x": ["0", "0", "0"], "cotangent": ["0", "0", "0"]}


def _one_point(d: Any) -> None:
    _of(d, "cotangent[x]")["witness"]["inputs"]["x"][0] = "17/3"


def _both_points(d: Any) -> None:
    for where in (
        _of(d, "cotangent[x]")["evidence"][0]["point"],
        _of(d, "cotangent[x]")["witness"],
    ):
        where["inputs"]["x"] = ["17/3", "17/3", "17/3"]


def _value(d: Any) -> None:
    witness = _of(d, "cotangent[x]")["witness"]
    witness["found"], witness["expected"] = witness["expected"], witness["found"]


def _shape(d: Any) -> None:
    for where in (
        _of(d, "cotangent[x]")["evidence"][0]["point"],
        _of(d, "cotangent[x]")["witness"],
    ):
        where["inputs"]["x"].append("1")


def _same_sides(d: Any) -> None:
    (pair,) = _of(d, "cotangent[x]")["evidence"][0]["pairs"]
    pair["found"] = pair["truth"]


def _to_proved(d: Any) -> None:
    _of(d, "cotangent[x]")["verdict"] = d["report"]["verdict"] = "PROVED"


def _forged_proof(d: Any) -> None:
    _to_proved(d)
    obligation = _of(d, "cotangent[x]")
    obligation["reason"], obligation["witness"] = "", None
    obligation["evidence"][0]["kind"] = "equal"


def _other_argument(d: Any) -> None:
    _of(d, "cotangent[x]")["evidence"][0]["pairs"][0]["output"] = "output"


@pytest.mark.parametrize(
    "change",
    [_point, _one_point, _both_points, _value, _shape, _same_sides, _to_proved, _forged_proof,
     _other_argument],
)  # fmt: skip
def test_a_forged_refutation_is_found(refuted, change: Callable[[Any], None]):
    changed = copy.deepcopy(refuted)
    change(changed)
    assert _status(changed) in (1, 3)


def _scope(d: Any) -> None:
    _of(d, "cotangent[x]")["scope"] = "all real inputs"


def _both_scopes(d: Any) -> None:
    obligation = _of(d, "cotangent[x]")
    for told in (obligation, *obligation["evidence"]):
        told["scope"] = "all sizes n, k, m with x: (n, k)"


def _better_size(d: Any) -> None:
    """From three rows to all."""
    obligation = _of(d, "value")
    obligation["scope"] = obligation["scope"] + ", and beyond"


def _no_evidence(d: Any) -> None:
    _of(d, "cotangent[x]")["evidence"] = []


def _worse_cotangent(d: Any) -> None:
    obligation = _of(d, "cotangent[x]")
    obligation |= {"verdict": "UNDECIDED", "evidence": [], "reason": "unknown"}
    d["report"]["verdict"] = "UNDECIDED"


def _better_report(d: Any) -> None:
    d["report"]["verdict"] = "EXACT"


@pytest.mark.parametrize(
    "change", [_scope, _both_scopes, _better_size, _no_evidence, _worse_cotangent, _better_report]
)
def test_a_forged_proof_is_found(proved, change: Callable[[Any], None]):
    changed = copy.deepcopy(proved)
    change(changed)
    assert _status(changed) == 1


def test_undecided_does_not_become_proved(proved):
    changed = copy.deepcopy(proved)
    _worse_cotangent(changed)
    _of(changed, "linear").update(verdict="UNDECIDED", evidence=[], reason="unknown")
    assert _status(changed) == 0
    for name in ("cotangent[x]", "linear"):
        _of(changed, name).update(verdict="PROVED", reason="")
    changed["report"]["verdict"] = "PROVED"
    assert _status(changed) == 1


@pytest.mark.parametrize("name", ["tanh", "identity_of_sums"])
def test_every_change_of_an_expression_is_found(name, request):
    """Each number, exponent, function and operation of the compared graphs, one by one.

    Not for softmax, or for what is linear: a change there may give another true identity. Nor for a
    refutation, which speaks of one point: what is zero there may be anything elsewhere.
    """
    document = copy.deepcopy(request.getfixturevalue(name))
    _of(document, "linear").update(verdict="UNDECIDED", evidence=[], reason="left out")
    if document["report"]["verdict"] == "PROVED":
        document["report"]["verdict"] = "UNDECIDED"
    used = _compared_nodes(document)
    assert _status(document) == 0
    assert used
    missed = []
    for number, (op, _, data) in enumerate(document["nodes"]):
        for other in _changes(op, data):
            if number not in used:
                continue
            changed = copy.deepcopy(document)
            changed["nodes"][number][0], changed["nodes"][number][2] = other
            if _status(changed) == 0:
                missed.append((number, op, data, other))
    assert not missed


def _changes(op: str, data: Any) -> list[tuple[str, Any]]:
    match op:
        case "const":
            value = verifier.rational(data)
            return [(op, str(value + 1)), (op, str(value * flint.fmpq(3, 2) + flint.fmpq(1, 7)))]
        case "pow":
            return [(op, data + 1), (op, -data)]
        case "kernel":
            return [(op, "sin"), (op, "atan")]
        case "add":
            return [("mul", None)]
        case "mul":
            return [("add", None)]
        case _:
            return []


def _compared_nodes(document: Any) -> set[int]:
    """Gives the nodes of which one side of a comparison is made, and the other is not."""
    checker = verifier.Checker(document, 0)
    found: set[int] = set()
    for obligation in document["report"]["obligations"]:
        for piece in obligation["evidence"]:
            for pair in piece.get("pairs", ()):
                found |= checker.below([pair["found"]]) ^ checker.below([pair["truth"]])
    return found


def _prime(d: Any) -> None:
    _account(d)["primes"][0] += 2


def _other_prime(d: Any) -> None:
    _account(d)["primes"] = verifier.redrawn(99, 2)


def _seed(d: Any) -> None:
    _account(d)["seed"] += 40


def _degree(d: Any) -> None:
    for side in _account(d)["outputs"][0]:
        side[0] += 1000


def _bound(d: Any) -> None:
    _account(d)["bound"] /= 10


def _ground(d: Any) -> None:
    obligation = _of(d, "cotangent[x]")
    obligation["ground"] = obligation["ground"].rpartition(" ")[0] + " 1.0e-99"


def _fewer_trials(d: Any) -> None:
    _of(d, "cotangent[x]")["evidence"][0]["accounts"].pop()


def _as_proved(d: Any) -> None:
    _of(d, "cotangent[x]")["verdict"] = _of(d, "linear")["verdict"] = "PROVED"
    d["report"]["verdict"] = "PROVED"


def _account(d: Any) -> Any:
    return _of(d, "cotangent[x]")["evidence"][0]["accounts"][1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [_prime, _other_prime, _seed, _degree, _bound, _ground, _fewer_trials, _as_proved],
)
def test_a_forged_execution_is_found(exact, change: Callable[[Any], None]):
    changed = copy.deepcopy(exact)
    change(changed)
    assert _status(changed) == 1


@pytest.mark.parametrize(
    ("field", "text"), [("left", "3"), ("right", "0"), ("rule", "1/2"), ("kind", "right")]
)
def test_a_forged_kink_is_found(kinked, field, text):
    changed = copy.deepcopy(kinked)
    kink = _of(changed, "kinks")["evidence"][0]["kinks"][0]
    assert kink[field] != text
    kink[field] = text
    assert _status(changed) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no JSON"),
        ("[]", "no certificate"),
        ('{"format": "derivations certificate", "version": 7}', "version 7"),
        ('{"format": "derivations certificate", "version": 1}', "damaged"),
    ],
)
def test_damaged_files_are_named(tmp_path, capsys, text, message):
    path = tmp_path / "c.json"
    path.write_text(text, encoding="utf-8")
    assert verifier.main([str(path)]) == 3
    assert message in capsys.readouterr().err


def test_wrong_usage(tmp_path, capsys):
    assert verifier.main([]) == 3
    assert verifier.main([str(tmp_path / "none.json")]) == 3
    assert "cannot be read" in capsys.readouterr().err
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert verifier.main([str(tmp_path / "binary")]) == 3


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in _leaves(v, (*path, k))]
    if isinstance(value, list):
        return [path, *(p for i, v in enumerate(value) for p in _leaves(v, (*path, i)))]
    return [path]


@pytest.mark.parametrize(
    "name", ["refuted", "proved", "kinked", pytest.param("exact", marks=pytest.mark.slow)]
)
def test_no_damage_ends_in_a_traceback(name, request):
    """Whatever stands in place of whatever: a status, or words."""
    document = request.getfixturevalue(name)
    draw = random.Random(name)
    paths = _leaves(document)
    junk: list[Any] = [None, -1, 10**30, "", "1/0", "#99", [], {}, [[]], True, 1.5, "inf", "x"]
    for path in draw.sample(paths, 60):
        changed = copy.deepcopy(document)
        inside = changed
        for step in path[:-1]:
            inside = inside[step]
        inside[path[-1]] = draw.choice(junk)
        assert _status(changed) in (0, 1, 2, 3)


def test_a_tie_of_the_largest_is_a_boundary_but_for_its_own_entries():
    """Whether x_0 is the largest of x is decided by the point; whether y is, by a tie."""
    nodes: list[Any] = [
        ["entry", [], ["x", ["#0"], "real"]],
        ["rmax", [0], "#0"],
        ["entry", [], ["x", [0], "real"]],
        ["entry", [], ["y", [], "real"]],
        ["compare", [2, 1], ["eq", False]],
        ["compare", [3, 1], ["eq", False]],
    ]
    graph = verifier.read_graph({"nodes": nodes, "indices": [["i", 2]]})
    inputs = {"x": [flint.fmpq(3), flint.fmpq(1)], "y": flint.fmpq(3)}
    point = verifier.Evaluator(graph, {}, inputs)
    assert point.value(4, {}) is True
    with pytest.raises(verifier.Tie):
        point.value(5, {})
    twice = verifier.Evaluator(graph, {}, inputs | {"x": [flint.fmpq(3), flint.fmpq(3)]})
    with pytest.raises(verifier.Tie):
        twice.value(4, {})


def test_a_refutation_by_the_largest_entry_passes():
    def largest(x):
        return jnp.max(x * x + x, axis=1)

    rule = Rule(
        "largest",
        largest,
        lambda x: jax.vjp(largest, x),
        lambda pull, dy: (2 * pull(dy)[0],),
    )
    document = json.loads(check(rule, _float(2, 3)).to_certificate())
    assert _of(document, "cotangent[x]")["verdict"] == "REFUTED"
    assert _status(document) == 0


def test_large_numbers_and_deep_graphs_end():
    nodes: list[Any] = [["entry", [], ["x", [], "real"]], ["const", [], "3/2"]]
    for i in range(30_000):
        nodes.append(["add" if i % 2 else "mul", [i + 1, 0], None])
    graph = verifier.read_graph({"nodes": nodes, "indices": [["i", 10**12]]})
    nodes = [["const", [], "3/2"], *(["pow", [i], 10_000] for i in range(9)), ["sum", [0], "#0"]]
    large = verifier.read_graph({"nodes": nodes, "indices": [["i", 10**12]]})
    sys.setrecursionlimit(verifier.DEEPEST)
    try:
        inputs = {"x": flint.arb("0.5")}
        assert verifier.Evaluator(graph, {}, inputs).value(30_001, {}).is_finite()
        assert not verifier.expanded_to_zero(graph, 30_001, 30_000)
    finally:
        sys.setrecursionlimit(1_000)
    for node in (9, 10):
        with pytest.raises(verifier.TooLong):
            verifier.Evaluator(large, {}, {}).value(node, {})
