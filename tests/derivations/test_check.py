"""What `check` takes, what it refuses, and what its report says."""

from fractions import Fraction
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn
from derivations import Obligation, Report, Verdict, check, clock, obligations
from derivations.verdict import worst
from functional_nn import RULES, Rule
from functional_nn.layers.elementwise import elementwise

X = jax.ShapeDtypeStruct((3, 4), jnp.float32)
ROW = jax.ShapeDtypeStruct((4,), jnp.float32)


def _square(x):
    return x * x


def _square_rule(bwd: Any = lambda x, dy: (2 * x * dy,), **changed: Any) -> Rule:
    return Rule("square", _square, lambda x: (x * x, x), bwd)._replace(**changed)


def _verdicts(report: Report) -> dict[str, str]:
    return {o.name: str(o.verdict) for o in report.obligations}


@jax.custom_vjp
def square(x):
    return x * x


square.defvjp(lambda x: (x * x, x), lambda x, dy: (2 * x * dy,))


# --- what may be checked ------------------------------------------------------------------------


def test_the_obligations_of_a_rule():
    report = check(square, X)
    assert _verdicts(report) == dict.fromkeys(
        ["value", "cotangent[x]", "linear", "kinks", "second order", "contract"], "PROVED"
    )
    assert (report.subject, report.kind) == ("square", "custom_vjp")
    assert report.seconds > 0
    for obligation in report.obligations:
        assert obligation.statement
        assert obligation.ground
        assert obligation.scope


@pytest.mark.parametrize(
    "argument",
    [
        2.0,
        np.ones((2, 3)),
        jnp.ones(3, jnp.bfloat16),
        jax.ShapeDtypeStruct((5,), jnp.float16),
        jnp.full(3, jnp.nan),  # values do not matter
        jax.ShapeDtypeStruct(jax.export.symbolic_shape("batch, 3"), jnp.float32),
    ],
    ids=["number", "NumPy", "bfloat16", "float16", "nan", "symbolic"],
)
def test_arguments_are_shapes_and_dtypes(argument: Any):
    assert check(square, argument).verdict is Verdict.PROVED


def test_the_scope_names_the_sizes():
    assert "all sizes n, k with x: (n, k)" in check(square, X).obligations[1].scope
    assert "n = 3, k = 4" in check(square, X, sizes="given").obligations[1].scope
    named = jax.ShapeDtypeStruct(jax.export.symbolic_shape("batch, 7"), jnp.float32)
    assert "batch" in check(square, named).obligations[1].scope


def test_given_and_number_sizes_are_not_confused():
    """A size 3 and a size called n are two sizes, whatever letter the 3 gets."""
    (n,) = jax.export.symbolic_shape("n")
    rule = Rule(
        "mean",
        lambda x, y: jnp.mean(x),
        lambda x, y: (jnp.mean(x), (x, y)),
        lambda r, dy: (jnp.ones_like(r[0]) * dy / r[1].shape[0], jnp.zeros_like(r[1])),
    )
    given = jax.ShapeDtypeStruct((3,), jnp.float32), jax.ShapeDtypeStruct((n,), jnp.float32)
    assert check(rule, *given).verdict is Verdict.REFUTED


def test_a_pytree_has_a_cotangent_for_each_leaf():
    @jax.custom_vjp
    def product(p):
        return p["a"] * p["b"][0]

    def bwd(p, dy):
        return ({"a": dy * p["b"][0], "b": (dy * p["a"],)},)

    product.defvjp(lambda p: (p["a"] * p["b"][0], p), bwd)
    report = check(product, {"a": X, "b": (X,)})
    assert report.verdict is Verdict.PROVED
    assert {"cotangent[p['a']]", "cotangent[p['b'][0]]"} < set(_verdicts(report))
    product.defvjp(
        lambda p: (p["a"] * p["b"][0], p),
        lambda p, dy: ({"a": dy * p["b"][0], "b": (dy * p["b"][0],)},),
    )
    refuted = check(product, {"a": X, "b": (X,)})
    assert _verdicts(refuted)["cotangent[p['a']]"] == "PROVED"
    assert _verdicts(refuted)["cotangent[p['b'][0]]"] == "REFUTED"


def test_outputs_may_be_a_pytree():
    def both(x):
        return {"sum": jnp.sum(x), "squares": x * x}

    rule = Rule(
        "both", both, lambda x: (both(x), x),
        lambda x, dy: (dy["sum"] * jnp.ones_like(x) + 2 * x * dy["squares"],),
    )  # fmt: skip
    assert check(rule, X).verdict is Verdict.PROVED
    wrong = rule._replace(bwd=lambda x, dy: (2 * x * dy["squares"],))
    assert _verdicts(check(wrong, X))["cotangent[x]"] == "REFUTED"


@pytest.mark.parametrize("kind", [jnp.int32, jnp.bool_])
def test_whole_and_truth_arguments_have_no_cotangent(kind: Any):
    def scaled(x, i):
        return x * i.astype(x.dtype)

    rule = Rule(
        "scaled", scaled, lambda x, i: (scaled(x, i), i),
        lambda i, dy: (dy * i.astype(dy.dtype), None),
    )  # fmt: skip
    report = check(rule, X, jax.ShapeDtypeStruct(X.shape, kind))
    assert report.verdict is Verdict.PROVED
    assert [n for n in _verdicts(report) if n.startswith("cotangent")] == ["cotangent[x]"]


def test_python_numbers_are_arguments_like_others():
    """A factor that is invisible at its example value is seen."""
    rule = Rule(
        "scaled", lambda x, c: c * x, lambda x, c: (c * x, (x, c)),
        lambda r, dy: (dy, jnp.sum(r[0] * dy)),
    )  # fmt: skip
    assert _verdicts(check(rule, X, 1.0)) == {
        "value": "PROVED", "cotangent[x]": "REFUTED", "cotangent[c]": "PROVED",
        "linear": "PROVED", "kinks": "PROVED", "contract": "PROVED",
    }  # fmt: skip


def test_static_arguments_stay_what_they_are():
    @partial(jax.custom_vjp, nondiff_argnums=(0, 2))
    def through(k, x, f):
        return k * f(x)

    def bwd(k, f, x, dy):
        return (k * jax.vjp(f, x)[1](dy)[0],)

    through.defvjp(lambda k, x, f: (k * f(x), x), bwd)
    report = check(through, 3.0, X, jnp.sin)
    assert report.verdict is Verdict.PROVED
    assert [name for name in _verdicts(report) if "cotangent" in name] == ["cotangent[x]"]
    through.defvjp(lambda k, x, f: (k * f(x), x), lambda k, f, x, dy: (dy * f(x),))
    assert check(through, 3.0, X, jnp.sin).verdict is Verdict.REFUTED


def _elu(alpha, x):
    return jnp.where(x > 0, x, alpha * jnp.expm1(x))


@pytest.mark.parametrize("slope", ["alpha", "1.0"])
@pytest.mark.parametrize("nested", [False, True])
def test_static_hyper_parameters_are_seen_at_other_values(slope, nested):
    """At alpha = 1 a slope without alpha is invisible; `nested` cannot be traced with a symbol."""
    elu = partial(jax.custom_vjp, nondiff_argnums=(0,))(_elu)

    def bwd(alpha, x, dy):
        return (jnp.where(x > 0, dy, (alpha if slope == "alpha" else 1.0) * jnp.exp(x) * dy),)

    elu.defvjp(lambda alpha, x: ((elu if nested else _elu)(alpha, x), x), bwd)
    report = check(elu, 1.0, X)
    if slope == "alpha":
        assumed = "alpha is fixed to 1.0" if nested else "alpha is positive"
        assert report.verdict is Verdict.PROVED
        assert all(assumed in o.assumptions for o in report.obligations if "cot" in o.name)
    else:
        (cotangent,) = (o for o in report.obligations if o.name == "cotangent[x]")
        assert cotangent.verdict is Verdict.REFUTED
        assert cotangent.witness is not None
        assert nested or Fraction(cotangent.witness.inputs["alpha"]) > 0


@pytest.mark.parametrize("given", [0.5, 0.0])
def test_a_rule_that_is_right_for_sensible_values_is_not_refuted(given):
    """From the output, a leaky relu is told apart for slopes above zero only."""

    @partial(jax.custom_vjp, nondiff_argnums=(0,))
    def leaky(slope, x):
        return jnp.maximum(x, slope * x)

    def fwd(slope, x):
        y = jnp.maximum(x, slope * x)
        return y, y

    leaky.defvjp(fwd, lambda slope, y, dy: (jnp.where(y > 0, dy, slope * dy),))
    report = check(leaky, given, X)
    assert report.verdict is Verdict.PROVED
    assert f"slope is fixed to {given}" in report.obligations[0].assumptions


def test_defaults_are_arguments_of_a_rule():
    @jax.custom_vjp
    def scaled(x, alpha=1.0):
        return alpha * x * x

    def fwd(x, alpha):
        return alpha * x * x, (x, alpha)

    def right(residuals, dy):
        x, alpha = residuals
        return 2 * alpha * x * dy, jnp.sum(x * x * dy)

    scaled.defvjp(fwd, right)
    assert check(scaled, X).verdict is Verdict.PROVED
    scaled.defvjp(fwd, lambda r, dy: (2 * r[0] * dy, right(r, dy)[1]))
    verdicts = _verdicts(check(scaled, X))
    assert verdicts["cotangent[x]"] == "REFUTED"
    assert verdicts["cotangent[alpha]"] == "PROVED"


def test_custom_jvp():
    @jax.custom_jvp
    def product(x, y):
        return x * jnp.sin(y)

    def right(primals, tangents):
        (x, y), (dx, dy) = primals, tangents
        return x * jnp.sin(y), dx * jnp.sin(y) + x * jnp.cos(y) * dy

    def wrong(primals, tangents):
        (x, y), (dx, dy) = primals, tangents
        return x * jnp.sin(y), dx * jnp.sin(y) - x * jnp.cos(y) * dy

    product.defjvp(right)
    assert check(product, X, X).verdict is Verdict.PROVED
    product.defjvp(wrong)
    verdicts = _verdicts(check(product, X, X))
    assert verdicts["cotangent[x]"] == "PROVED"
    assert verdicts["cotangent[y]"] == "REFUTED"


def test_a_rule_inside_the_primal_is_not_believed():
    wrong = jax.custom_vjp(_square)
    wrong.defvjp(lambda x: (x * x, x), lambda x, dy: (3 * x * dy,))
    outer = Rule("outer", lambda x: 2 * wrong(x), lambda x: (2 * wrong(x), x), None)  # type: ignore[arg-type]
    assert check(outer._replace(bwd=lambda x, dy: (4 * x * dy,)), X).verdict is Verdict.PROVED
    assert check(outer._replace(bwd=lambda x, dy: (6 * x * dy,)), X).verdict is Verdict.REFUTED


def test_leaf_layers():
    params = jax.eval_shape(fnn.dense(2).init, jax.random.key(0), X)
    report = check(fnn.dense(2), params, X)
    assert report.kind == "layer"
    assert report.verdict is Verdict.PROVED
    assert {"cotangent[params['w']]", "cotangent[params['b']]"} < set(_verdicts(report))


# --- traps --------------------------------------------------------------------------------------


def test_code_that_branches_on_a_size_is_not_proved():
    for special in (1, 3):

        def bwd(x, dy, special=special):
            return ((3 if x.shape[0] == special else 2) * x * dy,)

        assert check(_square_rule(bwd), X).verdict is Verdict.REFUTED


def test_sizes_that_are_equal_in_the_example_only():
    """A mean over n of n by k is told from one over k, also where the example makes them one."""
    rule = Rule(
        "mean", jnp.mean, lambda x: (jnp.mean(x), x),
        lambda x, dy: (jnp.ones_like(x) * dy / x.shape[0] / x.shape[0],),
    )  # fmt: skip
    assert check(rule, X).verdict is Verdict.REFUTED
    square = jax.ShapeDtypeStruct((4, 4), jnp.float32)
    assert check(rule, square).verdict is Verdict.REFUTED
    as_given = check(rule, square, sizes="given")
    assert as_given.verdict is Verdict.PROVED
    assert all("k" not in o.scope.split("with")[0] for o in as_given.obligations)


def _causal(x):
    rows, columns = jnp.arange(x.shape[0]), jnp.arange(x.shape[1])
    return jnp.where(columns[None, :] <= rows[:, None], x, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("masked", [lambda x: x, _causal], ids=["whole", "causal"])
def test_the_largest_against_another_number_is_a_boundary(masked):
    """Only to be equal to one of the entries is none: there the derivative is not what is asked."""

    def clipped(x):
        return x + jnp.maximum(jnp.max(masked(x), axis=1, keepdims=True), 0.0)

    rule = Rule("clipped", clipped, lambda x: jax.vjp(clipped, x), lambda pull, dy: pull(dy))
    report = check(rule, jax.ShapeDtypeStruct((3, 4), jnp.float32))
    assert report.verdict is not Verdict.REFUTED, str(report)


def test_what_a_mask_leaves_may_be_zero_everywhere():
    """A condition on masked entries is no boundary where the mask is: not for all sizes."""

    def f(x, y):
        return jnp.where(_causal(x) > 0, y, 2 * y)

    def rule(bwd):
        return Rule("masked", f, lambda x, y: (f(x, y), (x, y)), bwd)

    arguments = [jax.ShapeDtypeStruct((3, 4), jnp.float32)] * 2
    right = rule(lambda r, dy: (jnp.zeros_like(r[0]), jnp.where(_causal(r[0]) > 0, dy, 2 * dy)))
    assert check(right, *arguments).verdict is Verdict.PROVED
    wrong = rule(lambda r, dy: (jnp.zeros_like(r[0]), jnp.where(_causal(r[0]) >= 0, dy, 2 * dy)))
    assert check(wrong, *arguments).verdict is Verdict.REFUTED


@pytest.mark.parametrize("masked", [lambda x: x, _causal], ids=["whole", "causal"])
@pytest.mark.parametrize("axis", [1, None])
def test_to_be_the_largest_is_no_boundary(axis, masked):
    def largest(x):
        return jnp.max(masked(x * x + x), axis=axis)

    def doubled(pull, dy):
        return (2 * pull(dy)[0],)

    rule = Rule("largest", largest, lambda x: jax.vjp(largest, x), doubled)
    report = check(rule, jax.ShapeDtypeStruct((2, 3), jnp.float32))
    assert any(
        o.name == "cotangent[x]" and o.verdict is Verdict.REFUTED for o in report.obligations
    )


def test_what_is_made_again_has_to_be_the_output():
    argument = jax.ShapeDtypeStruct((3, 2), jnp.float32)
    right, wrong = RULES["tanh"], RULES["tanh"]._replace(again=RULES["sigmoid"].primal)
    for subject, arguments in ((wrong, [argument]), (elementwise(wrong), [(), argument])):
        report = check(subject, *arguments)
        refuted = [o.name for o in report.obligations if o.verdict is Verdict.REFUTED]
        assert refuted == ["again"]
    assert any(o.name == "again" for o in check(right, argument).obligations)
    assert all(o.name != "again" for o in check(RULES["relu"], argument).obligations)


def test_a_defect_of_the_checker_leaves_the_other_obligations(monkeypatch):
    def broken(*_):
        raise ValueError("no such case")

    monkeypatch.setattr(obligations, "kinks", broken)
    report = check(RULES["sigmoid"], jax.ShapeDtypeStruct((3,), jnp.float32))
    verdicts = {o.name: o.verdict for o in report.obligations}
    assert verdicts["kinks"] is report.verdict is Verdict.UNDECIDED
    assert verdicts["value"] is verdicts["cotangent[x]"] is Verdict.PROVED
    reason = next(o.reason for o in report.obligations if o.name == "kinks")
    assert reason.startswith("a defect of the checker (ValueError: no such case); please report")


def test_an_argument_may_have_any_name():
    def f(cotangent):
        return cotangent * cotangent

    rule = Rule(
        "f", f, lambda c: (c * c, c),
        lambda c, dy: (2 * c * c * jnp.sum(c * dy) / jnp.sum(c * c),),
    )  # fmt: skip
    assert check(rule, ROW).verdict is Verdict.REFUTED
    right = rule._replace(bwd=lambda c, dy: (2 * c * dy,))
    assert check(right, ROW).verdict is Verdict.PROVED


def test_a_value_equal_where_both_are_defined_is_not_proved():
    root = Rule(
        "root", lambda x: 2 * x, lambda x: (2 * jnp.sqrt(x) * jnp.sqrt(x), None),
        lambda _, dy: (2 * dy,),
    )  # fmt: skip
    assert _verdicts(check(root, X))["value"] != "PROVED"


def test_constants_are_read_as_they_are_written_and_that_is_said():
    rule = Rule(
        "cubic", lambda x: 0.1 * x**3, lambda x: (0.1 * x**3, x), lambda x, dy: (0.3 * x**2 * dy,)
    )
    report = check(rule, X)
    assert report.verdict is Verdict.PROVED
    assert any("0.1" in a for a in report.obligations[1].assumptions)
    off = rule._replace(bwd=lambda x, dy: (0.3001 * x**2 * dy,))
    assert check(off, X).verdict is Verdict.REFUTED


def test_a_rule_right_up_to_the_rounding_of_a_constant_is_not_refuted():
    third = Rule(
        "mean", jnp.mean, lambda x: (jnp.mean(x), x),
        lambda x, dy: (jnp.full_like(x, 1 / 3) * dy,),
    )  # fmt: skip
    report = check(third, jax.ShapeDtypeStruct((3,), jnp.float32), sizes="given")
    assert report.verdict is not Verdict.REFUTED


def test_labels_outside_their_classes_refute_nothing():
    """Reading a label's entry takes for granted that it is there: so does a counterexample."""

    def loss(z, y):
        return -jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=-1)[:, 0]

    def bwd(residuals, dy):
        z, y = residuals
        hot = jnp.where(y[:, None] == jnp.arange(z.shape[1], dtype=y.dtype)[None, :], 1.0, 0.0)
        return (jax.nn.softmax(z) - hot) * dy[:, None], None

    labels = jax.ShapeDtypeStruct((3,), jnp.int32)
    rule = Rule("loss", loss, lambda z, y: (loss(z, y), (z, y)), bwd)
    assert check(rule, X, labels).verdict is not Verdict.REFUTED
    halved = rule._replace(bwd=lambda r, dy: (bwd(r, dy / 2)[0], None))
    assert check(halved, X, labels).verdict is Verdict.REFUTED


# --- refusals -----------------------------------------------------------------------------------


def test_what_has_no_rule_is_refused():
    for thing in (jnp.sin, jax.jit(_square), 3, None):
        with pytest.raises(TypeError, match="check needs"):
            check(thing, X)
    with pytest.raises(TypeError, match="Call defvjp first"):
        check(jax.custom_vjp(_square), X)
    with pytest.raises(TypeError, match="Call defjvp first"):
        check(jax.custom_jvp(_square), X)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "match"),
    [
        (("x",), {}, TypeError, "An argument of check is an array"),
        ((X,), {"budget": 0}, ValueError, "budget is a positive number of seconds. Got 0"),
        ((X,), {"budget": -1.0}, ValueError, "budget"),
        ((X,), {"budget": float("nan")}, ValueError, "budget"),
        ((X,), {"sizes": "some"}, ValueError, "sizes is 'all' or 'given'. Got 'some'"),
    ],
)
def test_bad_calls(arguments: Any, options: Any, error: Any, match: str):
    with pytest.raises(error, match=match):
        check(square, *arguments, **options)


def _never_proved(rule: Rule, *args: Any) -> tuple[Report | None, str]:
    """Checks what JAX would reject: an error, or a report that says why it is not right."""
    try:
        report = check(rule, *args)
    except TypeError as error:
        return None, str(error)
    assert report.verdict in (Verdict.UNDECIDED, Verdict.REFUTED)
    return report, "; ".join(o.reason for o in report.obligations)


@pytest.mark.parametrize(
    ("rule", "match"),
    [
        (_square_rule(lambda x, dy: 2 * x * dy), "bwd must return a tuple"),
        (_square_rule(lambda x, dy: (dy, dy)), "one cotangent for each of the 1 arguments"),
        (_square_rule(lambda x, dy: ({"a": dy},)), "the structure of its argument"),
        (_square_rule(lambda x, dy: (jnp.sum(dy),)), "shape"),
        (_square_rule(lambda x, dy: 1 / 0), "ZeroDivisionError"),
        (_square_rule(fwd=_square), "fwd must return"),
        (_square_rule(fwd=lambda x: (jnp.sum(x * x), x)), ""),
        (_square_rule(fwd=lambda x: ((x, x), x)), ""),
        (_square_rule(primal=lambda x: x @ x), ""),
    ],
    ids=["bare", "two", "dict", "shape", "raises", "no pair", "value", "two values", "primal"],
)
def test_a_rule_that_jax_would_reject(rule: Rule, match: str):
    _, text = _never_proved(rule, X)
    assert match in text


@pytest.mark.parametrize("arguments", [(), (X, X)], ids=["none", "two"])
def test_another_number_of_arguments(arguments: Any):
    _, text = _never_proved(_square_rule(), *arguments)
    assert "argument" in text


def test_complex_numbers_are_undecided():
    rule = Rule("f", lambda x, y: x, lambda x, y: (x, None), lambda _, dy: (dy, None))
    report = check(rule, X, jax.ShapeDtypeStruct((3,), jnp.complex64))
    assert report.verdict is Verdict.UNDECIDED
    assert "complex" in report.obligations[0].reason


def test_unsigned_numbers_wrap_so_that_their_difference_is_undecided():
    three = np.uint8(3)
    rule = Rule(
        "f",
        lambda x, y: x * (y - three).astype(x.dtype),
        lambda x, y: (x * (y.astype(jnp.int32) - 3).astype(x.dtype), y),
        lambda y, dy: (dy * (y.astype(jnp.int32) - 3).astype(dy.dtype), None),
    )
    report = check(rule, X, jax.ShapeDtypeStruct(X.shape, jnp.uint8))
    assert report.verdict is Verdict.UNDECIDED
    assert "unsigned" in report.obligations[0].reason


@pytest.mark.parametrize(
    ("part", "verdict"), [(lambda dy: {"u": dy, "v": None}, "PROVED"), (lambda dy: None, "REFUTED")]
)
def test_none_in_an_argument_and_in_a_cotangent(part, verdict):
    # None is an empty part of an argument, and stands for zeros, for a part of it, in a cotangent.
    rule = Rule(
        "parts",
        lambda params, x: params["b"]["u"] - 2 * x,
        lambda params, x: (params["b"]["u"] - 2 * x, None),
        lambda _, dy: ({"a": None, "b": part(dy), "c": None}, -2 * dy),
    )
    params = {"a": None, "b": {"u": X, "v": X}, "c": [X, X]}
    report = check(rule, params, X)
    verdicts = {o.name: o.verdict for o in report.obligations if "cotangent" in o.name}
    assert [name for name, v in verdicts.items() if v is not Verdict.PROVED] == (
        [] if verdict == "PROVED" else ["cotangent[params['b']['u']]"]
    ), str(report)
    assert len(verdicts) == 5


# --- budget and verdicts ------------------------------------------------------------------------


def test_what_the_budget_runs_out_on_is_undecided():
    start = clock.now()
    deep = _square_rule(primal=lambda x: jnp.sum(jnp.abs(jnp.abs(x) - 1)) ** 3)
    rule = deep._replace(
        fwd=lambda x: (deep.primal(x), x), bwd=lambda x, dy: jax.vjp(deep.primal, x)[1](dy)
    )
    report = check(rule, X, budget=1e-3)
    assert report.verdict is Verdict.UNDECIDED
    assert any("budget" in o.reason for o in report.obligations)
    assert clock.now() - start < 15


def test_verdicts_are_never_rounded_up():
    proved, exact, undecided, refuted = (
        Verdict.PROVED, Verdict.EXACT, Verdict.UNDECIDED, Verdict.REFUTED,
    )  # fmt: skip
    assert worst([proved, exact]) is exact
    assert worst([exact, undecided, proved]) is undecided
    assert worst([undecided, refuted, proved]) is refuted
    with pytest.raises(ValueError, match="at least one"):
        worst([])
    part = Report("part", "rule", (Obligation("value", "", refuted, seconds=2.0),))
    whole = Report("whole", "network", (Obligation("value", "", proved, seconds=1.0),), (part,))
    assert whole.verdict is refuted
    assert whole.seconds == 3.0


def _sine(bwd: Any) -> Any:
    @jax.custom_vjp
    def sine(x):
        return jnp.sin(x)

    sine.defvjp(lambda x: (jnp.sin(x), jnp.cos(x)), bwd)
    return sine


def test_a_stopped_residual_is_refuted_by_the_second_order():
    sine = _sine(lambda c, dy: (jax.lax.stop_gradient(c) * dy,))
    report = check(sine, X)
    refuted = [o for o in report.obligations if o.verdict is Verdict.REFUTED]
    assert [o.name for o in refuted] == ["second order"]
    assert refuted[0].witness is not None
    assert refuted[0].witness.found == "0"


def test_no_second_derivative_is_said_and_not_refuted():
    once = jax.custom_vjp(lambda x: x)  # a rule of its own inside bwd, and it raises

    def no_more(_, dy):
        raise NotImplementedError("once only")

    once.defvjp(lambda x: (x, None), no_more)
    sine = _sine(lambda c, dy: (once(c) * dy,))
    report = check(sine, X)
    (second,) = (o for o in report.obligations if o.name == "second order")
    assert report.verdict is Verdict.PROVED
    assert "not differentiable again: NotImplementedError: once only" in second.details[0]


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_a_cotangent_of_another_dtype_is_refuted(dtype):
    sine = _sine(lambda c, dy: ((c * dy).astype(jnp.float32),))
    verdicts = _verdicts(check(sine, jax.ShapeDtypeStruct((3,), dtype)))
    assert [name for name, verdict in verdicts.items() if verdict == "REFUTED"] == ["contract"]


def test_what_the_primal_takes_and_bwd_does_not_is_told():
    sine = _sine(lambda c, dy: (c * dy if c.shape[0] else jnp.max(c),))
    (contract,) = (o for o in check(sine, X).obligations if o.name == "contract")
    assert contract.verdict is Verdict.PROVED
    assert contract.details[0].startswith("the primal takes an empty n, bwd does not: ValueError")


def test_an_endless_rule_ends_with_the_budget():
    def endless(c, dy):
        while True:
            pass

    sine = _sine(endless)
    start = clock.now()
    report = check(sine, X, budget=2.0)
    assert clock.now() - start < 3.0
    assert report.verdict is Verdict.UNDECIDED
    reasons = {o.reason for o in report.obligations if o.verdict is Verdict.UNDECIDED}
    assert any("took too long" in r or "ran out" in r for r in reasons)
    assert all(o.verdict is Verdict.UNDECIDED for o in report.obligations if "cot" in o.name)
    sine = _sine(lambda c, dy: (c * dy,))
    assert check(sine, X).verdict is Verdict.PROVED


def test_a_rule_that_takes_one_static_value_is_not_refuted():
    @partial(jax.custom_vjp, nondiff_argnums=(1,))
    def power(x, n):
        return x**n

    def bwd(n, x, dy):
        assert n == 2, "squares only"
        return (2 * x * dy,)

    power.defvjp(lambda x, n: (x**n, x), bwd)
    assert check(power, X, 2).verdict is Verdict.PROVED
    power.defvjp(lambda x, n: (x**n, x), lambda n, x, dy: (2 * x * dy,))
    assert check(power, X, 2).verdict is Verdict.REFUTED
