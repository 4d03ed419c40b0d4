"""Readable reports: one document tree, printed as HTML or as Markdown."""
