"""What nurture does, one service a module: load facts, ask the engine, record in one transaction."""
