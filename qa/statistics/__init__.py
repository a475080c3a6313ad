"""Statistics of quality assurance: plain numbers in and out, no Django."""
