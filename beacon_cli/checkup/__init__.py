"""`beacon doctor`: looks at everything that Beacon needs, and says what is wrong and what to do."""
