"""The rows of sanctions, read and written as the engine does it fastest, with nothing between."""

from collections.abc import Sequence
from typing import Any

from psycopg import sql

from governance.database import Database

# The tables that a decision is written to, and the column of each that says of which sanction.
TABLES = {
    "sanctions": "id",
    "disclosures": "sanction_id",
    "subject_keys": "sanction_id",
    "events": "sanction_id",
    "log_entries": "case_id",
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
                    f"SELECT count({column}) FROM {table}"
                ).scalar_one()
                for table, column in TABLES.items()
            }

    def all(self) -> Rows:
        """Every row, and whom they point to."""
        return {table: self._read(table, "", ()) for table in (*PARENTS, *TABLES)}

    def of(self, ids: Sequence[str]) -> Rows:
        """The rows of some sanctions."""
        return {table: self._read(table, column, ids) for table, column in TABLES.items()}

    def _read(self, table: str, column: str, ids: Sequence[str]) -> Any:
        with self.database.engine.connect() as connection:
            if self._is_sqlite:
                marks = ", ".join("?" * len(ids))
                where = f" WHERE {column} IN ({marks})" if column else ""
                found = connection.exec_driver_sql(f"SELECT * FROM {table}{where}", tuple(ids))
                return [tuple(row) for row in found]
            driver: Any = connection.connection.driver_connection
            among = sql.SQL(", ").join(map(sql.Literal, ids))
            chosen = f" WHERE {column} IN ({{}})" if column else ""
            query = sql.SQL(f"COPY (SELECT * FROM {table}{chosen}) TO STDOUT").format(among)
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
