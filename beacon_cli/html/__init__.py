"""What all HTML shares: one style, templates that escape everything, and how values are written in them."""
