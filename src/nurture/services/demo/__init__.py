"""A sample company that has been at work for six weeks, played through the real engine."""
