"""Neural networks in JAX whose every backward pass is written by hand.

Parameters are plain pytrees, layers are plain functions, and `functional_nn.value_and_grad` is a
drop-in twin of `jax.value_and_grad`.
"""

from functional_nn import activations as activations
from functional_nn import losses as losses
from functional_nn.backprop import Objective as Objective
from functional_nn.backprop import Sensitivity as Sensitivity
from functional_nn.backprop import objective as objective
from functional_nn.backprop import sensitivities as sensitivities
from functional_nn.backprop import value_and_grad as value_and_grad
from functional_nn.branches import parallel as parallel
from functional_nn.branches import residual as residual
from functional_nn.branches import tied as tied
from functional_nn.checkpoints import Checkpoints as Checkpoints
from functional_nn.checkpoints import Restored as Restored
from functional_nn.combinators import serial as serial
from functional_nn.data import Batches as Batches
from functional_nn.data import prefetch as prefetch
from functional_nn.distributed import distributed as distributed
from functional_nn.ensembles import Prediction as Prediction
from functional_nn.ensembles import ensemble as ensemble
from functional_nn.ensembles import ensemble_loss as ensemble_loss
from functional_nn.ensembles import member as member
from functional_nn.ensembles import prediction as prediction
from functional_nn.fitting import Fit as Fit
from functional_nn.fitting import fit as fit
from functional_nn.flat import Damaged as Damaged
from functional_nn.flat import flatten_params as flatten_params
from functional_nn.flat import unflatten_params as unflatten_params
from functional_nn.gpt2 import load_gpt2 as load_gpt2
from functional_nn.guards import Nonfinite as Nonfinite
from functional_nn.guards import first_nonfinite as first_nonfinite
from functional_nn.layers import attention as _attention
from functional_nn.layers import dense as _dense
from functional_nn.layers import dropout as _dropout
from functional_nn.layers import embedding as _embedding
from functional_nn.layers import group_norm as _group_norm
from functional_nn.layers import normalization as _normalization
from functional_nn.layers import rotary as _rotary
from functional_nn.layers.blockwise import blockwise_attention_rule as blockwise_attention_rule
from functional_nn.layers.convolution import conv1d as conv1d
from functional_nn.layers.convolution import conv2d as conv2d
from functional_nn.layers.dense import readout as readout
from functional_nn.layers.elementwise import celu as celu
from functional_nn.layers.elementwise import elementwise as elementwise
from functional_nn.layers.elementwise import elu as elu
from functional_nn.layers.elementwise import gelu as gelu
from functional_nn.layers.elementwise import gelu_tanh as gelu_tanh
from functional_nn.layers.elementwise import hard_sigmoid as hard_sigmoid
from functional_nn.layers.elementwise import hard_silu as hard_silu
from functional_nn.layers.elementwise import hard_tanh as hard_tanh
from functional_nn.layers.elementwise import identity as identity
from functional_nn.layers.elementwise import leaky_relu as leaky_relu
from functional_nn.layers.elementwise import log_sigmoid as log_sigmoid
from functional_nn.layers.elementwise import mish as mish
from functional_nn.layers.elementwise import relu as relu
from functional_nn.layers.elementwise import relu6 as relu6
from functional_nn.layers.elementwise import selu as selu
from functional_nn.layers.elementwise import sigmoid as sigmoid
from functional_nn.layers.elementwise import sigmoid_from_output as sigmoid_from_output
from functional_nn.layers.elementwise import silu as silu
from functional_nn.layers.elementwise import soft_sign as soft_sign
from functional_nn.layers.elementwise import softmax as softmax
from functional_nn.layers.elementwise import softplus as softplus
from functional_nn.layers.elementwise import squareplus as squareplus
from functional_nn.layers.elementwise import tanh as tanh
from functional_nn.layers.elementwise import tanh_from_output as tanh_from_output
from functional_nn.layers.flatten import flatten as flatten
from functional_nn.layers.gates import gated as gated
from functional_nn.layers.gates import glu as glu
from functional_nn.layers.gates import prelu as prelu
from functional_nn.layers.gates import swiglu as swiglu
from functional_nn.layers.heads import multi_head_attention as multi_head_attention
from functional_nn.layers.layer import Layer as Layer
from functional_nn.layers.pooling import avg_pool as avg_pool
from functional_nn.layers.pooling import global_avg_pool as global_avg_pool
from functional_nn.layers.pooling import global_max_pool as global_max_pool
from functional_nn.layers.pooling import max_pool as max_pool
from functional_nn.layers.rotary import rotary_angles as rotary_angles
from functional_nn.layers.rotary import turned as turned
from functional_nn.layouts import fully_sharded as fully_sharded
from functional_nn.layouts import mesh as mesh
from functional_nn.layouts import on_mesh as on_mesh
from functional_nn.layouts import replicated as replicated
from functional_nn.layouts import shard_batch as shard_batch
from functional_nn.losses.linear import LINEAR_CROSS_ENTROPY as _LINEAR_CROSS_ENTROPY
from functional_nn.losses.linear import linear_cross_entropy_rule as linear_cross_entropy_rule
from functional_nn.networks import convnet as convnet
from functional_nn.networks import mlp as mlp
from functional_nn.per_example import KroneckerFactors as KroneckerFactors
from functional_nn.per_example import clipped_value_and_grad as clipped_value_and_grad
from functional_nn.per_example import kfac_factors as kfac_factors
from functional_nn.per_example import per_example_gradient_norms as per_example_gradient_norms
from functional_nn.per_example import sensitivity_norms as sensitivity_norms
from functional_nn.progress import Epoch as Epoch
from functional_nn.readouts import readout_objective as readout_objective
from functional_nn.records import json_lines as json_lines
from functional_nn.records import tensorboard as tensorboard
from functional_nn.repetition import repeat as repeat
from functional_nn.resume import STOPPED as STOPPED
from functional_nn.rules import Rule as Rule
from functional_nn.rules import with_rule as with_rule
from functional_nn.sharding import partitioned as partitioned
from functional_nn.sharding import sharded as sharded
from functional_nn.tensor_layouts import tensor_parallel as tensor_parallel
from functional_nn.tensors import load_safetensors as load_safetensors
from functional_nn.tensors import save_safetensors as save_safetensors
from functional_nn.training import Training as Training
from functional_nn.training import TrainState as TrainState
from functional_nn.training import training as training
from functional_nn.transformers import transformer as transformer

# Under these names the package offers the layer, or the rule, and not the bare function.
dense = _dense.dense_layer
dropout = _dropout.dropout_layer
embedding = _embedding.embedding_layer
learned_positions = _embedding.learned_positions_layer
group_norm = _group_norm.group_norm_layer
layer_norm = _normalization.layer_norm_layer
rms_norm = _normalization.rms_norm_layer
rotary = _rotary.rotary_layer
absolute_error = losses.ABSOLUTE_ERROR
hinge_loss = losses.HINGE_LOSS
huber_loss = losses.HUBER_LOSS
kl_divergence = losses.KL_DIVERGENCE
sigmoid_cross_entropy = losses.SIGMOID_CROSS_ENTROPY
softmax_cross_entropy = losses.SOFTMAX_CROSS_ENTROPY
squared_error = losses.squared_error_rule

_LAYERS = (
    _dense.DENSE,
    _normalization.LAYER_NORM,
    _normalization.RMS_NORM,
    _group_norm.GROUP_NORM,
    _embedding.EMBEDDING,
    _embedding.LEARNED_POSITIONS,
    _rotary.ROTARY,
    _dropout.DROPOUT,
    _attention.ATTENTION,
)
_LOSSES = (*losses.RULES, _LINEAR_CROSS_ENTROPY)
RULES: dict[str, Rule] = {rule.name: rule for rule in (*activations.RULES, *_LAYERS, *_LOSSES)}
"""Every operation with a hand-written backward pass, by name."""
