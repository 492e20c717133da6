"""What networks give per second and per joule, setting by setting."""
