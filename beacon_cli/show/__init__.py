"""Jobs and answers in the terminal: the output of `beacon jobs` and `beacon show`."""
