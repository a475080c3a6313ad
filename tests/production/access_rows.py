"""Who may do what in production: rows of the access table."""

from tests.annotera.access_table import Row

ROWS: list[Row] = []
