"""How a list of people comes in from a spreadsheet: bytes, rows, columns, values. ``import_contacts`` is the way in."""
