"""The corpus in torch: its rules as a `torch.autograd.Function`, for `torch.autograd.gradcheck`."""

import importlib
from typing import Any

import jax
import numpy as np

from tests.corpus.entry import Entry, as_rule


class TorchArrays:
    """The part of NumPy that the corpus is written in, in torch."""

    def __init__(self) -> None:
        self.torch: Any = importlib.import_module("torch")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.torch, name)

    def max(self, x: Any, axis: int, keepdims: bool = False) -> Any:
        return self.torch.amax(x, axis, keepdims)

    def maximum(self, x: Any, y: Any) -> Any:
        return self.torch.maximum(x, self.asarray(y))

    def minimum(self, x: Any, y: Any) -> Any:
        return self.torch.minimum(x, self.asarray(y))

    def clip(self, x: Any, low: float, high: float) -> Any:
        return self.torch.clamp(x, low, high)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return self.torch.where(condition, self.asarray(x), self.asarray(y))

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        return x if isinstance(x, self.torch.Tensor) else self.torch.tensor(np.asarray(x, float))

    def arange(self, stop: int, dtype: Any = None) -> Any:
        return self.torch.arange(stop)

    def cumsum(self, x: Any, axis: int = 0) -> Any:
        return self.torch.cumsum(x, axis)

    def cumprod(self, x: Any, axis: int = 0) -> Any:
        return self.torch.cumprod(x, axis)

    def flip(self, x: Any, axis: int = 0) -> Any:
        return self.torch.flip(x, (axis,))

    def added_at(self, like: Any, places: Any, values: Any) -> Any:
        at = (self.asarray(places).long(),)
        return self.torch.zeros_like(like).index_put(at, values, accumulate=True)

    def written_at(self, like: Any, places: Any, values: Any) -> Any:
        return self.torch.zeros_like(like).index_put((self.asarray(places).long(),), values)


def by_gradcheck(entry: Entry, point: list[Any]) -> bool | None:
    """Tells whether torch's `gradcheck` refuses an entry at a point, in float64.

    `None` stands for what is no mistake in torch: its engine sums a cotangent that only lacks the
    sum over broadcast axes; and a `Function` has a forward pass and no primal beside it, so that a
    rule which is right for another value is right.
    """
    xp = TorchArrays()
    torch, rule, static = xp.torch, as_rule(entry, xp), entry.operation.static
    args = [a if i in static else jax.tree.map(_tensor, a) for i, a in enumerate(point)]
    leaves, tree = jax.tree.flatten(args)
    free = [i for i, x in enumerate(leaves) if getattr(x, "requires_grad", False)]

    def with_floats(some: Any) -> list[Any]:
        full = list(leaves)
        for i, value in zip(free, some, strict=True):
            full[i] = value
        return jax.tree.unflatten(tree, full)

    def pulled(residuals: Any, dy: Any) -> list[Any]:
        cotangents = iter(rule.bwd(residuals, dy))
        of_args = [a if i in static else next(cotangents) for i, a in enumerate(args)]
        flat = []
        for argument, cotangent in zip(args, of_args, strict=True):
            count = jax.tree.structure(argument).num_leaves
            found = jax.tree.leaves(cotangent, is_leaf=lambda x: x is None)
            flat += found if cotangent is not None else [None] * count
        return [flat[i] for i in free]

    class Written(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *some: Any) -> Any:
            full = with_floats([x.detach() for x in some])
            if entry.door == "custom_jvp":
                ctx.primals = full
                return rule.primal(*full)
            out, ctx.residuals = rule.fwd(*full)
            return out

        @staticmethod
        def backward(ctx: Any, *dy: Any) -> Any:
            return tuple(pulled(ctx.residuals, dy[0] if len(dy) == 1 else dy))

        @staticmethod
        def jvp(ctx: Any, *tangents: Any) -> Any:
            return rule.bwd(ctx.primals, tangents)[1]

    floats = [leaves[i] for i in free]
    forward = entry.door == "custom_jvp"
    try:
        refused = not torch.autograd.gradcheck(
            Written.apply,
            floats,
            raise_exception=False,
            check_forward_ad=forward,
            check_backward_ad=not forward,
        )
    except RuntimeError:  # torch's own answer to a cotangent of a wrong shape
        return True
    if forward or refused:
        return refused
    with torch.no_grad():
        out, residuals = rule.fwd(*args)
        truth = rule.primal(*args)
        several = isinstance(out, tuple)
        outs, truths = (out, truth) if several else ((out,), (truth,))
        if not all(torch.allclose(a, b, equal_nan=True) for a, b in zip(outs, truths, strict=True)):
            return None
        ones = tuple(map(torch.ones_like, outs))
        cotangents = pulled(residuals, ones if several else ones[0])
    if any(c is not None and c.shape != x.shape for c, x in zip(cotangents, floats, strict=True)):
        return None
    return False


def _tensor(leaf: Any) -> Any:
    torch: Any = importlib.import_module("torch")
    array = np.asarray(leaf)
    if array.dtype.kind == "f":
        return torch.tensor(array.astype(np.float64), requires_grad=True)
    return torch.tensor(array.astype(np.int64) if array.dtype.kind == "i" else array)
