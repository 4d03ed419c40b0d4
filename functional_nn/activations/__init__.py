"""Activation functions and their hand-written derivatives, one family a file.

All functions keep the dtype (bfloat16, float16, float32 or float64). Softmax apart they work entry
by entry on any shape; bfloat16 and float16 are computed in float32 and rounded once. Each keeps one
array for its backward pass: the output where the derivative follows from it without losing digits,
else the input, from which the output is made again where a layer after it needs it (`serial`).
"""

from functional_nn.activations.algebraic import SOFT_SIGN as SOFT_SIGN
from functional_nn.activations.algebraic import SQUAREPLUS as SQUAREPLUS
from functional_nn.activations.algebraic import soft_sign as soft_sign
from functional_nn.activations.algebraic import soft_sign_bwd as soft_sign_bwd
from functional_nn.activations.algebraic import soft_sign_fwd as soft_sign_fwd
from functional_nn.activations.algebraic import squareplus as squareplus
from functional_nn.activations.algebraic import squareplus_bwd as squareplus_bwd
from functional_nn.activations.algebraic import squareplus_fwd as squareplus_fwd
from functional_nn.activations.exponentials import CELU as CELU
from functional_nn.activations.exponentials import ELU as ELU
from functional_nn.activations.exponentials import SELU as SELU
from functional_nn.activations.exponentials import celu as celu
from functional_nn.activations.exponentials import celu_bwd as celu_bwd
from functional_nn.activations.exponentials import celu_fwd as celu_fwd
from functional_nn.activations.exponentials import elu as elu
from functional_nn.activations.exponentials import elu_bwd as elu_bwd
from functional_nn.activations.exponentials import elu_fwd as elu_fwd
from functional_nn.activations.exponentials import selu as selu
from functional_nn.activations.exponentials import selu_bwd as selu_bwd
from functional_nn.activations.exponentials import selu_fwd as selu_fwd
from functional_nn.activations.from_output import SIGMOID_FROM_OUTPUT as SIGMOID_FROM_OUTPUT
from functional_nn.activations.from_output import TANH_FROM_OUTPUT as TANH_FROM_OUTPUT
from functional_nn.activations.gated import GLU as GLU
from functional_nn.activations.gated import SWIGLU as SWIGLU
from functional_nn.activations.gated import glu as glu
from functional_nn.activations.gated import glu_bwd as glu_bwd
from functional_nn.activations.gated import glu_fwd as glu_fwd
from functional_nn.activations.gated import swiglu as swiglu
from functional_nn.activations.gated import swiglu_bwd as swiglu_bwd
from functional_nn.activations.gated import swiglu_fwd as swiglu_fwd
from functional_nn.activations.gelus import GELU as GELU
from functional_nn.activations.gelus import GELU_TANH as GELU_TANH
from functional_nn.activations.gelus import gelu as gelu
from functional_nn.activations.gelus import gelu_bwd as gelu_bwd
from functional_nn.activations.gelus import gelu_fwd as gelu_fwd
from functional_nn.activations.gelus import gelu_tanh as gelu_tanh
from functional_nn.activations.gelus import gelu_tanh_bwd as gelu_tanh_bwd
from functional_nn.activations.gelus import gelu_tanh_fwd as gelu_tanh_fwd
from functional_nn.activations.hard import HARD_SIGMOID as HARD_SIGMOID
from functional_nn.activations.hard import HARD_SILU as HARD_SILU
from functional_nn.activations.hard import HARD_TANH as HARD_TANH
from functional_nn.activations.hard import hard_sigmoid as hard_sigmoid
from functional_nn.activations.hard import hard_sigmoid_bwd as hard_sigmoid_bwd
from functional_nn.activations.hard import hard_sigmoid_fwd as hard_sigmoid_fwd
from functional_nn.activations.hard import hard_silu as hard_silu
from functional_nn.activations.hard import hard_silu_bwd as hard_silu_bwd
from functional_nn.activations.hard import hard_silu_fwd as hard_silu_fwd
from functional_nn.activations.hard import hard_tanh as hard_tanh
from functional_nn.activations.hard import hard_tanh_bwd as hard_tanh_bwd
from functional_nn.activations.hard import hard_tanh_fwd as hard_tanh_fwd
from functional_nn.activations.precise import PRECISE_RULES as PRECISE_RULES
from functional_nn.activations.rectifiers import IDENTITY as IDENTITY
from functional_nn.activations.rectifiers import LEAKY_RELU as LEAKY_RELU
from functional_nn.activations.rectifiers import PRELU as PRELU
from functional_nn.activations.rectifiers import RELU as RELU
from functional_nn.activations.rectifiers import RELU6 as RELU6
from functional_nn.activations.rectifiers import identity as identity
from functional_nn.activations.rectifiers import identity_bwd as identity_bwd
from functional_nn.activations.rectifiers import identity_fwd as identity_fwd
from functional_nn.activations.rectifiers import leaky_relu as leaky_relu
from functional_nn.activations.rectifiers import leaky_relu_bwd as leaky_relu_bwd
from functional_nn.activations.rectifiers import leaky_relu_fwd as leaky_relu_fwd
from functional_nn.activations.rectifiers import prelu as prelu
from functional_nn.activations.rectifiers import prelu_bwd as prelu_bwd
from functional_nn.activations.rectifiers import prelu_fwd as prelu_fwd
from functional_nn.activations.rectifiers import relu as relu
from functional_nn.activations.rectifiers import relu6 as relu6
from functional_nn.activations.rectifiers import relu6_bwd as relu6_bwd
from functional_nn.activations.rectifiers import relu6_fwd as relu6_fwd
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
    RELU6,
    LEAKY_RELU,
    PRELU,
    SIGMOID,
    TANH,
    SOFTPLUS,
    LOG_SIGMOID,
    ELU,
    CELU,
    SELU,
    SILU,
    MISH,
    GELU,
    GELU_TANH,
    SOFT_SIGN,
    SQUAREPLUS,
    HARD_TANH,
    HARD_SIGMOID,
    HARD_SILU,
    GLU,
    SWIGLU,
    SOFTMAX,
)
