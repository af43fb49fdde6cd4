"""Where each region's endpoints are: as configured, or as recorded when they were deployed."""
