"""The catalogue of mistakes: what people get wrong in backward passes, and what is right."""

from typing import NamedTuple


class Mistake(NamedTuple):
    """A mistake that has been made more than once.

    Attributes:
      key: Its short name.
      title: What it is called, as a sentence without a full stop.
      explanation: What happens, and why it is wrong.
      remedy: The right formula, or what to do.
    """

    key: str
    title: str
    explanation: str
    remedy: str


def _table(*rows: tuple[str, str, str, str]) -> dict[str, Mistake]:
    return {row[0]: Mistake(*row) for row in rows}


CATALOGUE: dict[str, Mistake] = _table(
    ("bias_not_summed",
     "The bias's cotangent is not summed over the batch",
     "One bias serves every row of the batch, so that every row sends a cotangent back to it. "
     "Returned as it comes, it has the output's shape; averaged, it is too small by the batch's "
     "size.",
     "y = x w + b with b added to each row: db = Σ_n dy[n], `jnp.sum(dy, axis=0)`."),
    ("broadcast_summed_over_the_wrong_axis",
     "A broadcast is undone along the wrong axis",
     "What was broadcast forwards is summed backwards, over those axes that were added or "
     "stretched and no others. Where two sizes are equal the wrong axis has the right shape.",
     "y[n, k] = x[n, k] g[k]: dg[k] = Σ_n dy[n, k] x[n, k]."),
    ("weights_not_transposed",
     "w stands where wᵀ belongs",
     "The cotangent goes back through the transpose of the matrix. For a square matrix the shapes "
     "hide the mistake, and for a symmetric one the numbers do too.",
     "y = x w: dx = dy wᵀ and dw = xᵀ dy."),
    ("weight_cotangent_transposed",
     "The weights' cotangent is transposed",
     "A cotangent has its argument's layout, axis for axis.",
     "y = x w: dw = xᵀ dy, in the shape of w, not dyᵀ x."),
    ("constant_factor",
     "A constant factor is wrong",
     "The derivative is right but for a number, such as the 2 of a square or part of a divisor.",
     "d(u²) = 2u du; the mean over N rows of D entries has the factor 1/(N D), not 1/N."),
    ("sign",
     "A sign is wrong",
     "The whole cotangent or a term of it has the wrong sign: t - y for y - t, or the second "
     "operand of a subtraction not negated.",
     "c = a - b: da = dc and db = -dc."),
    ("upstream_ignored",
     "The upstream cotangent is ignored",
     "The rule returns the derivative itself. A cotangent has to be multiplied by what comes from "
     "above; at the end of a network that is 1, and nothing is seen.",
     "y = f(x): dx = dy · f'(x)."),
    ("a_use_not_counted",
     "A use of a value is not counted",
     "A value that is used twice receives the sum of two cotangents. Here one replaces the other.",
     "z = f(x) + g(x): dx = dz · f'(x) + dz · g'(x): add (`+=`), do not set."),
    ("counted_more_than_once",
     "A cotangent is counted more than once",
     "A cotangent is passed on again, or goes to where it does not belong as well.",
     "Each use of a value contributes once: the cotangents of its uses are added up, then passed "
     "on a single time; of max(x, y) only the larger one gets the cotangent."),
    ("softmax_elementwise",
     "The softmax is taken for element-wise",
     "s(1 - s) is the diagonal of the softmax's Jacobian only: every output depends on every "
     "input, through the sum that it is divided by.",
     "s = softmax(x): dx = s ⊙ (ds - Σ_j ds_j s_j)."),
    ("softmax_wrong_sum",
     "The softmax's sum is wrong",
     "The sum that is subtracted is one of products ds·s, over the softmax's own axis, and s "
     "multiplies all of it.",
     "s = softmax(x): dx = s ⊙ (ds - Σ_j ds_j s_j)."),
    ("log_softmax_sum_missing",
     "The log-softmax's sum is missing",
     "g - s is right only where the cotangent sums to one, as that of a cross-entropy with one "
     "label does.",
     "l = log_softmax(x): dx = dl - softmax(x) · Σ_j dl_j."),
    ("mean_divisor",
     "The divisor of a mean is missing or wrong",
     "A mean divides each cotangent by the number of its terms: that one, not the number of "
     "others, and only where the primal divides. Entries that a mask leaves out are not counted.",
     "c = (1/N) Σ_n l_n: dl_n = dc/N."),
    ("label_smoothing_divisor",
     "Label smoothing is spread over another number of classes",
     "The forward pass spreads a over all C classes and the backward pass over the other C - 1, or "
     "the other way round.",
     "y' = (1 - a) y + a/C: dz = s Σ y' - y', with the same a/C."),
    ("targets_taken_as_normalised",
     "The targets are taken to sum to one",
     "s - y is the cross-entropy's derivative only if the targets of a row sum to one.",
     "C = -Σ_k y_k log s_k: dz = s Σ_k y_k - y."),
    ("activation_paired_wrongly",
     "The activation's derivative is kept where it cancels, or dropped where it does not",
     "With the cross-entropy, σ' cancels and s - y is left. With the squared error it does not.",
     "Cross-entropy: dz = σ(z) - y. Squared error ½(σ(z) - y)²: dz = (σ(z) - y) σ'(z)."),
    ("statistics_taken_as_constant",
     "Mean or variance are taken for constants",
     "Both depend on every entry of the row: each sends back a term of its own.",
     "x̂ = (x - μ)/σ: dx = (1/σ)(dx̂ - mean(dx̂) - x̂ · mean(dx̂ ⊙ x̂))."),
    ("mean_subtracted_twice",
     "The mean is subtracted twice",
     "The term of the mean is there once in the derivative: through the variance it is zero, as "
     "Σ(x - μ) = 0.",
     "x̂ = (x - μ)/σ: dx = (1/σ)(dx̂ - mean(dx̂) - x̂ · mean(dx̂ ⊙ x̂))."),
    ("scale_missing",
     "A scale is missing",
     "The cotangent passes the scale before anything else. With the scale at its default of one, "
     "nothing is seen.",
     "y = γ ⊙ x̂: dx̂ = γ ⊙ dy, and it is dx̂ that goes into the norm's formula."),
    ("not_normalised_input",
     "The input stands where the normalised input belongs",
     "The scale multiplies the normalised input, so that its cotangent is made with that.",
     "y = γ ⊙ x̂ + β: dγ = Σ_n dy ⊙ x̂ and dβ = Σ_n dy."),
    ("epsilon",
     "ε, or the N of a variance, differs from the forward pass's",
     "The backward pass leaves ε out, adds it outside the root, or divides by N - 1 for N. Where "
     "the variance is not small, ε is hard to see.",
     "Keep 1/√(var + ε) from the forward pass and use it backwards; var divides by N or by N - 1 "
     "in both."),
    ("rms_taken_as_constant",
     "The root mean square is taken for a constant, or its term is wrong",
     "The root mean square r depends on every entry. Its term has 1/r³, and the scale inside the "
     "mean.",
     "y = γ ⊙ x/r: dx = γ ⊙ dy/r - x · mean(γ ⊙ dy ⊙ x)/r³."),
    ("skip_through_the_jacobian",
     "The skip connection's cotangent goes through the layer's Jacobian",
     "What skips a layer forwards skips it backwards.",
     "y = x + f(x): dx = dy + J_fᵀ dy, not J_fᵀ(dy + dy)."),
    ("skip_missing",
     "The skip connection's cotangent is missing",
     "The cotangent goes back through the layer and beside it; both are added.",
     "y = x + f(x): dx = dy + J_fᵀ dy."),
    ("rank_assumed",
     "The backward pass assumes a number of axes",
     "The primal takes arrays of any number of axes, and the backward pass sums or transposes by "
     "fixed numbers.",
     "Sum over all axes but the last: `axis=tuple(range(dy.ndim - 1))`."),
    ("last_block_dropped",
     "The last, incomplete block is dropped",
     "The rows are worked through in blocks, and what is left over when the size is no multiple of "
     "the block is forgotten.",
     "Work on ⌈N/B⌉ blocks, the last one masked, or on the rest by itself."),
    ("wrong_constant",
     "A constant in the derivative is wrong",
     "A number was copied wrongly or not differentiated, such as 0.044715 for 3·0.044715.",
     "gelu (tanh): u = √(2/π)(x + 0.044715 x³), u' = √(2/π)(1 + 3·0.044715 x²)."),
    ("another_variant",
     "It is the derivative of another function of the family",
     "Forward and backward pass are of two variants, such as the exact gelu and its tanh form.",
     "Differentiate the variant that the forward pass computes."),
    ("product_rule_term_missing",
     "A term of the product rule is missing",
     "Both factors depend on the argument, and one of them was taken for a constant; or "
     "parentheses are missing.",
     "(uv)' = u'v + uv'; silu: σ(x) + x σ(x)(1 - σ(x))."),
    ("activation_applied_twice",
     "The sigmoid's derivative is taken at the wrong value",
     "σ' = s(1 - s) is a formula in the output s. Here it is applied to the input, σ is applied "
     "to the output again, or a factor of it is lost.",
     "s = σ(x): dx = ds · s(1 - s)."),
    ("wrong_residual_of_tanh",
     "The derivative of tanh is taken at the wrong value",
     "tanh' = 1 - t² is a formula in the output t: not 1 - t, and not 1 - x² of the input.",
     "t = tanh(x): dx = dt · (1 - t²)."),
    ("cancels_in_the_tail",
     "The derivative cancels in the tail",
     "1 - s and 1 - t² lose all digits where s or t is rounded to one. Over the reals the formula "
     "is right.",
     "σ'(x) = σ(x) σ(-x); tanh'(x) = 4e/(1 + e)² with e = exp(-2|x|)."),
    ("kink_convention",
     "The value at a kink lies outside the one-sided derivatives",
     "At a kink every value between the one-sided derivatives is a convention. This one is none.",
     "relu'(0) is 0 in most libraries; anything in [0, 1] can be defended."),
    ("all_ties",
     "Every tied entry gets the whole cotangent",
     "Where several entries are the largest, the cotangent goes to one of them or is shared. Given "
     "to each, it is multiplied by their number.",
     "Divide by the number of ties, or take the first: `jnp.argmax`."),
    ("negative_branch",
     "The derivative for negative inputs is wrong",
     "The two sides of zero have different derivatives: a slope or α is lost, or stands on the "
     "wrong side.",
     "leaky relu: 1 for x > 0 and the slope for x < 0; elu: α exp(x) for x < 0."),
    ("branch_constant",
     "A constant is missing on one branch",
     "The branches are scaled differently, and the constant of one was forgotten. At its default "
     "of one nothing is seen.",
     "Huber: d for |d| ≤ δ, else δ sign(d)."),
    ("repeated_indices_lost",
     "Repeated indices are lost",
     "A row that is gathered twice receives two cotangents. Setting keeps one of them.",
     "y = table[i]: `jnp.zeros_like(table).at[i].add(dy)`, not `.set`."),
    ("dropout_mask",
     "The dropout's mask or its factor is missing",
     "Backwards the same mask and the same 1/(1 - p) apply as forwards.",
     "y = x ⊙ m/(1 - p): dx = dy ⊙ m/(1 - p)."),
    ("attention_scale_or_rowsum",
     "The attention's scale or its row sum is missing",
     "The 1/√d of the scores multiplies dQ and dK, and the softmax's cotangent has the row sum D.",
     "dS = P ⊙ (dP - D), D = rowsum(dP ⊙ P); dQ = dS K/√d; dK = dSᵀ Q/√d."),
    ("mask_misaligned",
     "The mask is aligned differently backwards",
     "Forward and backward pass disagree on which positions are masked, by one or by an offset.",
     "Compute the mask once, and use the same one in both passes."),
    ("rotation_not_reversed",
     "The rotation is not reversed",
     "A rotation goes back by the opposite angle: the sine is negated.",
     "y = R(θ) x: dx = R(-θ) dy."),
    ("cumulative_not_reversed",
     "The cumulative operation is not reversed, or divides by zero",
     "Entry i reaches all later outputs, so that its cotangent is a sum from i to the end. For a "
     "product, dividing by the entry fails where it is zero.",
     "y = cumsum(x): dx = `jnp.cumsum(dy[::-1])[::-1]`."),
    ("convolution",
     "The convolution's backward pass is wrong",
     "The kernel is not rotated or transposed, a stride is ignored, or there is a divisor that the "
     "forward pass does not have.",
     "dx: dy, dilated by the stride, convolved in full with the kernel rotated by 180° and its "
     "channels exchanged. dw: x correlated with dy."),
    ("batch_statistics",
     "Batch statistics are taken for constants",
     "In training, mean and variance of the batch depend on every row, and each sends back a term.",
     "dx = (1/σ)(dx̂ - mean_n(dx̂) - x̂ · mean_n(dx̂ ⊙ x̂))."),
    ("norm_at_zero",
     "The norm's derivative at zero",
     "x/‖x‖ is 0/0 at zero. Adding ε changes the value everywhere else.",
     "Select before dividing: `where(n > 0, x / where(n > 0, n, 1), 0)`."),
    ("stopped_residual",
     "A residual is stopped",
     "With stop_gradient on a residual the first derivative is right, and the second lacks what "
     "goes through it, silently.",
     "Leave residuals alone: only what is no function of the arguments may be stopped."),
    ("wrong_residual",
     "Another value stands where this one belongs",
     "The backward pass reads a residual that is not the one the formula needs: saved before "
     "instead of after, overwritten, or the wrong variable.",
     "Name residuals after what they hold, and return from fwd exactly those that bwd reads."),
    ("cotangent_missing",
     "A cotangent is None or zero",
     "None says that the argument does not matter. A layer below, or an optimiser, then sees zero.",
     "Return the derivative for every float argument; None for integers only."),
    ("not_linear",
     "The backward pass is not linear in the cotangent",
     "The chain rule is linear in what comes from above. Clipping or gating inside a rule depends "
     "on the scale of the loss and breaks sums of losses.",
     "Clip gradients where they are used, not inside a rule; or declare that the rule is not the "
     "derivative."),
    ("rare_branch",
     "A branch that is rarely reached is wrong",
     "The rule branches, or fails to, where inputs are seldom: beyond a threshold or at single "
     "points.",
     "Differentiate each branch by itself, and test on both sides of every threshold."),
    ("shift_half_stopped",
     "One of two uses of the shift is stopped",
     "The maximum that is subtracted cancels, so that both of its uses may be stopped, or neither. "
     "One alone leaves an extra one-hot term at the maximum.",
     "logsumexp: dx = softmax(x) dy; stop the shift once, before both uses."),
    ("hyperparameter_missing",
     "A hyper-parameter is missing",
     "A temperature, a scale or a decay is left out. At its default of one or zero nothing is "
     "seen.",
     "s = softmax(x/T): dx = (1/T) · s ⊙ (ds - Σ ds·s); decay λw²: dw has 2λw."),
    ("equivalent",
     "It looks like a mistake, and is none",
     "A term was left out that is zero: the gradient through the maximum's shift, or Σ(x - μ).",
     "Nothing: the checker proves the two forms equal."),
    ("factor_missing",
     "A factor is missing",
     "The derivative is right but for a factor that depends on the input.",
     "Go through the chain rule factor by factor: one for each function that is applied."),
    ("factor_too_many",
     "There is a factor too many",
     "The derivative is multiplied by a value that does not belong there, as in x³ for the x² of "
     "(x³)' = 3x².",
     "Go through the chain rule factor by factor: one for each function that is applied."),
    ("forward_value",
     "The forward pass gives another value than the primal",
     "fwd has to return what the function itself returns, besides the residuals: differentiated "
     "and plain calls would else disagree.",
     "Call the primal in fwd, or compute the same expression."),
)  # fmt: skip


def shown(key: str) -> str:
    """Gives an entry for people: its title, what goes wrong, and what is right.

    Example:
      >>> print(shown("skip_missing"))
      The skip connection's cotangent is missing.
      The cotangent goes back through the layer and beside it; both are added.
      Right: y = x + f(x): dx = dy + J_fᵀ dy.
    """
    mistake = CATALOGUE[key]
    return f"{mistake.title}.\n{mistake.explanation}\nRight: {mistake.remedy}"
