"""How many refusals are found, by language; and the texts from which the classifier of refusals is trained."""
