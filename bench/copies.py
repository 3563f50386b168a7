"""The rows of sanctions, read and written as the engine does it fastest, with nothing between."""

from collections.abc import Sequence
from typing import Any

from psycopg import sql

from governance.database import Database

# The tables that a decision is written to, and by which columns of each its row and the sanction's
# belong together.
TABLES = {
    "sanctions": ("id", "id"),
    "disclosures": ("sanction_id", "id"),
    "subject_keys": ("sanction_id", "id"),
    "events": ("position", "first_event"),
    "log_entries": ('"index"', "first_entry"),
}
PARENTS = ("platforms", "members")

Rows = dict[str, Any]  # by table: tuples, or what COPY reads


class Copies:
    """What a database holds of sanctions."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._is_sqlite = database.dialect == "sqlite"

    def counted(self) -> dict[str, int]:
        """How many sanctions each table tells of."""
        with self.database.engine.connect() as connection:
            return {
                table: connection.exec_driver_sql(
                    f"SELECT count(*) FROM {table}{_where(table)}"
                ).scalar_one()
                for table in TABLES
            }

    def all(self) -> Rows:
        """Every row, and whom they point to."""
        return {table: self._read(table, "", ()) for table in (*PARENTS, *TABLES)}

    def of(self, ids: Sequence[str]) -> Rows:
        """The rows of some sanctions."""
        return {table: self._read(table, _where(table, "id IN ({})"), ids) for table in TABLES}

    def _read(self, table: str, where: str, ids: Sequence[str]) -> Any:
        with self.database.engine.connect() as connection:
            if self._is_sqlite:
                marks = ", ".join("?" * len(ids))
                chosen = f"SELECT * FROM {table}{where.format(marks)}"
                found = connection.exec_driver_sql(chosen, tuple(ids))
                return [tuple(row) for row in found]
            driver: Any = connection.connection.driver_connection
            among = sql.SQL(", ").join(map(sql.Literal, ids))
            query = sql.SQL(f"COPY (SELECT * FROM {table}{where}) TO STDOUT").format(among)
            with driver.cursor() as cursor, cursor.copy(query) as copy:
                return b"".join(map(bytes, copy))

    def write(self, rows: Rows) -> None:
        """All of them in one transaction."""
        with self.database.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            if self._is_sqlite:
                driver.execute("BEGIN IMMEDIATE")
            for table, given in rows.items():
                if self._is_sqlite and given:
                    marks = ", ".join("?" * len(given[0]))
                    driver.executemany(f"INSERT INTO {table} VALUES ({marks})", given)
                elif not self._is_sqlite:
                    with driver.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as to:
                        to.write(given)
            driver.commit()


def _where(table: str, which: str = "true") -> str:
    """Which rows of a table are of some sanctions."""
    column, of_sanction = TABLES[table]
    return f" WHERE {column} IN (SELECT {of_sanction} FROM sanctions WHERE {which})"
