"""Who may do what in versions, lineage and erasure: rows of the access table."""

from tests.annotera.access_table import Row

ROWS: list[Row] = []
