"""The 53 classes of mistakes that people make in hand-written derivatives."""

from typing import Literal, NamedTuple

from .entry import Point

G: Point = "generic"
E: Point = "exposing"
B: Point = "blind"


class Class(NamedTuple):
    """A class of mistakes.

    Attributes:
      slug: Its name.
      line: What goes wrong.
      points: Where it has to have entries.
      kind: What else than a wrong vector-Jacobian product it is.
      reason: Why it is of that kind, or why it has no entry at the points that are left out.
    """

    slug: str
    line: str
    points: tuple[Point, ...]
    kind: Literal["", "convention", "rounding", "second order", "shape", "equivalent"] = ""
    reason: str = ""


# The same at every input and in every size that shows the operation at all.
EVERYWHERE = "no input, size or parameter hides it"

CLASSES: dict[int, Class] = {
    1: Class("bias_not_summed", "db is dy, or its mean, for its sum over the batch", (G, E, B)),
    2: Class(
        "broadcast_summed_over_the_wrong_axis",
        "a broadcast is undone along another axis",
        (G, E, B),
    ),
    3: Class("weights_not_transposed", "dx = dy W for dy Wᵀ", (G, E, B)),
    4: Class("weight_cotangent_transposed", "dW has its axes exchanged or merged", (G, E, B)),
    5: Class("constant_factor", "a 2 or a 1/N is missing, or counts another axis", (G, B)),
    6: Class(
        "sign", "target minus output, or an operand that is not negated", (G,), "", EVERYWHERE
    ),
    7: Class("upstream_ignored", "right only while the upstream cotangent is 1", (G, B)),
    8: Class("a_use_not_counted", "one of several uses of a value is lost", (G,), "", EVERYWHERE),
    9: Class("counted_more_than_once", "a path contributes once too often", (G,), "", EVERYWHERE),
    10: Class("softmax_elementwise", "softmax differentiated like a sigmoid", (G, B)),
    11: Class("softmax_wrong_sum", "softmax subtracts another sum than Σ dy s", (G, E, B)),
    12: Class(
        "log_softmax_sum_missing",
        "log-softmax without Σ dy, or with that of softmax",
        (G, E),
        "",
        "hidden only by a cotangent that sums to one, which is no input",
    ),
    13: Class("mean_divisor", "a mean loss is not divided, or by what it does not count", (G, B)),
    14: Class("label_smoothing_divisor", "smoothing over C - 1 classes for C", (G, B)),
    15: Class("targets_taken_as_normalised", "p - y for p Σy - y", (G, B)),
    16: Class(
        "activation_paired_wrongly",
        "σ' kept with cross-entropy, or dropped without",
        (G,),
        "",
        EVERYWHERE,
    ),
    17: Class(
        "statistics_taken_as_constant",
        "layer norm without the paths of mean or variance",
        (G, E),
        "",
        EVERYWHERE,
    ),
    18: Class(
        "mean_subtracted_twice", "layer norm takes the mean off twice", (G, E), "", EVERYWHERE
    ),
    19: Class("scale_missing", "layer norm's dx without its scale", (G, B)),
    20: Class(
        "not_normalised_input",
        "the scale's cotangent from x, or mixed with the shift's",
        (G, E),
        "",
        EVERYWHERE,
    ),
    21: Class("epsilon", "ε dropped or outside the root, or N - 1 for N", (G, B)),
    22: Class(
        "rms_taken_as_constant", "RMS norm without the path of the root, or a wrong power", (G, B)
    ),
    23: Class(
        "skip_through_the_jacobian",
        "the skip's cotangent runs through the block",
        (G,),
        "",
        EVERYWHERE,
    ),
    24: Class("skip_missing", "the skip's cotangent is not added", (G,), "", EVERYWHERE),
    25: Class(
        "rank_assumed",
        "leading axes of one rank are summed",
        (E,),
        "shape",
        "at the rank that it assumes the rule is right",
    ),
    26: Class(
        "last_block_dropped",
        "what is left over after whole blocks is not written",
        (E, B),
        "shape",
        "a size either is a multiple of the block or is not",
    ),
    27: Class("wrong_constant", "a constant mistyped, used twice, or a 3 forgotten", (G, B)),
    28: Class("another_variant", "value and derivative belong to two functions", (G, B)),
    29: Class(
        "product_rule_term_missing", "a term or a parenthesis of a product", (G,), "", EVERYWHERE
    ),
    30: Class(
        "activation_applied_twice",
        "σ of the activated value, or its formula on x",
        (G,),
        "",
        EVERYWHERE,
    ),
    31: Class("wrong_residual_of_tanh", "1 - t or 1 - x² for 1 - t²", (G,), "", EVERYWHERE),
    32: Class(
        "cancels_in_the_tail",
        "s (1 - s) and 1 - t² cancel",
        (),
        "rounding",
        "equal over the real numbers: it is among the right rules",
    ),
    33: Class(
        "kink_convention",
        "what a derivative is at a kink",
        (E,),
        "convention",
        "inside the one-sided derivatives it is a choice, and among the right rules",
    ),
    34: Class(
        "all_ties",
        "every tied maximum gets the whole cotangent",
        (E, B),
        "",
        "shows at ties alone",
    ),
    35: Class("negative_branch", "the slope or α of the negative side is lost", (G, B)),
    36: Class("branch_constant", "δ or the sign is missing on a branch", (G, B)),
    37: Class("repeated_indices_lost", "cotangents written where they have to be added", (G, E, B)),
    38: Class("dropout_mask", "the mask or 1/(1 - p) is missing, or read off zeros", (G, E, B)),
    39: Class("attention_scale_or_rowsum", "1/√d or the row sum D is missing", (G, B)),
    40: Class("mask_misaligned", "the causal mask is shifted between the passes", (G, E, B)),
    41: Class("rotation_not_reversed", "a rotation is applied again", (G, B)),
    42: Class("cumulative_not_reversed", "a running sum runs on, or is divided by zero", (G, E, B)),
    43: Class("convolution", "kernel not turned or transposed, stride or mean", (G, E, B)),
    44: Class(
        "batch_statistics", "batch norm without a path of its statistics", (G, E), "", EVERYWHERE
    ),
    45: Class("norm_at_zero", "NaN at a zero norm, or an ε that changes the value", (G, B)),
    46: Class(
        "stopped_residual",
        "a residual is stopped: the second derivative is wrong",
        (G, E, B),
        "second order",
        "the first derivative is right everywhere",
    ),
    47: Class("wrong_residual", "the backward pass reads another array", (G,), "", EVERYWHERE),
    48: Class("cotangent_missing", "a cotangent is None or zero", (G, B)),
    49: Class("not_linear", "the cotangent is clipped, gated or squared", (G, B)),
    50: Class("rare_branch", "wrong where inputs seldom are", (G, E, B)),
    51: Class(
        "shift_half_stopped", "one of two uses of the shift is stopped", (G,), "", EVERYWHERE
    ),
    52: Class("hyperparameter_missing", "a factor that is 1 or 0 by default", (G, B)),
    53: Class(
        "equivalent",
        "a term that is exactly zero",
        (),
        "equivalent",
        "nothing is wrong: it has to be proved equal",
    ),
}
