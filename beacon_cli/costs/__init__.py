"""What jobs cost: by their rows, before they run, and by Modal's billing report."""
