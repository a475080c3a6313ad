"""Who may do what in collecting and cleaning: rows of the access table."""

from tests.annotera.access_table import Row

ROWS: list[Row] = []
