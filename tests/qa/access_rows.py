"""Who may do what in quality assurance: rows of the access table."""

from tests.annotera.access_table import Row

ROWS: list[Row] = []
