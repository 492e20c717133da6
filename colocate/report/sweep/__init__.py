"""What tasks cost a network: table, heatmaps, distributions."""
