"""What became of the mutants, for a terminal and for a program."""

import json
import linecache
import os
import textwrap
from typing import Any

from derivations.mutation.run import Mutation, Outcome

_WIDTH = 100
_SHOWN = 3  # shapes


def text(mutation: Mutation) -> str:
    """Prints one line a mutant, then those that the tests should have killed, then the score."""
    lines = [f"{mutation.target}: {_counted(mutation.planned, 'mutant')} of the backward pass"]
    lines += _wrapped("  ", f"run at {_shapes(mutation.ran)}; {mutation.seconds:.1f} s unmutated")
    if mutation.warning:
        lines += _wrapped("  ", mutation.warning)
    if mutation.outcomes:
        lines.append("")
    place = max((len(_place(o)) for o in mutation.outcomes), default=0)
    lines += [f"{o.result:<14}  {_place(o):<{place}}  {o.words}" for o in mutation.outcomes]
    for title, result in (
        ("Survived, though wrong", "survived"),
        ("Not told apart from the original, and not proved equal", "not told apart"),
        ("Proved equal to the original, over the reals", "proved equal"),
    ):
        chosen = mutation.of(result)
        if chosen:
            lines += ["", f"{title}:"]
        for outcome in chosen:
            lines += _explained(outcome)
    return "\n".join([*lines, "", *_summary(mutation)])


def to_json(mutation: Mutation) -> str:
    """Prints the same as JSON."""
    return json.dumps(_data(mutation), indent=2, ensure_ascii=False)


def _data(mutation: Mutation) -> dict[str, Any]:
    return {
        "target": mutation.target,
        "tests": mutation.tests,
        "seconds": mutation.seconds,
        "ran": mutation.ran,
        "warning": mutation.warning,
        "planned": mutation.planned,
        "score": mutation.score,
        "mutants": [
            {
                "file": outcome.line.file,
                "line": outcome.line.number,
                "words": outcome.words,
                "result": outcome.result,
                "detail": outcome.detail,
                "seconds": outcome.seconds,
            }
            for outcome in mutation.outcomes
        ],
    }


def _explained(outcome: Outcome) -> list[str]:
    lines = [f"  {_place(outcome)}  {outcome.words}"]
    source = linecache.getline(*outcome.line).strip()
    if source:
        lines.append(f"    {source}")
    return lines + _wrapped("    ", outcome.detail)


def _summary(mutation: Mutation) -> list[str]:
    counts = [
        f"{len(chosen)} {result}"
        for result in ("killed", "timed out", "survived", "proved equal", "not told apart")
        if (chosen := mutation.of(result))
    ]
    lines = [f"{', '.join(counts) or 'nothing was run'}"]
    if mutation.score is not None:
        killed, wrong = len(mutation.of("killed", "timed out")), len(mutation.of("survived"))
        share = f"score {100 * mutation.score:.0f} % ({killed} of {killed + wrong})"
        equal, alike = len(mutation.of("proved equal")), len(mutation.of("not told apart"))
        apart = [f"{equal} proved equal"] if equal else []
        apart += [f"{alike} not told apart"] if alike else []
        lines.append(share + (f", leaving out {' and '.join(apart)}" if apart else ""))
    if len(mutation.outcomes) < mutation.planned:
        lines.append(f"interrupted after {len(mutation.outcomes)} of {mutation.planned}")
    return lines


def _place(outcome: Outcome) -> str:
    path, number = outcome.line
    near = os.path.relpath(path) if path else "?"
    return f"{os.path.basename(path) if near.startswith('..') else near}:{number}"


def _shapes(ran: tuple[str, ...]) -> str:
    shown = " and ".join(f"({shapes})" for shapes in ran[:_SHOWN])
    more = f" and {len(ran) - _SHOWN} more" if len(ran) > _SHOWN else ""
    return shown + more


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _wrapped(indent: str, body: str) -> list[str]:
    return textwrap.wrap(
        body,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
