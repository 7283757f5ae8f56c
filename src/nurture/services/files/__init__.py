"""The project's files: read, checked, previewed, and begun."""
