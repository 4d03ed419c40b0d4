"""Losses and their hand-written derivatives: one number per example.

The errors of an example are summed over the last axis; nothing is averaged over the batch here
(`functional_nn.objective` does that). bfloat16 and float16 are computed in float32 and rounded
once.
"""

from functional_nn.losses.binary import HINGE_LOSS as HINGE_LOSS
from functional_nn.losses.binary import SIGMOID_CROSS_ENTROPY as SIGMOID_CROSS_ENTROPY
from functional_nn.losses.binary import hinge_loss as hinge_loss
from functional_nn.losses.binary import hinge_loss_bwd as hinge_loss_bwd
from functional_nn.losses.binary import hinge_loss_fwd as hinge_loss_fwd
from functional_nn.losses.binary import sigmoid_cross_entropy as sigmoid_cross_entropy
from functional_nn.losses.binary import sigmoid_cross_entropy_bwd as sigmoid_cross_entropy_bwd
from functional_nn.losses.binary import sigmoid_cross_entropy_fwd as sigmoid_cross_entropy_fwd
from functional_nn.losses.categorical import KL_DIVERGENCE as KL_DIVERGENCE
from functional_nn.losses.categorical import (
    SMOOTHED_SOFTMAX_CROSS_ENTROPY as SMOOTHED_SOFTMAX_CROSS_ENTROPY,
)
from functional_nn.losses.categorical import SOFTMAX_CROSS_ENTROPY as SOFTMAX_CROSS_ENTROPY
from functional_nn.losses.categorical import kl_divergence as kl_divergence
from functional_nn.losses.categorical import kl_divergence_bwd as kl_divergence_bwd
from functional_nn.losses.categorical import kl_divergence_fwd as kl_divergence_fwd
from functional_nn.losses.categorical import softmax_cross_entropy as softmax_cross_entropy
from functional_nn.losses.categorical import softmax_cross_entropy_bwd as softmax_cross_entropy_bwd
from functional_nn.losses.categorical import softmax_cross_entropy_fwd as softmax_cross_entropy_fwd
from functional_nn.losses.categorical import (
    softmax_cross_entropy_rule as softmax_cross_entropy_rule,
)
from functional_nn.losses.regression import ABSOLUTE_ERROR as ABSOLUTE_ERROR
from functional_nn.losses.regression import HALF_SQUARED_ERROR as HALF_SQUARED_ERROR
from functional_nn.losses.regression import HUBER_LOSS as HUBER_LOSS
from functional_nn.losses.regression import SQUARED_ERROR as SQUARED_ERROR
from functional_nn.losses.regression import absolute_error as absolute_error
from functional_nn.losses.regression import absolute_error_bwd as absolute_error_bwd
from functional_nn.losses.regression import absolute_error_fwd as absolute_error_fwd
from functional_nn.losses.regression import huber_loss as huber_loss
from functional_nn.losses.regression import huber_loss_bwd as huber_loss_bwd
from functional_nn.losses.regression import huber_loss_fwd as huber_loss_fwd
from functional_nn.losses.regression import squared_error as squared_error
from functional_nn.losses.regression import squared_error_bwd as squared_error_bwd
from functional_nn.losses.regression import squared_error_fwd as squared_error_fwd
from functional_nn.losses.regression import squared_error_rule as squared_error_rule
from functional_nn.rules import Rule

RULES: tuple[Rule, ...] = (
    HALF_SQUARED_ERROR,
    SQUARED_ERROR,
    ABSOLUTE_ERROR,
    HUBER_LOSS,
    HINGE_LOSS,
    SIGMOID_CROSS_ENTROPY,
    SOFTMAX_CROSS_ENTROPY,
    SMOOTHED_SOFTMAX_CROSS_ENTROPY,
    KL_DIVERGENCE,
)
