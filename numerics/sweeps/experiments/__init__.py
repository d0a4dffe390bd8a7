"""What sweeps measure: one experiment a module, and the settings that they share."""
