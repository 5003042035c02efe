"""Questions that are asked before a lock is held, and once more under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Connection, Executable, Result


class Asking:
    """A connection for SELECTs alone, which remembers what was asked and what the answers were."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._asked: list[tuple[Executable, Any, Sequence[Any]]] = []

    @property
    def connection(self) -> Connection:
        """For whoever asks: of a connection it has what reading needs."""
        return cast(Connection, self)

    @property
    def dialect(self) -> Any:
        """See Connection."""
        return self._connection.dialect

    def execute(self, statement: Executable, parameters: Any = None) -> Result[Any]:
        """See Connection."""
        answer = self._connection.execute(statement, parameters).freeze()
        self._asked.append((statement, parameters, answer.data))
        return answer()

    def same_again(self) -> bool:
        """Whether every answer still is what it was."""
        return all(
            self._connection.execute(statement, parameters).all() == answer
            for statement, parameters, answer in self._asked
        )
