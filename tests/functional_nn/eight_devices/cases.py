"""On eight devices of one process, in double precision: see `test_sharding.py`.

The step is gradient descent with momentum: Adam would hide a gradient of the wrong scale.
"""

import functools
import re
import shutil
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import functional_nn as fnn
from derivations.communication import collectives

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((32, 16))
Y = RANDOM.integers(0, 8, 32).astype(np.int32)
NETS = {
    "mlp": fnn.mlp([16, 64, 32, 24, 8], activation=fnn.tanh),
    "repeat": fnn.serial(
        fnn.dense(32), fnn.repeat(fnn.serial(fnn.tanh, fnn.dense(32)), 3), fnn.dense(8)
    ),
}
SEQUENCES = RANDOM.standard_normal((16, 4, 16)), RANDOM.integers(0, 8, (16, 4)).astype(np.int32)
NETS["attention"] = fnn.serial(
    fnn.residual(fnn.multi_head_attention(4)), fnn.dense(32), fnn.tanh, fnn.dense(8)
)
TOKENS = RANDOM.integers(0, 40, (16, 9)).astype(np.int32)
SIZES = {"width": 24, "heads": 4, "blocks": 2, "dtype": jnp.float64}
for arrangement, context in (("gpt2", 8), ("rotary", None)):
    NETS[arrangement] = fnn.transformer(40, context=context, arrangement=arrangement, **SIZES)
TEXT = TOKENS[:, :-1], TOKENS[:, 1:]
DATA = {"mlp": (X, Y), "repeat": (X, Y), "attention": SEQUENCES, "gpt2": TEXT, "rotary": TEXT}
GRADIENTS = {"backprop": fnn.value_and_grad, "autodiff": jax.value_and_grad}
OPTIMIZER = optax.sgd(0.1, momentum=0.9)


def objective(net):
    return fnn.objective(NETS[net], fnn.softmax_cross_entropy)


@functools.cache
def params_of(net):
    return NETS[net].init(jax.random.key(0), DATA[net][0])


def mesh_of(kind):
    devices = jax.device_count()  # eight; fewer in `steps_run.py`
    model = max(devices // 2, 2) if kind == "tensor" else 1
    return fnn.mesh(data=devices // model, model=model)


def layout_of(kind, net, params):
    mesh = mesh_of(kind)
    if kind == "tensor":
        return fnn.tensor_parallel(mesh, NETS[net], params)
    if kind == "full":
        return fnn.fully_sharded(mesh, params, min_size=9)  # all but the last bias
    return fnn.replicated(mesh, params)


def training(kind, wrapper, net="mlp", gradients="backprop", scale=1.0):
    """A training whose gradient is sharded, and a state to start it from."""
    params = params_of(net)
    layout = layout_of(kind, net, params)
    function = wrapper(GRADIENTS[gradients](objective(net)), layout)
    wrong = lambda *args: jax.tree.map(lambda a: a * scale, function(*args))  # noqa: E731
    train = fnn.training(objective(net), OPTIMIZER, gradients=wrong if scale != 1 else function)
    return train, fnn.on_mesh(mesh_of(kind), train.init(jax.device_put(params, layout))), layout


class Run(NamedTuple):
    """Three steps, and the text of the program that took them."""

    state: fnn.TrainState
    loss: jax.Array
    text: str
    layout: Any


@functools.cache
def run(kind, wrapper, net="mlp", gradients="backprop", scale=1.0):
    train, state, layout = training(kind, wrapper, net, gradients, scale)
    data = fnn.shard_batch(mesh_of(kind), DATA[net])
    program: Any = train.step.lower(state, *data).compile()
    state, loss = program(state, *data)
    for _ in range(2):
        state, loss = jax.block_until_ready(program(state, *data))
    return Run(state, loss, program.as_text(), layout)


@functools.cache
def alone(net, gradients="backprop"):
    train = fnn.training(objective(net), OPTIMIZER, gradients=gradients)
    state = train.init(params_of(net))
    state, loss = train.step(state, *DATA[net])
    for _ in range(2):
        state, loss = train.step(state, *DATA[net])
    return state, loss


def difference(found, expected):
    def relative(a, b):
        return float(np.abs(np.asarray(a) - np.asarray(b)).max() / np.abs(np.asarray(b)).max())

    return max(jax.tree.leaves(jax.tree.map(relative, found, expected)))


def seen(params):
    """Leaves out the keys' biases: attention doesn't see them, so their gradients are rounding."""
    return {name: a for name, a in fnn.flatten_params(params).items() if not name.endswith(".bk")}


SLOW = pytest.mark.nightly
WAYS = [
    ("replicated", fnn.sharded),
    pytest.param("replicated", fnn.partitioned, marks=SLOW),
    ("full", fnn.sharded),
    pytest.param("full", fnn.partitioned, marks=SLOW),
    ("tensor", fnn.partitioned),
]
BOTH = ["backprop", pytest.param("autodiff", marks=SLOW)]


def test_there_are_eight_devices_and_double_precision():
    assert jax.device_count() == 8
    assert jnp.result_type(float) == jnp.float64


@pytest.mark.parametrize("gradients", BOTH)
@pytest.mark.parametrize(("kind", "wrapper"), WAYS)
def test_step_is_that_of_one_device(kind, wrapper, gradients):
    state, loss, _, layout = run(kind, wrapper, gradients=gradients)
    expected, expected_loss = alone("mlp", gradients)
    assert difference(state.params, expected.params) <= 1e-12
    assert difference(state.opt_state, expected.opt_state) <= 1e-12
    assert abs(loss - expected_loss) <= 1e-12
    same = jax.tree.map(lambda a, s: a.sharding.is_equivalent_to(s, a.ndim), state.params, layout)
    assert all(jax.tree.leaves(same))


@SLOW
def test_automatic_gradient_is_sharded_as_well():
    assert difference(run("full", fnn.sharded, gradients="autodiff").state.params,
                      alone("mlp")[0].params) <= 1e-12  # fmt: skip


@pytest.mark.parametrize("gradients", BOTH)
@pytest.mark.parametrize(
    ("kind", "wrapper", "net"),
    [
        ("tensor", fnn.partitioned, "attention"),
        *(
            pytest.param(*way, net, marks=SLOW)
            for way in [
                ("replicated", fnn.sharded),
                ("full", fnn.sharded),
                ("full", fnn.partitioned),
                ("tensor", fnn.partitioned),
            ]
            for net in ("gpt2", "rotary")
        ),
    ],
)
def test_step_with_attention_is_that_of_one_device(kind, wrapper, net, gradients):
    state, loss, _, layout = run(kind, wrapper, net, gradients)
    expected, expected_loss = alone(net, "backprop")
    assert difference(*map(seen, (state.params, expected.params))) <= 1e-12
    assert abs(loss - expected_loss) <= 1e-12
    split = jax.tree.leaves(jax.tree.map(lambda s: not s.is_fully_replicated, layout))
    assert sum(split) >= {"replicated": 0, "full": 10, "tensor": 10}[kind]


@pytest.mark.parametrize(("kind", "wrapper"), WAYS[2:])
def test_repeat_is_that_of_one_device(kind, wrapper):
    found = run(kind, wrapper, "repeat")
    assert difference(found.state.params, alone("repeat")[0].params) <= 1e-12


@SLOW
def test_gradient_of_another_scale_would_be_seen():
    found = run("replicated", fnn.sharded, scale=8.0)
    assert difference(found.state.params, alone("mlp")[0].params) > 1e-2


@SLOW
@pytest.mark.parametrize("kind", ["replicated", "full"])
def test_fit_and_its_epochs(kind):
    params, plain = params_of("mlp"), fnn.training(objective("mlp"), OPTIMIZER)
    train, _, layout = training(kind, fnn.sharded)
    options = {"epochs": 2, "batch_size": 16, "progress": False}
    found = fnn.fit(train, jax.device_put(params, layout), X, Y, **options)
    expected = fnn.fit(plain, params, X, Y, **options)
    assert difference(found.state.params, expected.state.params) <= 1e-12


def test_fit_goes_on_from_its_checkpoint_and_on_another_mesh(tmp_path):
    @functools.cache
    def made(devices):
        mesh = fnn.mesh(data=devices, devices=jax.devices()[:devices])
        layout = fnn.fully_sharded(mesh, params_of("mlp"), min_size=9)
        gradients = fnn.sharded(fnn.value_and_grad(objective("mlp")), layout)
        train = fnn.training(objective("mlp"), OPTIMIZER, gradients=gradients)
        return train, jax.device_put(params_of("mlp"), layout)

    def fitted(devices, epochs, **checkpoint):
        options = {"epochs": epochs, "batch_size": 16, "progress": False}
        return fnn.fit(*made(devices), X, Y, **options, **checkpoint).state

    whole = fitted(8, 4)
    fitted(8, 2, checkpoint=tmp_path)
    shutil.copytree(tmp_path, tmp_path / "copy", ignore=lambda *_: ["copy"])
    assert difference(fitted(8, 4, checkpoint=tmp_path), whole) == 0.0
    other = fitted(1, 4, checkpoint=tmp_path / "copy")
    assert 0 < difference(other, whole) <= 1e-12, "of other sums, so it was trained"
    assert len(other.params[0]["w"].sharding.device_set) == 1


@SLOW
def test_microbatches_and_clipping():
    params = params_of("mlp")
    layout = layout_of("full", "mlp", params)
    data = fnn.shard_batch(mesh_of("full"), (X, Y))
    for function in (
        fnn.value_and_grad(objective("mlp"), microbatches=2),
        fnn.clipped_value_and_grad(objective("mlp"), 0.5),
    ):
        expected = function(params, X, Y)
        for wrapper in (fnn.sharded, fnn.partitioned):
            found = jax.jit(wrapper(function, layout))(jax.device_put(params, layout), *data)
            assert difference(found, expected) <= 1e-12


def test_memory_of_a_device_fully_sharded():
    net = fnn.mlp([16, 512, 512, 8])
    params = net.init(jax.random.key(0), X)
    mesh = fnn.mesh(data=8)
    loss = fnn.objective(net, fnn.softmax_cross_entropy)
    layout = fnn.fully_sharded(mesh, params)
    train = fnn.training(
        loss, optax.adam(1e-3), gradients=fnn.sharded(fnn.value_and_grad(loss), layout)
    )
    state = fnn.on_mesh(mesh, train.init(jax.device_put(params, layout)))
    data = fnn.shard_batch(mesh, (X, Y))
    compiled: Any = train.step.lower(state, *data).compile()
    whole = size_of(state)
    for _ in range(2):
        held = dict.fromkeys(jax.devices(), 0)
        for array in jax.tree.leaves(state):
            for shard in array.addressable_shards:
                held[shard.device] += shard.data.nbytes
        assert max(held.values()) <= 1.05 / 8 * whole
        state, _ = jax.block_until_ready(compiled(state, *data))
    batch = sum(a.nbytes for a in data) / 8
    arguments = compiled.memory_analysis().argument_size_in_bytes  # the compiler's own figure
    assert arguments - batch <= 1.05 / 8 * whole


def moved(program, kind=None):
    return sum(c.bytes * c.times for c in collectives(program) if kind in (None, c.kind))


def size_of(tree):
    return sum(a.nbytes for a in jax.tree.leaves(tree))


@pytest.mark.parametrize("gradients", BOTH)
@pytest.mark.parametrize(
    ("wrapper", "net"),
    [
        (fnn.sharded, "mlp"),
        *(
            pytest.param(*given, marks=SLOW)
            for given in [
                (fnn.partitioned, "mlp"), (fnn.sharded, "gpt2"), (fnn.sharded, "rotary"),
            ]
        ),
    ],
)  # fmt: skip
def test_data_parallel_moves_the_parameters_once(wrapper, net, gradients):
    text, size = run("replicated", wrapper, net, gradients).text, size_of(params_of(net))
    assert {c.kind for c in collectives(text)} == {"all-reduce"}
    assert size <= moved(text) <= 1.01 * size


@pytest.mark.parametrize(
    "net", ["mlp", "repeat", *(pytest.param(net, marks=SLOW) for net in ("gpt2", "rotary"))]
)
@pytest.mark.parametrize("gradients", BOTH)
def test_fully_sharded_moves_them_twice(net, gradients):
    text, size = run("full", fnn.sharded, net, gradients).text, size_of(params_of(net))
    assert 0.98 * size <= moved(text, "reduce-scatter") <= 1.01 * size
    assert 0.98 * size <= moved(text, "all-gather") <= 1.01 * size
    assert moved(text) <= 2.05 * size


@pytest.mark.parametrize("net", ["attention", pytest.param("gpt2", marks=SLOW)])
@pytest.mark.parametrize("gradients", BOTH)
def test_tensor_parallel_attention_moves_sums_alone(net, gradients):
    text = run("tensor", fnn.partitioned, net, gradients).text
    assert {c.kind for c in collectives(text)} == {"all-reduce"}


@SLOW
@pytest.mark.parametrize("gradients", GRADIENTS)
def test_tensor_parallel_transformer_moves_activations_and_gradients(gradients):
    text = run("tensor", fnn.partitioned, "gpt2", gradients).text
    # Of activations, a block: two sums forward, also when they are made again, and four back, one
    # for each use of attention's input. Of parameters, those that are whole among the two rows of
    # the mesh, and a quarter of the others.
    activations = 2 * 8 * (8 * 8 * 24) * 8
    assert moved(text) <= 2 * activations + size_of(params_of("gpt2"))


@SLOW
def test_data_parallel_repeat_moves_the_parameters_once():
    text, size = run("replicated", fnn.partitioned, "repeat").text, size_of(params_of("repeat"))
    assert size <= moved(text) <= 1.01 * size


def test_collectives_of_a_loop_count_once_a_turn():
    mesh = fnn.mesh(data=8)
    whole = jax.sharding.PartitionSpec()

    def rounds(x):
        return jax.lax.scan(lambda x, _: (jax.lax.psum(x, "data"), None), x, length=5)[0]

    loop = jax.shard_map(rounds, mesh=mesh, in_specs=whole, out_specs=whole, check_vma=False)
    program: Any = jax.jit(loop).lower(jnp.ones(6)).compile()
    (found,) = collectives(program.as_text())
    assert (found.kind, found.bytes, found.devices, found.times) == ("all-reduce", 48, 8, 5)
    assert found.wire_bytes == 5 * 2 * 48 * 7 / 8


def per_example_text(function, kind="replicated"):
    params = params_of("mlp")
    layout = layout_of(kind, "mlp", params)
    data = fnn.shard_batch(mesh_of(kind), (X, Y))
    compiled = jax.jit(fnn.partitioned(function, layout))
    placed = jax.device_put(params, layout)
    assert difference(compiled(placed, *data), jax.jit(function)(params, X, Y)) <= 1e-12
    program: Any = compiled.lower(placed, *data).compile()
    return program.as_text()


@pytest.mark.parametrize(
    "make",
    [
        fnn.per_example_gradient_norms,
        pytest.param(fnn.sensitivity_norms, marks=SLOW),
        pytest.param(fnn.sensitivities, marks=SLOW),
    ],
)
def test_functions_of_examples_move_nothing(make):
    assert collectives(per_example_text(make(objective("mlp")))) == []


@SLOW
def test_functions_of_examples_gather_split_parameters_and_no_more():
    text = per_example_text(fnn.per_example_gradient_norms(objective("mlp")), "full")
    size = size_of(params_of("mlp"))
    assert {c.kind for c in collectives(text)} == {"all-gather"}
    assert moved(text) <= size


@SLOW
def test_clipped_gradients_and_factors_move_their_result():
    function = fnn.clipped_value_and_grad(objective("mlp"), 0.5)
    text = per_example_text(function)
    size = size_of(params_of("mlp"))
    assert size <= moved(text) <= 1.01 * size

    function = fnn.kfac_factors(objective("mlp"))
    size = size_of(function(params_of("mlp"), X, Y))
    assert moved(per_example_text(function)) <= 1.01 * size


def test_inputs_that_the_mesh_does_not_divide_are_refused():
    mesh = fnn.mesh(data=8)
    message = "must be a multiple of the 8 parts of the mesh's axis 'data'. Got shape (31, 16)"
    with pytest.raises(ValueError, match=re.escape(message)):
        fnn.shard_batch(mesh, X[:31])
    with pytest.raises(ValueError, match=r"the 8 parts .* Got shape \(12,\)"):
        fnn.Batches(X, Y, 12, mesh=mesh)
    for wrapper in (fnn.sharded, fnn.partitioned):
        params = params_of("mlp")
        function = wrapper(fnn.value_and_grad(objective("mlp")), fnn.replicated(mesh, params))
        with pytest.raises(ValueError, match=re.escape(message)):
            function(params, X[:31], Y[:31])
    with pytest.raises(ValueError, match=r"Got shape \(9, 5\) at \['w'\].*min_size=46"):
        fnn.fully_sharded(mesh, {"w": np.ones((9, 5))}, min_size=1)
    wide = fnn.mlp([16, 6, 8])
    with pytest.raises(ValueError, match="multiple of the 4 parts of the mesh's axis 'model'"):
        fnn.tensor_parallel(mesh_of("tensor"), wide, wide.init(jax.random.key(0), X))
    heads = fnn.multi_head_attention(8, shared=2)
    params = heads.init(jax.random.key(0), np.ones((1, 3, 16)))
    with pytest.raises(ValueError, match="multiples of the 4 parts .* Got 8 and 2"):
        fnn.tensor_parallel(mesh_of("tensor"), heads, params)
