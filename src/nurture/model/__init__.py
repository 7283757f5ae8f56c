"""The nouns of nurture: plain values that every floor above shares. Nothing here reads a clock, a file or a database."""
