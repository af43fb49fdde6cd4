"""The models and regions that are known, where each comes from, and what is deployed."""
