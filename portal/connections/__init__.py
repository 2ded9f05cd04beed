"""Files and calls of other systems, one folder for each vendor."""
