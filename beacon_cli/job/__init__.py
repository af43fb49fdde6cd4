"""What a run asks: the model of a job, the files it is read from, and the question bank."""
