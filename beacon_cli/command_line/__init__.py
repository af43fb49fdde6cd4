"""How the command line is read and explained: groups, help, suggestions for what was mistyped, completion."""
