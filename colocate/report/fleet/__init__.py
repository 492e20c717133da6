"""How the boards of a fleet differ, and what is promised of boards like them."""
