"""The knobs of the machine it stands on."""
