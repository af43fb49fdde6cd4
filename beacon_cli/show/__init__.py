"""Jobs and answers in the terminal: what `beacon jobs` and `beacon show` print."""
