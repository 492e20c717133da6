"""Turn what a user asks for, in a study file or flags, into the study that runs."""
