"""Are the verdicts of `beacon compare` as often wrong as they say, and how much do they see? Simulated jobs tell."""
