# SPDX-License-Identifier: Apache-2.0
"""Keeps what topics carry in an SQLite file, to be asked with SQL afterwards.

    python3 log_to_sqlite.py FILE TOPIC=TYPE...      cmd_vel=CmdVel battery=BatteryState

One table a topic, with a column for each number and text of the message. All messages of a second
go into one transaction: SQLite waits for the disk once a second, in a compute node, and no other
node waits with it. What the disk was too slow for is counted as missed, and said.
"""
import inspect
import sqlite3
import sys

import horus

EASY = {bool: "INTEGER", int: "INTEGER", float: "REAL", str: "TEXT"}


def columns_of(kind):
    """Field name -> SQL type of what fits into a column."""
    needed = [argument for argument in inspect.signature(kind).parameters.values()
              if argument.default is argument.empty]
    sample = kind(*[0.0] * len(needed))
    fields = {name: type(getattr(sample, name)) for name in kind.__match_args__}
    return {name: EASY[python] for name, python in fields.items() if python in EASY}


class Logger(horus.Node):
    def __init__(self, file, topics):
        self.file = file
        self.columns = {topic: columns_of(kind) for topic, kind in topics.items()}
        super().__init__(name="logger", rate=1, compute=True)
        # A Topic object reads all that its publishers' rings still hold: 1024 messages of each,
        # unless they say otherwise, which has to do for a second.
        self.readers = {topic: horus.Topic(kind, endpoint=topic) for topic, kind in topics.items()}
        self.missed = 0

    def init(self):
        self.database = sqlite3.connect(self.file, check_same_thread=False)
        self.database.execute("PRAGMA journal_mode=WAL")
        for topic, columns in self.columns.items():
            listed = "".join(f', "{name}" {sql}' for name, sql in columns.items())
            self.database.execute(
                f'CREATE TABLE IF NOT EXISTS "{topic}" (received_ns INTEGER{listed})')

    def tick(self):
        now = horus.timestamp_ns()
        with self.database:  # One transaction.
            for topic, columns in self.columns.items():
                rows = [(now, *(getattr(message, name) for name in columns))
                        for message in self.readers[topic].recv_all()]
                marks = ", ".join("?" * (len(columns) + 1))
                self.database.executemany(f'INSERT INTO "{topic}" VALUES ({marks})', rows)
        missed = sum(reader.missed_count() for reader in self.readers.values())
        if missed > self.missed:
            self.log_warning(f"{missed - self.missed} messages were not logged: the disk was slow")
            self.missed = missed

    def shutdown(self):
        self.tick()
        self.database.close()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    wanted = dict(word.split("=", 1) for word in sys.argv[2:])
    horus.run(Logger(sys.argv[1], {topic: getattr(horus, kind) for topic, kind in wanted.items()}))
