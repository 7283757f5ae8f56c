"""Contacts: brought in, looked for, changed, and led on by hand."""
