"""Pages: parse, authorise, one domain call, answer."""
