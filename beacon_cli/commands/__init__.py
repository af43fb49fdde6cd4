"""One file per command. A command parses, calls one function of the library, and returns its result."""
