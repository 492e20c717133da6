"""The local machine as a rig."""
