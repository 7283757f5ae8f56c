"""Trying a workflow before anybody meets it: walks, scenarios, simulations, recorded history."""
