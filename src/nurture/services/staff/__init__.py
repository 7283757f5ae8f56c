"""Who works with it: people, teams, and the tokens of other systems."""
