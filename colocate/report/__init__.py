"""From a stored run to tables and figures; knows no rig."""
