"""What happened: events come in, have their effects, and wake who waits for them."""
