"""The networks that colocate trains, as modules of torch."""
