"""Power and energy of the local machine: one file per kind of sensor."""
