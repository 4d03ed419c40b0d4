"""`transformer` and `readout_objective`: both gradients of a whole network, causality, refusals."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn as fnn

VOCABULARY, CONTEXT = 11, 10
BOUNDS = {"gpt2": 1.3, "rotary": 0.55}  # of a gradient's norm, between those of the examples
ARRANGEMENTS = {"gpt2": {"context": CONTEXT}, "rotary": {}}
OBJECTIVES = {
    "by rows": fnn.readout_objective,
    "logits": lambda net: fnn.objective(net, fnn.softmax_cross_entropy),
}
# A quick compilation: what is compared here is not how fast it runs.
QUICK = {"xla_backend_optimization_level": 0}


def network(arrangement, dtype, **sizes):
    sizes = {"width": 8, "heads": 2, "blocks": 2} | ARRANGEMENTS[arrangement] | sizes
    return fnn.transformer(VOCABULARY, arrangement=arrangement, dtype=dtype, **sizes)


def tokens(seed=0, shape=(3, 9)):
    return jnp.asarray(np.random.default_rng(seed).integers(0, VOCABULARY, shape), jnp.int32)


def wide(tree):
    return jax.tree.map(lambda a: np.asarray(a, np.float64), tree)


def error(found, expected):
    """The size of the error of a whole gradient, in units of the gradient's."""
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    found, expected = (jax.tree.leaves(wide(tree)) for tree in (found, expected))
    assert [a.shape for a in found] == [b.shape for b in expected]
    a, b = (np.concatenate([array.ravel() for array in arrays]) for arrays in (found, expected))
    return np.linalg.norm(a - b) / np.linalg.norm(b)


@functools.cache
def differentiated(arrangement, of, dtype, **sizes):
    """Loss and gradient of parameters, by hand and by jax.grad of the logits' cross-entropy."""
    net, text = network(arrangement, dtype, **sizes), tokens()
    by_hand, plain = OBJECTIVES[of](net), OBJECTIVES["logits"](net)

    def both(params):
        batch = text[:, :-1], text[:, 1:]
        return fnn.value_and_grad(by_hand)(params, *batch), jax.value_and_grad(plain)(
            params, *batch
        )

    return jax.jit(both, compiler_options=QUICK if dtype == jnp.float64 else None)


def in_double(arrangement, of, params, **sizes):
    with jax.enable_x64(True):
        both = differentiated(arrangement, of, jnp.float64, **sizes)
        return both(jax.tree.map(jnp.asarray, wide(params)))


@pytest.mark.slow
@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
@pytest.mark.parametrize("of", ["by rows", pytest.param("logits", marks=pytest.mark.nightly)])
def test_the_whole_gradient_in_double_precision(arrangement, of, draw_params):
    params = draw_params(network(arrangement, jnp.float32), tokens())
    found, expected = in_double(arrangement, of, params)
    assert found[0].dtype == jnp.float64
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-14)
    assert error(found[1], expected[1]) <= 1e-13


@pytest.mark.nightly
@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_in_single_precision_the_error_is_that_of_autodiff(arrangement):
    """Against double precision, as a mean over networks as they start: both only round."""
    large = {"width": 32, "heads": 4, "blocks": 3}
    start, errors = jax.jit(network(arrangement, jnp.float32, **large).init), []
    both = differentiated(arrangement, "by rows", jnp.float32, **large)
    for seed in range(12):
        params = start(jax.random.key(seed), tokens())
        _, (_, truth) = in_double(arrangement, "by rows", params, **large)
        errors.append([error(grads, truth) for _, grads in both(params)])
    by_hand, automatic = np.mean(errors, axis=0)
    assert by_hand <= 1.05 * automatic


@pytest.mark.slow
@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
@pytest.mark.parametrize("of", ["by rows", pytest.param("logits", marks=pytest.mark.nightly)])
def test_norms_and_clipping_of_single_examples(arrangement, of, draw_params):
    """Against `vmap` of `grad`, in double precision: the table of "gpt2" is used twice."""
    params = draw_params(network(arrangement, jnp.float32), tokens())
    bound = BOUNDS[arrangement]
    with jax.enable_x64(True):
        net, text = network(arrangement, jnp.float64), tokens()
        params = jax.tree.map(jnp.asarray, wide(params))
        mine, plain = OBJECTIVES[of](net), OBJECTIVES["logits"](net)

        def both(params, x, y):
            def of_one(x, y):
                return jax.grad(plain)(params, x[None], y[None])

            grads = jax.vmap(of_one)(x, y)
            squares = [jnp.sum(g * g, axis=range(1, g.ndim)) for g in jax.tree.leaves(grads)]
            norms = jnp.sqrt(sum(squares[1:], squares[0]))
            weights = jnp.minimum(1, bound / norms) / len(norms)
            clipped = jax.tree.map(lambda g: jnp.tensordot(weights, g, 1), grads)
            found = fnn.per_example_gradient_norms(mine)(params, x, y)
            return (found, norms), (fnn.clipped_value_and_grad(mine, bound)(params, x, y), clipped)

        (norms, expected), ((_, found), clipped) = jax.device_get(
            jax.jit(both, compiler_options=QUICK)(params, text[:, :-1], text[:, 1:])
        )
    np.testing.assert_allclose(norms, expected, rtol=1e-13)
    assert min(expected) < bound < max(expected)
    assert error(found, clipped) <= 1e-13


@pytest.mark.parametrize("arrangement", ["gpt2", pytest.param("rotary", marks=pytest.mark.nightly)])
def test_no_logit_hangs_on_a_later_token(arrangement, draw_params):
    net = network(arrangement, jnp.float32, blocks=1)
    params = draw_params(net, tokens())
    # Of one forward pass for all: example t differs from the first from its token t on.
    first, other = tokens(0, (CONTEXT,)), (tokens(0, (CONTEXT,)) + 1) % VOCABULARY
    later = jnp.arange(CONTEXT)[None, :] >= jnp.arange(CONTEXT)[:, None]
    text = jnp.concatenate([first[None], jnp.where(later, other[None], first[None])])
    for function in (net.apply, lambda params, x: net.fwd(params, x)[0]):
        logits = jax.jit(function, compiler_options=QUICK)(params, text)
        for t in range(CONTEXT):
            np.testing.assert_array_equal(logits[1 + t, :t], logits[0, :t])
            assert (logits[1 + t, t] != logits[0, t]).any()


def test_gpt2_has_the_parameters_of_gpt2():
    net = fnn.transformer(50_257, width=768, heads=12, blocks=12, context=1024)
    params = jax.eval_shape(net.init, jax.random.key(0), jax.ShapeDtypeStruct((1, 1), jnp.int32))
    assert sum(p.size for p in jax.tree.leaves(params)) == 124_439_808


@pytest.mark.nightly
def test_deviations_at_the_start():
    net = fnn.transformer(50, width=64, heads=2, blocks=8, context=100)
    table, positions, (attention, mlp), _, unread = jax.jit(net.init, compiler_options=QUICK)(
        jax.random.key(0), tokens()
    )
    assert unread["table"] == ()
    # Of 3,200 draws or more the deviation is off by 1.3 % on average.
    for array in (table["table"], positions["table"], attention[1]["wq"], mlp[1]["w"]):
        np.testing.assert_allclose(array.std(), 0.02, rtol=0.05)
    for array in (attention[1]["wo"], mlp[3]["w"]):
        np.testing.assert_allclose(array.std(), 0.02 / 4, rtol=0.05)


def test_a_block_keeps_its_input_alone():
    net = network("gpt2", jnp.float32)
    params = jax.eval_shape(net.init, jax.random.key(0), tokens())
    _, kept = jax.eval_shape(net.fwd, params, tokens())
    of_blocks, _, inputs, _ = kept[2]
    assert jax.tree.structure(of_blocks) == jax.tree.structure(params[2])
    assert inputs.shape == (2, 3, 9, 8)


def test_bad_arguments():
    make = fnn.transformer
    with pytest.raises(ValueError, match="heads must divide width. Got 3 heads for a width of 8"):
        make(5, width=8, heads=3, blocks=1, context=4)
    with pytest.raises(ValueError, match="even parts.* Got 4 heads for .* 12. Use .* of 8"):
        make(5, width=12, heads=4, blocks=1, arrangement="rotary")
    with pytest.raises(ValueError, match="which 'gpt2' has. Got None for 'gpt2'. Pass the length"):
        make(5, width=8, heads=2, blocks=1)
    with pytest.raises(ValueError, match="Got 4 for 'rotary'. Pass none"):
        make(5, width=8, heads=2, blocks=1, context=4, arrangement="rotary")
    with pytest.raises(ValueError, match="Got 'gpt'. Did you mean 'gpt2'?"):
        make(5, width=8, heads=2, blocks=1, context=4, arrangement="gpt")
    with pytest.raises(ValueError, match="blocks must be a positive whole number. Got 0"):
        make(5, width=8, heads=2, blocks=0, context=4)
    with pytest.raises(ValueError, match="length must be a positive whole number. Got 0"):
        make(5, width=8, heads=2, blocks=1, context=0)


def test_bad_tokens(draw_params):
    net = network("gpt2", jnp.float32)
    params, text = draw_params(net, tokens()), tokens(shape=(2, CONTEXT + 1))
    for function in (net.apply, net.fwd):
        with pytest.raises(ValueError, match=r"longer than the table of positions, 10. Got .*11"):
            jax.eval_shape(function, params, text)
        with pytest.raises(ValueError, match=r"lie in \[0, 11\).* Got 11 at tokens\[0, 2\]"):
            function(params, text.at[0, 2].set(VOCABULARY))
    with pytest.raises(TypeError, match="tokens must be whole numbers"):
        net.apply(params, jnp.ones((2, 3), jnp.float32))


def test_bad_objectives(draw_params):
    with pytest.raises(ValueError, match="must end in a readout.* Got dense at its end"):
        fnn.readout_objective(fnn.mlp([3, 2]))
    with pytest.raises(TypeError, match="net must be a layer"):
        fnn.readout_objective("gpt")  # pyright: ignore[reportArgumentType]
    net = fnn.serial(fnn.dense(3), fnn.readout(5))
    objective, x = fnn.readout_objective(net), jnp.ones((2, 4, 3), jnp.float32)
    params = draw_params(net, x)
    with pytest.raises(ValueError, match=r"Got labels of shape \(2,\) for rows of .*\(2, 4, 3\)"):
        objective(params, x, jnp.int32([0, 1]))
    with pytest.raises(ValueError, match=r"lie in \[0, 5\).* Got labels from 0 to 5"):
        objective(params, x, jnp.int32([[0, 1, 2, 5], [0, 0, 0, 0]]))
    unknown = fnn.readout_objective(fnn.serial(fnn.prelu(), fnn.readout(5)))
    with pytest.raises(ValueError, match="need the `squares` of every layer.* Got prelu without"):
        fnn.per_example_gradient_norms(unknown)
