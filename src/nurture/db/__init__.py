"""Rows and SQL. Rows never leave this floor: stores take and return the frozen values of ``nurture.model``."""
