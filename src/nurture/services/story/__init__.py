"""One contact's story: the path so far, what is next, and why."""
