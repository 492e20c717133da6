"""What training costs, and in which setting it costs least."""
