"""The nurture sequencer."""

__version__ = "0.1.0"
