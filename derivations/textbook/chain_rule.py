"""The chain rule, as it is taught: one path, two paths, and M paths with M a symbol."""

from sympy import Derivative, Symbol, symbols

from derivations.textbook.entry import Theorem
from derivations.textbook.notation import M, equation, function, tensor, total
from derivations.textbook.sources import goodfellow, rudin

_s, _x, _y, _z = symbols("s x y z", real=True)

CASE_1 = Theorem(
    name="chain_rule_case_1",
    title="Chain rule, case 1: one path",
    description="z depends on y alone, and y on x: x → y → z.",
    equations=(equation(Derivative(_z, _x), Derivative(_z, _y) * Derivative(_y, _x)),),
    conditions=("y is differentiable at x", "z is differentiable at y(x)"),
    source=rudin("theorem 5.5"),
)

_z_xy = function("z")(_x, _y)
CASE_2 = Theorem(
    name="chain_rule_case_2",
    title="Chain rule, case 2: two paths",
    description="s reaches z on two paths: z depends on x and y, and both depend on s.",
    equations=(
        equation(
            Derivative(_z_xy, _s),
            Derivative(_z_xy, _x) * Derivative(_x, _s) + Derivative(_z_xy, _y) * Derivative(_y, _s),
        ),
    ),
    conditions=("x and y are differentiable at s", "z is differentiable at (x(s), y(s))"),
    source=rudin("theorem 9.15"),
)

_m = Symbol("m", integer=True)
_xs = tensor("x", M)
PATHS = Theorem(
    name="chain_rule_paths",
    title="Chain rule: M paths",
    description="s reaches z on M paths: z depends on M quantities x, and each of them on s.",
    equations=(
        equation(
            Derivative(_z, _s), total(Derivative(_z, _xs[_m]) * Derivative(_xs[_m], _s), _m, M)
        ),
    ),
    conditions=("every x is differentiable at s", "z is differentiable in all x together"),
    source=goodfellow("section 6.5.2"),
)

CHAIN_RULE = (CASE_1, CASE_2, PATHS)
