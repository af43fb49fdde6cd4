"""The named SQL files of the store."""
