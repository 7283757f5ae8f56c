"""How big and how slow a template may be: numbers that a good message never comes near, and a bomb soon reaches."""

from __future__ import annotations

SOURCE = 64_000
"""Characters of one template file."""
TAGS = 1_000
"""``{{ … }}`` and ``{% … %}`` in one file."""
TAG_DEPTH = 6
"""``if`` and ``for`` inside each other."""
EXPRESSION_DEPTH = 24
"""Parts inside parts of one expression."""
LITERAL = 100
"""Items of a list written out in a template."""
PARTIALS = 20
"""Partials put into one message with its layout."""
PARTIAL_DEPTH = 3
"""Partials inside each other."""
COLUMNS = 50
"""Columns of a Markdown table: each row is filled up to as many cells."""
ELEMENTS = 5_000
"""HTML elements of a message with its layout."""
ELEMENT_DEPTH = 100
"""HTML elements inside each other: the CSS inliner crashes the process at some thousands."""
STYLING = 4_000_000
"""Characters inside <style>, times HTML elements: the inliner's time and memory grow with it."""

OUTPUT = 500_000
"""Characters of one rendered part. Gmail clips a message at 102 kB."""
ROUNDS = 2_000
"""Rounds of all loops of one rendered part together."""
SECONDS = 1.0
"""Time for one rendered part, looked at in every round of a loop."""
SUBJECT = 250
"""Characters of a rendered subject or preheader."""
