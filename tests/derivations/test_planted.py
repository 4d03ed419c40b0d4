"""Mistakes that people made, planted in the library's own rules: each is refuted where it is."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import pytest

import functional_nn as fnn
from derivations import Verdict, check
from functional_nn.layers.attention import ATTENTION, scale
from functional_nn.layers.dropout import DROPOUT
from functional_nn.layers.embedding import EMBEDDING, LEARNED_POSITIONS
from functional_nn.layers.group_norm import GROUP_NORM
from functional_nn.layers.normalization import LAYER_NORM, RMS_NORM
from functional_nn.layers.rotary import ROTARY


class Planted(NamedTuple):
    """A rule with a wrong backward pass.

    Attributes:
      rule: The right rule.
      shapes: Of its arguments.
      bwd: The wrong backward pass.
      breaks: The arguments whose cotangents are wrong.
    """

    rule: fnn.Rule
    shapes: tuple[Any, ...]
    bwd: Callable[..., Any]
    breaks: tuple[str, ...]


PLANTED: dict[str, Planted] = {}


def planted(rule: fnn.Rule, shapes: tuple[Any, ...], *breaks: str) -> Callable[..., Any]:
    def register(bwd):
        PLANTED[bwd.__name__] = Planted(rule, shapes, bwd, breaks)
        return bwd

    return register


def floats(*shapes):
    return tuple(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes)


ROWS = floats((3, 4), (4,), (4,))


def mean(a):
    return jnp.mean(a, axis=-1, keepdims=True)


def norm_parts(residuals, dy):
    x, mu, inverse, scale, _ = residuals
    return (x - mu) * inverse, inverse, dy * jnp.broadcast_to(scale, dy.shape)


@planted(LAYER_NORM, ROWS, "x")
def layer_norm_mean_of_the_cotangent_missing(residuals, dy):
    n, r, d = norm_parts(residuals, dy)
    return (r * (d - n * mean(d * n)), *LAYER_NORM.bwd(residuals, dy)[1:])


@planted(LAYER_NORM, ROWS, "x")
def layer_norm_product_term_missing(residuals, dy):
    _, r, d = norm_parts(residuals, dy)
    return (r * (d - mean(d)), *LAYER_NORM.bwd(residuals, dy)[1:])


@planted(LAYER_NORM, ROWS, "x")
def layer_norm_statistics_constant(residuals, dy):
    _, r, d = norm_parts(residuals, dy)
    return (r * d, *LAYER_NORM.bwd(residuals, dy)[1:])


@planted(LAYER_NORM, ROWS, "x")
def layer_norm_mean_subtracted_twice(residuals, dy):
    n, r, d = norm_parts(residuals, dy)
    return (r * (d - 2 * mean(d) - n * mean(d * n)), *LAYER_NORM.bwd(residuals, dy)[1:])


@planted(LAYER_NORM, ROWS, "x")
def layer_norm_scale_missing(residuals, dy):
    n, r, _ = norm_parts(residuals, dy)
    return (r * (dy - mean(dy) - n * mean(dy * n)), *LAYER_NORM.bwd(residuals, dy)[1:])


@planted(LAYER_NORM, ROWS, "scale")
def layer_norm_scale_cotangent_from_the_input(residuals, dy):
    dx, _, dbias = LAYER_NORM.bwd(residuals, dy)
    return dx, jnp.sum(dy * residuals[0], axis=0), dbias


@planted(LAYER_NORM, ROWS, "bias")
def layer_norm_scale_mixed_into_the_bias(residuals, dy):
    dx, dscale, dbias = LAYER_NORM.bwd(residuals, dy)
    return dx, dscale, dbias * residuals[3]


@planted(LAYER_NORM, ROWS, "x")
def layer_norm_epsilon_dropped(residuals, dy):
    x, mu, _, scale, _ = residuals
    r = jax.lax.rsqrt(mean((x - mu) * (x - mu)))
    n, d = (x - mu) * r, dy * jnp.broadcast_to(scale, dy.shape)
    return (r * (d - mean(d) - n * mean(d * n)), *LAYER_NORM.bwd(residuals, dy)[1:])


@planted(LAYER_NORM, ROWS, "x")
def layer_norm_one_less_in_the_mean(residuals, dy):
    n, r, d = norm_parts(residuals, dy)
    k = dy.shape[-1]
    dx = r * (d - mean(d) - n * mean(d * n) * k / (k - 1))
    return (dx, *LAYER_NORM.bwd(residuals, dy)[1:])


@planted(LAYER_NORM, floats((2, 3, 4), (4,), (4,)), "scale", "bias")
def layer_norm_of_matrices_alone(residuals, dy):
    n, _, _ = norm_parts(residuals, dy)
    return LAYER_NORM.bwd(residuals, dy)[0], jnp.sum(dy * n, axis=0), jnp.sum(dy, axis=0)


RMS = floats((3, 4), (4,))


@planted(RMS_NORM, RMS, "x")
def rms_taken_as_a_constant(residuals, dy):
    _, r, scale = residuals
    return dy * jnp.broadcast_to(scale, dy.shape) * r, RMS_NORM.bwd(residuals, dy)[1]


@planted(RMS_NORM, RMS, "x")
def rms_squared_instead_of_cubed(residuals, dy):
    x, r, scale = residuals
    d = dy * jnp.broadcast_to(scale, dy.shape)
    return d * r - x * r * r * mean(d * x), RMS_NORM.bwd(residuals, dy)[1]


@planted(RMS_NORM, RMS, "x")
def rms_scale_not_inside_the_mean(residuals, dy):
    x, r, scale = residuals
    d = dy * jnp.broadcast_to(scale, dy.shape)
    return d * r - x * r * r * r * mean(dy * x), RMS_NORM.bwd(residuals, dy)[1]


@planted(GROUP_NORM, floats((2, 2, 2, 2), (2, 2), (2, 2)), "x")
def group_norm_mean_over_channels_alone(residuals, dy):
    x, mu, r, scale, _ = residuals
    n, d = (x - mu) * r, dy * jnp.broadcast_to(scale, dy.shape)
    return (r * (d - mean(d) - n * mean(d * n)), *GROUP_NORM.bwd(residuals, dy)[1:])


TOKENS = (*floats((5, 2)), jax.ShapeDtypeStruct((3,), jnp.int32))


@planted(EMBEDDING, TOKENS, "table")
def embedding_repeated_tokens_overwritten(residuals, dy):
    table, tokens = residuals
    return jnp.zeros_like(table).at[tokens].set(dy), None


@planted(ROTARY, floats((2, 3, 2), (2, 3, 2), (3, 2)), "second")
def rotary_sine_not_negated(residuals, dy):
    dfirst, dsecond, dangles = ROTARY.bwd(residuals, dy)
    return dfirst, -dsecond, dangles


@planted(ROTARY, floats((2, 3, 2), (2, 3, 2), (3, 2)), "angles")
def rotary_angles_of_the_first_alone(residuals, dy):
    dfirst, dsecond, _ = ROTARY.bwd(residuals, dy)
    return dfirst, dsecond, -jnp.sum(dy * residuals[0] * jnp.sin(residuals[2])[None], axis=0)


@planted(LEARNED_POSITIONS, floats((2, 3, 2), (3, 2)), "table")
def positions_averaged_over_the_batch(residuals, dy):
    dx, dtable = LEARNED_POSITIONS.bwd(residuals, dy)
    return dx, dtable / dy.shape[0]


MASKED = (*floats((3, 2)), jax.ShapeDtypeStruct((3, 2), jnp.bool_))


@planted(DROPOUT, MASKED, "x")
def dropout_mask_missing(keep, dy):
    return 2 * dy, None


@planted(DROPOUT, MASKED, "x")
def dropout_not_scaled(keep, dy):
    return jnp.where(keep, dy, 0), None


ATTENDED = (*floats((1, 3, 2), (1, 2, 2), (1, 2, 2)), jax.ShapeDtypeStruct((1, 3, 2), jnp.bool_))


def from_scores(residuals, g):
    q, k, *_ = residuals
    return jnp.einsum("...ts,...sk->...tk", g, k), jnp.einsum("...ts,...tk->...sk", g, q)


@planted(ATTENTION, ATTENDED, "q", "k")
def attention_scale_missing(residuals, do):
    dq, dk, dv, _ = ATTENTION.bwd(residuals, do)
    return dq / scale(do), dk / scale(do), dv, None


@planted(ATTENTION, ATTENDED, "q", "k")
def attention_sum_of_a_row_missing(residuals, do):
    q, _, v, p = residuals
    g = p * jnp.einsum("...tj,...sj->...ts", do, v) * scale(q)
    return (*from_scores(residuals, g), *ATTENTION.bwd(residuals, do)[2:])


@planted(ATTENTION, ATTENDED, "q", "k", "v")
def attention_masked_otherwise_on_the_way_back(residuals, do):
    q, k, v, p = residuals
    return ATTENTION.bwd((q, k, v, p * jnp.tril(jnp.ones_like(p))), do)


QUICK = {
    "embedding_repeated_tokens_overwritten",
    "layer_norm_epsilon_dropped",
    "layer_norm_scale_missing",
    "rms_squared_instead_of_cubed",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else pytest.mark.nightly) for n in PLANTED]
)
def test_refuted(name):
    mistake = PLANTED[name]
    report = check(mistake.rule._replace(bwd=mistake.bwd), *mistake.shapes)
    found = {o.name for o in report.obligations if o.verdict is Verdict.REFUTED}
    wanted = {f"cotangent[{argument}]" for argument in mistake.breaks}
    assert wanted <= found <= wanted | {"kinks", "second order"}, str(report)


# --- the same where layers are joined -----------------------------------------------------------


def skipped(residuals, dy):
    """The input is not added on the way back."""
    return INNER.bwd(residuals, dy)


def normalised_with_the_rest(residuals, dy):
    """What skips the branch goes through its normalisation as well."""

    def visit(layer):
        if layer.name != "rms_norm":
            return layer.bwd
        return lambda kept, dn: layer.bwd(kept, dn + dy)

    return INNER.through(visit)(residuals, dy)


def the_rest_dropped(residuals, dy):
    """Of three blocks in groups of one and what is left over, the last ones get no gradient."""
    dparams, dx = STACK.bwd(residuals, dy)
    return jax.tree.map(lambda d: d.at[2:].set(0), dparams), dx


INNER: Any = fnn.serial(fnn.rms_norm(), fnn.dense(3))
STACK = fnn.repeat(fnn.dense(3), 3, remat="sqrt")
CONVOLUTION = fnn.conv1d(2, 2, stride=2)


def averaged_over_positions(residuals, dy):
    dparams, dx = CONVOLUTION.bwd(residuals, dy)
    return {**dparams, "w": dparams["w"] / (dy.shape[0] * dy.shape[1])}, dx


def kernel_turned_around(residuals, dy):
    x, w, *rest = residuals
    return CONVOLUTION.bwd(residuals, dy)[0], CONVOLUTION.bwd((x, w[::-1], *rest), dy)[1]


JOINED = {
    skipped: (fnn.residual(INNER), (2, 3), "x"),
    normalised_with_the_rest: (fnn.residual(INNER), (2, 3), "x"),
    the_rest_dropped: (STACK, (2, 3), "params['w']"),
    averaged_over_positions: (CONVOLUTION, (2, 4, 2), "params['w']"),
    kernel_turned_around: (CONVOLUTION, (2, 4, 2), "x"),
}


@pytest.mark.parametrize(
    "bwd",
    [pytest.param(b, marks=[] if b is skipped else pytest.mark.nightly) for b in JOINED],
    ids=lambda bwd: bwd.__name__,
)
def test_refuted_where_layers_are_joined(bwd):
    """Checked as one layer of which nothing is known but its code."""
    net, shape, breaks = JOINED[bwd]
    x = jax.ShapeDtypeStruct(shape, jnp.float32)
    params = jax.eval_shape(net.init, jax.random.key(0), x)
    report = check(net._replace(bwd=bwd, parts=(), name="joined"), params, x)
    found = {o.name for o in report.obligations if o.verdict is Verdict.REFUTED}
    assert f"cotangent[{breaks}]" in found, str(report)
