"""The whole loop of `make demo`: all ten stages in the simulated world, by the functions of the pages."""
