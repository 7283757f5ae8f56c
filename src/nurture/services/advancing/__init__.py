"""The first loop: take who is due, ask the engine, record its turns."""
