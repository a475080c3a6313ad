"""One pure module a task kind: what a task and an answer look like, without Django."""
