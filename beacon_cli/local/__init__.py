"""The `local` target: regional servers on this machine that run the serving code of the containers."""
