"""Pages for everyone who holds a link of ours; nobody logs in."""
