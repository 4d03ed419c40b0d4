"""What a textbook says about an operation: its definition, its derivative, and where it stands."""

from typing import Any, NamedTuple

import sympy

from derivations.textbook.notation import tensor


class Source(NamedTuple):
    """Where a formula can be read: author, title, and section or equation."""

    author: str
    title: str
    section: str

    def __str__(self) -> str:
        return f"{self.author}, {self.title}, {self.section}"


class Cited(NamedTuple):
    """A derivative as books print it.

    Attributes:
      equation: For instance `Eq(Derivative(sigma(x), x), sigma(x)*(1 - sigma(x)))`. The left-hand
        side differentiates either the entry's output or, for rules that books print as a backward
        pass, a cost `C` that depends on the arguments only through the output.
      source: Where it is printed so.
      condition: Where or under which hypothesis it holds, such as "x ≠ 0"; empty if everywhere.
      where: Abbreviations of the right-hand side, such as `Eq(p[n, k], softmax of z)`.
      hypothesis: The condition as an equation, where it is one: it is then taken for granted.
    """

    equation: sympy.Eq
    source: Source
    condition: str = ""
    where: tuple[sympy.Eq, ...] = ()
    hypothesis: sympy.Eq | None = None


class Argument(NamedTuple):
    """One argument of an operation.

    Attributes:
      name: Its name in the code, such as `"logits"`.
      symbol: Its letter: a `Symbol` for a scalar, else an `IndexedBase` whose shape names sizes.
      indices: One index per axis; empty for a scalar.
      truth: Whether it is 1 or 0 everywhere: truth values, in the code.
    """

    name: str
    symbol: sympy.Symbol | sympy.IndexedBase
    indices: tuple[sympy.Symbol, ...] = ()
    truth: bool = False

    @property
    def entry(self) -> Any:
        """The argument's general entry, such as `x[n, k]`, or the scalar itself."""
        if isinstance(self.symbol, sympy.IndexedBase):
            return self.symbol[self.indices]
        return self.symbol


class Entry(NamedTuple):
    """The textbook's account of one operation.

    An element-wise operation is a definition in one scalar `Symbol`. Any other operation is
    defined by one entry of its output, in `IndexedBase[...]` and `Sum(body, (k, 1, K))`.

    Attributes:
      name: The operation's name in the registry.
      title: Its name in prose.
      description: What it is for, in a sentence or two.
      arguments: In the order in which the code takes them.
      indices: The free indices of the output: `(n, k)`, `(n,)` for a loss, `()` for a scalar.
      output: What the definition defines, such as `sigma(x)`, `s[n, k]` or `C[n]`.
      definition: The output's general entry.
      cited: Derivatives as books print them.
      source: Where the definition stands.
    """

    name: str
    title: str
    description: str
    arguments: tuple[Argument, ...]
    indices: tuple[sympy.Symbol, ...]
    output: sympy.Expr
    definition: sympy.Expr
    cited: tuple[Cited, ...]
    source: Source

    @property
    def cotangent(self) -> Any:
        """The general entry of the cotangent: `d` and the output's letter; `dy` for a scalar."""
        base = getattr(self.output, "base", None)
        if isinstance(base, sympy.IndexedBase):
            return tensor(f"d{base.label}", *base.shape)[self.indices]
        return sympy.Symbol("dy", real=True)


class Theorem(NamedTuple):
    """A statement about derivatives in general, as books print it.

    The equations are for reading: a bare symbol under a derivative stands for a quantity that
    depends on others as the description says, so that evaluating them means nothing.

    Attributes:
      name: How the reports refer to it.
      title: Its name in prose.
      description: What depends on what.
      equations: The statement.
      conditions: Under which hypotheses it holds.
      source: Where it stands.
    """

    name: str
    title: str
    description: str
    equations: tuple[sympy.Eq, ...]
    conditions: tuple[str, ...]
    source: Source
