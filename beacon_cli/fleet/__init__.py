"""More than one machine: a durable queue of jobs, workers that share caps, and what happens when one of them dies."""
