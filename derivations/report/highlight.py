"""Colours for Python source, from the standard library's own tokenizer."""

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
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return escape(source)
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    parts, done = [], 0
    for token in tokens:
        kind = "keyword" if keyword.iskeyword(token.string) else _KINDS.get(token.type)
        if kind is None:
            continue
        begin = starts[token.start[0] - 1] + token.start[1]
        end = starts[token.end[0] - 1] + token.end[1]
        parts.append(escape(source[done:begin]))
        parts.append(f'<span class="{kind}">{escape(source[begin:end])}</span>')
        done = end
    return "".join(parts) + escape(source[done:])
