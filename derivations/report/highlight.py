"""What is what in Python source, for colours, from the standard library's own tokenizer."""

import io
import keyword
import tokenize
from html import escape

_KINDS = {tokenize.COMMENT: "comment", tokenize.STRING: "string", tokenize.NUMBER: "number"}


def highlighted(source: str) -> str:
    """Gives the source as HTML, with a `<span>` around comments, strings, numbers and keywords.

    Source that is not Python comes back escaped and without colours.

    Example:
      >>> highlighted("return 1")
      '<span class="keyword">return</span> <span class="number">1</span>'
    """
    return "".join(
        f'<span class="{kind}">{escape(text)}</span>' if kind else escape(text)
        for kind, text in pieces(source)
    )


def pieces(source: str) -> list[tuple[str, str]]:
    """Gives the source in pieces, each with its kind: a comment, string, number, keyword, or "".

    Example:
      >>> pieces("return 1")
      [('keyword', 'return'), ('', ' '), ('number', '1')]
    """
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError, ValueError):  # the last by some that is not UTF-8
        return [("", source)]
    starts = [0]
    for line in io.StringIO(source):  # not splitlines, which also ends a line at a form feed
        starts.append(starts[-1] + len(line))
    found, done = [], 0
    for token in tokens:
        kind = "keyword" if keyword.iskeyword(token.string) else _KINDS.get(token.type)
        if kind is None:
            continue
        begin = starts[token.start[0] - 1] + token.start[1]
        end = starts[token.end[0] - 1] + token.end[1]
        if source[begin:end] != token.string:  # a line end that the tokenizer has translated
            return [("", source)]
        found += [("", source[done:begin]), (kind, source[begin:end])]
        done = end
    return [piece for piece in (*found, ("", source[done:])) if piece[1]]
