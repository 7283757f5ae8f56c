"""Offers: their forms, what is asked for through them, and its download."""
