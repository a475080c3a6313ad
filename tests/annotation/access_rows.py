"""Who may do what in the kinds of task: rows of the access table."""

from tests.annotera.access_table import Row

ROWS: list[Row] = []
