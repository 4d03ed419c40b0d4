"""Trains on handwritten digits by the hand-written backward pass and by jax.grad, side by side,
proves every rule that the network uses, and writes both into a report.

Exit status: 0 the gradients agree and all is proved; 1 they disagree or a rule is refuted; 2 a rule
is undecided; 3 wrong usage; 130 interrupted.
"""

import signal
import sys
import time

import jax
import optax
from rich import print as show

import functional_nn as fnn
from derivations import Verdict, check
from derivations.catalog import CATALOG
from derivations.report.build import write_report
from derivations.report.files import require_writable
from derivations.report.network import network
from derivations.report.operation import Checked
from digits import comparison, data, options, pictures, summary


def main() -> int:
    start = time.perf_counter()
    parser = options.parser(__doc__)
    given = parser.parse_args()
    try:
        require_writable(given.out)
        images = data.from_file(given.data, given.seed) if given.data else data.digits(given.seed)
    except (OSError, ValueError) as error:
        parser.error(str(error))

    inputs, classes = images.x.shape[1], images.classes
    net = fnn.mlp([inputs, 30, classes], activation=fnn.sigmoid)
    loss = fnn.softmax_cross_entropy
    objective = fnn.objective(net, loss)
    params = net.init(jax.random.key(given.seed), images.x)

    show(
        f"Training a {inputs}-30-{classes} network on {len(images.x)} images, in {images.x.dtype}."
    )
    result = comparison.side_by_side(
        objective,
        optax.adam(0.005),
        params,
        images,
        epochs=given.epochs,
        batch_size=min(32, len(images.x)),
        seed=given.seed,
    )
    show(summary.trainings(result), summary.distances(result, images))

    show("\nProving that the backward pass is the derivative.")
    whole = check(objective, params, images.x, images.y)
    used = [
        CATALOG[name] for name in dict.fromkeys([part.name for part in net.parts] + [loss.name])
    ]
    rules = [check(rule, *arguments, textbook=entry) for _, rule, entry, arguments in used]
    show(summary.verdicts(rules, whole))

    page = write_report(
        [Checked(op.rule, op.textbook, rule) for op, rule in zip(used, rules, strict=True)],
        network("The classifier and its loss", objective, params, images.x, whole),
        pictures.pictures(net, images, result),
        out=given.out,
    )
    show(f"\nReport: {page}  ({time.perf_counter() - start:.0f} s)")

    found = {report.verdict for report in (*rules, whole)}
    if Verdict.REFUTED in found or not result.agree:
        return 1
    return 2 if Verdict.UNDECIDED in found else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` ends it as Ctrl-C does
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("Interrupted: no report was written.", file=sys.stderr)
        sys.exit(130)
