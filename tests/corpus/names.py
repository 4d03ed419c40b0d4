"""What a reviewer would call each planted mistake, written by hand."""

from .entry import Entry

# The class that a mistake of the corpus was planted as, by its number.
CLASSES = {
    1: "bias_not_summed",
    2: "broadcast_summed_over_the_wrong_axis",
    3: "weights_not_transposed",
    4: "weight_cotangent_transposed",
    5: "constant_factor",
    6: "sign",
    7: "upstream_ignored",
    8: "a_use_not_counted",
    9: "counted_more_than_once",
    10: "softmax_elementwise",
    11: "softmax_wrong_sum",
    12: "log_softmax_sum_missing",
    13: "mean_divisor",
    14: "label_smoothing_divisor",
    15: "targets_taken_as_normalised",
    16: "activation_paired_wrongly",
    17: "statistics_taken_as_constant",
    18: "mean_subtracted_twice",
    19: "scale_missing",
    20: "not_normalised_input",
    21: "epsilon",
    22: "rms_taken_as_constant",
    23: "skip_through_the_jacobian",
    24: "skip_missing",
    25: "rank_assumed",
    26: "last_block_dropped",
    27: "wrong_constant",
    28: "another_variant",
    29: "product_rule_term_missing",
    30: "activation_applied_twice",
    31: "wrong_residual_of_tanh",
    32: "cancels_in_the_tail",
    33: "kink_convention",
    34: "all_ties",
    35: "negative_branch",
    36: "branch_constant",
    37: "repeated_indices_lost",
    38: "dropout_mask",
    39: "attention_scale_or_rowsum",
    40: "mask_misaligned",
    41: "rotation_not_reversed",
    42: "cumulative_not_reversed",
    43: "convolution",
    44: "batch_statistics",
    45: "norm_at_zero",
    46: "stopped_residual",
    47: "wrong_residual",
    48: "cotangent_missing",
    49: "not_linear",
    50: "rare_branch",
    51: "shift_half_stopped",
    52: "hyperparameter_missing",
    53: "equivalent",
}

# Where a reviewer who sees the code alone would say something more exact than its class.
MORE_EXACT = {
    "smooth_point_singled_out": "rare_branch",  # no kink is there
    "forward_value_doubled": "constant_factor",
    "forward_and_backward_agree_on_another_function": "constant_factor",
    "fixed_alpha_missing": "hyperparameter_missing",
    "fixed_slope_missing": "hyperparameter_missing",
    "fixed_dropout_not_scaled": "hyperparameter_missing",
    "power_not_lowered": "factor_too_many",
    "second_output_ignored": "upstream_ignored",  # that of one output
    "scale_mixed_into_the_shift": "factor_too_many",
    "bias_forgotten_in_the_forward_pass": "forward_value",
    "norm_divides_by_its_square": "factor_missing",
    "shift_summed_over_the_first_axis_alone": "rank_assumed",
    "scale_summed_over_the_first_and_the_last_axis": "broadcast_summed_over_the_wrong_axis",
    "largest_value_scales_the_cotangent": "factor_too_many",
    "cotangents_all_added_to_the_first_place": "wrong_constant",  # a place multiplied by zero
}

# What has no textbook name: a true remark, or nothing.
UNNAMED = {
    "places_read_again",
    "weight_cotangent_from_the_sum_of_the_rows",
    "stride_ignored",
    "fixed_delta_missing",
    "batch_norm_over_the_wrong_axis",
    "tanh_flat_beyond_four",
}


def name_of(entry: Entry) -> str:
    """Gives the key of the catalogue that is expected, or nothing."""
    name = entry.name.split("-")[0]
    return "" if name in UNNAMED else MORE_EXACT.get(name, CLASSES[entry.number])
