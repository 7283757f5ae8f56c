"""Going live: what publishing would change, doing it, taking contacts along, and the way back."""
