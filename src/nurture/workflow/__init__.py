"""Workflow files: read them, check them, compare their versions. Text in, values or problems out; no database, no clock."""
