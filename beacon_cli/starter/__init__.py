"""`beacon init`: the first files of somebody's own."""
