"""What is asked: the job's model, the files it is read from, the question bank."""
