"""How the boards that shared a study (a fleet) differ, and what is expected of other boards like them."""
