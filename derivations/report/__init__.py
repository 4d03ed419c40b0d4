"""Readable reports: one document tree, printed as HTML, as Markdown or as LaTeX."""
