"""Activation functions and their hand-written derivatives, one family a file.

All functions keep the dtype (bfloat16, float16, float32 or float64). Softmax apart they work entry
by entry on any shape; bfloat16 and float16 are computed in float32 and rounded once. Each keeps one
array for its backward pass: the output where the derivative follows from it without losing digits,
else the input.
"""

from functional_nn.activations.rectifiers import IDENTITY as IDENTITY
from functional_nn.activations.rectifiers import RELU as RELU
from functional_nn.activations.rectifiers import identity as identity
from functional_nn.activations.rectifiers import identity_bwd as identity_bwd
from functional_nn.activations.rectifiers import identity_fwd as identity_fwd
from functional_nn.activations.rectifiers import relu as relu
from functional_nn.activations.rectifiers import relu_bwd as relu_bwd
from functional_nn.activations.rectifiers import relu_fwd as relu_fwd
from functional_nn.activations.sigmoids import LOG_SIGMOID as LOG_SIGMOID
from functional_nn.activations.sigmoids import SIGMOID as SIGMOID
from functional_nn.activations.sigmoids import SOFTPLUS as SOFTPLUS
from functional_nn.activations.sigmoids import TANH as TANH
from functional_nn.activations.sigmoids import log_sigmoid as log_sigmoid
from functional_nn.activations.sigmoids import log_sigmoid_bwd as log_sigmoid_bwd
from functional_nn.activations.sigmoids import log_sigmoid_fwd as log_sigmoid_fwd
from functional_nn.activations.sigmoids import sigmoid as sigmoid
from functional_nn.activations.sigmoids import sigmoid_bwd as sigmoid_bwd
from functional_nn.activations.sigmoids import sigmoid_fwd as sigmoid_fwd
from functional_nn.activations.sigmoids import softplus as softplus
from functional_nn.activations.sigmoids import softplus_bwd as softplus_bwd
from functional_nn.activations.sigmoids import softplus_fwd as softplus_fwd
from functional_nn.activations.sigmoids import tanh as tanh
from functional_nn.activations.sigmoids import tanh_bwd as tanh_bwd
from functional_nn.activations.sigmoids import tanh_fwd as tanh_fwd
from functional_nn.activations.silus import MISH as MISH
from functional_nn.activations.silus import SILU as SILU
from functional_nn.activations.silus import mish as mish
from functional_nn.activations.silus import mish_bwd as mish_bwd
from functional_nn.activations.silus import mish_fwd as mish_fwd
from functional_nn.activations.silus import silu as silu
from functional_nn.activations.silus import silu_bwd as silu_bwd
from functional_nn.activations.silus import silu_fwd as silu_fwd
from functional_nn.activations.softmax import SOFTMAX as SOFTMAX
from functional_nn.activations.softmax import softmax as softmax
from functional_nn.activations.softmax import softmax_bwd as softmax_bwd
from functional_nn.activations.softmax import softmax_fwd as softmax_fwd
from functional_nn.rules import Rule

RULES: tuple[Rule, ...] = (
    IDENTITY,
    RELU,
    SIGMOID,
    TANH,
    SOFTPLUS,
    LOG_SIGMOID,
    SILU,
    MISH,
    SOFTMAX,
)
