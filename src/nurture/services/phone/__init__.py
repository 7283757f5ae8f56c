"""Calls: who makes them, the queue, the card, what was said; and the mails that our own people get."""
