"""In the process under test: the rule's backward pass, watched, and mutated if that is the plan."""

import contextlib
import functools
import inspect
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax._src import source_info_util

from derivations.mutation.equivalence import Example, compare, example_of, name_of, telling
from derivations.mutation.mutants import Line, Mutant, fits, mutants, wide
from derivations.subject import is_rule

MOST_EXAMPLES = 8

_finish: list[Callable[[], None]] = []  # what is left to do when the tests have passed


def attach(module: Any, plan: dict[str, Any]) -> None:
    """Takes hold of the rule in a module that has just been imported."""
    watch = _Watch(plan)
    try:
        _attach(module, plan["function"], watch)
    except _NotARule as error:
        watch.note(error=str(error))


def finish() -> None:
    """Does what is left to do when the tests have passed."""
    for task in _finish:
        task()


class _NotARule(Exception):
    pass


class _Watch:
    """What one process sees of the rule, written down as soon as it is seen."""

    def __init__(self, plan: dict[str, Any]):
        self.folder = Path(plan["folder"])
        self.key: str | None = plan["mutant"]
        self.notes: dict[str, Any] = {
            "error": "", "called": False, "differentiated": False, "ran": [], "applied": False,
            "untraced": "", "mutants": {},
        }  # fmt: skip
        self.note()

    def note(self, **seen: Any) -> None:
        self.notes |= seen
        path = self.folder / f"{os.getpid()}.json"
        path.write_text(json.dumps(self.notes), encoding="utf-8")


def _attach(module: Any, function: str, watch: _Watch) -> None:
    owner, thing = None, module
    for name in function.split("."):
        if not hasattr(thing, name):
            raise _NotARule(f"{module.__name__} has no {function!r}.")
        owner, thing = thing, getattr(thing, name)
    rule = _unwrapped(thing)
    if isinstance(rule, jax.custom_vjp):
        if rule.fwd is None or rule.bwd is None:
            raise _NotARule(f"{function} is a jax.custom_vjp function without a rule.")
        passes = _Passes(rule.fun, rule.fwd, rule.bwd, rule.nondiff_argnums, watch)
        # In place: whoever has imported the function already has the same object.
        rule.fun, rule.fwd, rule.bwd = passes.primal, passes.fwd, passes.bwd
    elif is_rule(thing) and hasattr(thing, "_replace"):
        passes = _Passes(thing.primal, thing.fwd, thing.bwd, (), watch)
        changed = thing._replace(primal=passes.primal, fwd=passes.fwd, bwd=passes.bwd)
        for name, value in list(vars(owner).items()):
            if value is thing:
                setattr(owner, name, changed)
    else:
        raise _NotARule(
            f"{function} is not a jax.custom_vjp function or a Rule, but {type(thing).__name__}. "
            "Give the function that carries defvjp."
        )
    _finish.append(passes.compare)


def _unwrapped(thing: Any) -> Any:
    """Gives the custom_vjp function inside jit or partial."""
    seen = 0
    while not isinstance(thing, jax.custom_vjp) and seen < 20:
        inner = getattr(thing, "__wrapped__", None) or (
            thing.func if isinstance(thing, functools.partial) else None
        )
        if inner is None:
            break
        thing, seen = inner, seen + 1
    return thing


class _Passes:
    """The three functions of a rule, as the tests get to see them."""

    def __init__(
        self,
        primal: Callable[..., Any],
        fwd: Callable[..., Any],
        bwd: Callable[..., Any],
        static: Sequence[int],
        watch: _Watch,
    ):
        self.originals = primal, fwd, bwd
        parameters = list(inspect.signature(primal).parameters)
        self.static = {i % len(parameters) for i in static}
        self.names = [name for i, name in enumerate(parameters) if i not in self.static]
        self.watch = watch
        self.home = _home(bwd)
        self.examples: dict[str, Example] = {}
        self.reached: set[bool] = set()

        @functools.wraps(primal)
        def watched_primal(*args: Any, **named: Any) -> Any:
            if not watch.notes["called"]:
                watch.note(called=True)
            return primal(*args, **named)

        @functools.wraps(fwd)
        def watched_fwd(*args: Any) -> Any:
            self._remember(args)
            if not watch.notes["differentiated"]:
                watch.note(differentiated=True)
            return fwd(*args)

        @functools.wraps(bwd)
        def watched_bwd(*args: Any) -> Any:
            return self._backward(args)

        self.primal, self.fwd, self.bwd = watched_primal, watched_fwd, watched_bwd

    def compare(self) -> None:
        """Compares the mutant with the original, once in all processes of a run."""
        watch = self.watch
        if watch.key is None or not watch.notes["applied"]:
            return
        path = watch.folder / "comparison.json"
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            return
        _, fwd, bwd = self.originals
        found = compare(fwd, bwd, self.bwd, list(self.examples.values()), self.reached)
        path.write_text(json.dumps(found._asdict()), encoding="utf-8")

    def _remember(self, args: tuple[Any, ...]) -> None:
        """Keeps the most telling shapes for each choice of the arguments that are not arrays."""
        example = example_of(args, self.names, self.static)
        if example is None:
            return
        choice = repr(example.static)
        known = self.examples.get(choice)
        if known is None and len(self.examples) == MOST_EXAMPLES:
            return
        if known is None or telling(example) > telling(known):
            self.examples[choice] = example

    def _backward(self, args: tuple[Any, ...]) -> Any:
        bwd = self.originals[2]
        leaves, tree = jax.tree.flatten(args)
        dynamic = [i for i, leaf in enumerate(leaves) if _is_array(leaf)]
        output: list[Any] = []

        def flat(*arrays: Any) -> list[Any]:
            full = list(leaves)
            for i, array in zip(dynamic, arrays, strict=True):
                full[i] = array
            results, output_tree = jax.tree.flatten_with_path(bwd(*tree.unflatten(full)))
            output[:] = [results, output_tree]
            return [value for _, value in results if not _is_empty(value)]

        arrays = [leaves[i] for i in dynamic]
        try:
            with _lines_of_its_own():
                closed = jax.make_jaxpr(flat)(*arrays)
        except jax.errors.ConcretizationTypeError as error:
            self.watch.note(untraced=str(error).splitlines()[0])
            return bwd(*args)
        results, output_tree = output
        found = mutants(closed, self.home, self._residuals(args, dynamic), self._outputs(results))
        if self.watch.key is None:
            self._record(closed, found)
            return bwd(*args)
        mutant = next((m for m in found if m.key == self.watch.key), None)
        if mutant is None or not fits(closed, mutant):
            self.reached.add(False)
            return bwd(*args)
        with wide(closed):
            values = iter(mutant.run(*arrays))
        self.reached.add(True)
        if not self.watch.notes["applied"]:
            self.watch.note(applied=True)
        return output_tree.unflatten(
            [value if _is_empty(value) else next(values) for _, value in results]
        )

    def _record(self, closed: Any, found: list[Mutant]) -> None:
        shapes = ", ".join(aval.str_short() for aval in closed.in_avals)
        if shapes in self.watch.notes["ran"]:
            return
        known = self.watch.notes["mutants"]
        for mutant in filter(functools.partial(fits, closed), found):
            known.setdefault(mutant.key, {"line": mutant.line, "words": mutant.words})
        self.watch.note(ran=[*self.watch.notes["ran"], shapes])

    def _residuals(self, args: tuple[Any, ...], dynamic: list[int]) -> dict[int, str]:
        """Gives which of the traced arrays are residuals, and what they are called."""
        first = len(jax.tree.leaves(args[:-2]))
        paths = [path for path, _ in jax.tree.flatten_with_path(args[-2])[0]]
        return {
            place: f"residuals{jax.tree_util.keystr(paths[leaf - first])}"
            for place, leaf in enumerate(dynamic)
            if first <= leaf < first + len(paths)
        }

    def _outputs(self, results: list[Any]) -> list[str]:
        return [
            f"{name_of(self.names, path[0].idx)}{jax.tree_util.keystr(path[1:])}"
            for path, value in results
            if not _is_empty(value)
        ]


@contextlib.contextmanager
def _lines_of_its_own() -> Iterator[None]:
    """Lets equations know their own lines; JAX gives those of a backward pass the call's."""
    context = source_info_util._source_info_context
    before, context.context = context.context, source_info_util.new_source_info()
    try:
        yield
    finally:
        context.context = before


def _is_array(leaf: Any) -> bool:
    array = isinstance(leaf, (jax.Array, np.ndarray, np.generic))
    return array and leaf.dtype != jax.dtypes.float0


def _is_empty(value: Any) -> bool:
    """Tells a zero that has no array: a float0, or a symbolic one."""
    number = isinstance(value, (bool, int, float, complex))
    return not (number or _is_array(value))


def _home(function: Callable[..., Any]) -> Line:
    inner = inspect.unwrap(function)
    while isinstance(inner, functools.partial):
        inner = inspect.unwrap(inner.func)
    code = getattr(inner, "__code__", None)
    return Line(code.co_filename, code.co_firstlineno) if code else Line("", 0)
