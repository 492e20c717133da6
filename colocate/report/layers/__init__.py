"""Where a network's time and energy go."""
