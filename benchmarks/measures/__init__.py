"""How far apart the measures of distance find answers that say the same, the opposite, or something else."""
