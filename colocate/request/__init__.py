"""From what a user asks, a study file or flags, to the request that is run."""
