"""Cleaning steps, one pure module each: texts in, decisions out, no Django."""
