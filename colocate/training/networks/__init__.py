"""The networks that colocate trains, as torch modules."""
