"""Running it: whether all is in order, what needs a person, what rests."""
