"""What runs where the models are: regions, the model registry and the serving code.

Nothing here imports `beacon_cli`. `regions` and `registry` use the standard library alone, so that a container
image and the command line share one definition without sharing dependencies.
"""

__version__ = "0.2.0"
