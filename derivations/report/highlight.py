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
    except (tokenize.TokenError, SyntaxError):
        return [("", source)]
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found, done = [], 0
    for token in tokens:
        kind = "keyword" if keyword.iskeyword(token.string) else _KINDS.get(token.type)
        if kind is None:
            continue
        begin = starts[token.start[0] - 1] + token.start[1]
        end = starts[token.end[0] - 1] + token.end[1]
        found += [("", source[done:begin]), (kind, source[begin:end])]
        done = end
    return [piece for piece in (*found, ("", source[done:])) if piece[1]]
