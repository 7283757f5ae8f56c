"""The pure engine: facts in, decisions out. No clock, database, network or chance of its own."""
