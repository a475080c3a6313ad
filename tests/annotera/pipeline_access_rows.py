"""Who may do what in the pipeline and its rules: rows of the access table."""

from tests.annotera.access_table import Row

ROWS: list[Row] = []
