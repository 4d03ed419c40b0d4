"""The worked examples of the lectures, forward and backward, with every number on the network.

Each is computed twice: exactly, from the textbook's definitions and what SymPy derives from them,
and by the layers of functional_nn, whose backward pass is written by hand.
Exit status: 0 every printed digit comes out and both agree; 1 otherwise; 3 wrong usage.
"""

import sys

from matplotlib.figure import Figure

from derivations.lectures import CLAIMS, example, runs
from derivations.lectures.claim import Status
from derivations.lectures.worked import WORKED, Pass, Worked, apart, by_library, by_textbook
from derivations.report.diagram import LEGEND, as_printed, draw, size
from derivations.report.files import write_files
from drawing import folder, png


def main() -> int:
    out = folder(__doc__, "build/worked")
    right = True
    pictures = {}
    for worked in WORKED:
        lecture = CLAIMS[worked.claim].lecture
        print(f"{worked.claim}  {worked.title}. From: {lecture.title}")
        book, ours = by_textbook(worked), by_library(worked)
        told(worked, book, ours)
        digits = example.by_textbook(worked.example).status is Status.PROVED
        run = runs.by_layers(worked.example).holds
        close = apart(book, ours) < 1e-5
        right &= digits and run and close
        print(f"  every printed digit: {'yes' if digits and run else 'NO'};", end=" ")
        print(f"textbook and library differ by {apart(book, ours):.0e}\n")
        pictures[f"{worked.name}.png"] = picture(worked, book)
    write_files(out, pictures)
    print(f"{LEGEND}\nPictures: {', '.join(str(out / name) for name in pictures)}")
    return 0 if right else 1


def told(worked: Worked, book: Pass, ours: Pass) -> None:
    """Prints what the lecture prints beside both, and the δ of every layer."""
    cut = worked.example.truncated
    for place, printed in worked.example.printed:
        what = f"{'z' if place % 2 else 'a'} of layer {(place + 1) // 2}"
        sources = {"textbook": book.values[place], "library": ours.values[place]}
        for source, values in sources.items():
            pairs = zip(values, printed, strict=True)
            shown = [as_printed(v, text, cut) if text != "_" else "_" for v, text in pairs]
            print(f"  {what}  {source:<9} ({', '.join(shown)})")
        print(f"  {what}  lecture   ({', '.join(printed).replace('-', '−')})")
    for number, place in enumerate(range(1, worked.read_by_loss + 1, 2), 1):
        print(f"  δ of layer {number}  ({', '.join(f'{d:.4f}' for d in book.slopes[place])})")


def picture(worked: Worked, found: Pass) -> bytes:
    figure = Figure(figsize=size(worked, found))
    draw(figure.add_axes((0, 0, 1, 1)), worked, found)
    return png(figure)


if __name__ == "__main__":
    sys.exit(main())
