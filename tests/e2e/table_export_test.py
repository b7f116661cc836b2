# SPDX-License-Identifier: MIT
# Measures memory.
"""03_table_pages sends a table of hundreds of thousands of rows as a CSV file, and takes no memory for it."""
import csv
import http.client
import io
import re
import socket
import sqlite3
import tempfile
import unittest
from pathlib import Path

from support.example import PATIENCE, Example, jwt

SECRET = "a secret of the tests"
ROWS = 300_000
NOTE = 'note {}, "quoted" ' + "x" * 380
MOST_GROWTH = 3 * 1024 * 1024
STEP = 8 * 1024 * 1024


def fill(database):
    """Adds rows to table 1, up to ROWS, as fast as SQLite does."""
    with sqlite3.connect(database) as sqlite:
        sqlite.execute("PRAGMA synchronous = OFF")
        sqlite.execute("""INSERT INTO rows (id, table_id)
            WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i, 1 FROM n""", (ROWS,))
        sqlite.execute("INSERT INTO cells SELECT rows.id, 1, rows.id FROM rows WHERE id > 1")
        sqlite.execute("INSERT INTO cells SELECT rows.id, 2, replace(?, '{}', rows.id) FROM rows WHERE id > 1", (NOTE,))
    sqlite.close()


def most_memory(example):
    """The most that the process has had in memory so far, in bytes."""
    status = Path(f"/proc/{example.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


class Download:
    """An export that is read as the test says. The kernel holds little of it on this side."""

    def __init__(self, example):
        self.connection = http.client.HTTPConnection(example.host, example.port, timeout=PATIENCE)
        self.connection.sock = socket.socket()
        self.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        self.connection.sock.settimeout(PATIENCE)
        self.connection.sock.connect((example.host, example.port))
        self.connection.request("GET", "/api/tables/1/export.csv",
                                headers={"Authorization": f"JWT {jwt(SECRET, user_id=1)}"})
        self.response = self.connection.getresponse()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()


class TableExport(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.database = str(Path(cls.folder) / "table.sqlite")
        table = Path(cls.folder) / "table.csv"
        table.write_text('Number,Note\n1,"' + NOTE.format(1).replace('"', '""') + '"\n')
        with Example("03_table_pages", "--jwt-secret", SECRET, "--database", cls.database, "--csv", str(table)):
            pass
        fill(cls.database)

    def setUp(self):
        self.example = self.enterContext(Example("03_table_pages", "--jwt-secret", SECRET, "--database", self.database))

    def test_a_slow_download_of_a_large_table_takes_no_memory(self):
        with Download(self.example) as first:  # SQLite's cache of 2 MB is full after it
            self.assertEqual(len(first.response.read(STEP)), STEP)
        before = most_memory(self.example)
        received, rows = 0, 0
        with Download(self.example) as download:
            self.assertEqual(download.response.status, 200)
            self.assertEqual(download.response.getheader("Transfer-Encoding"), "chunked")
            lines = io.TextIOWrapper(download.response, encoding="utf-8", newline="")
            for number, (left, right) in enumerate(csv.reader(lines)):
                if number == 0:
                    self.assertEqual((left, right), ("Number", "Note"))
                    continue
                rows += 1
                self.assertEqual((left, right), (str(rows), NOTE.format(rows)))
                received += len(left) + len(right)
                if received // STEP > (received - len(left) - len(right)) // STEP:
                    # The client reads nothing now, and others are served.
                    for _ in range(10):
                        self.assertEqual(self.example.request("GET", "/health")[0], 200)
        growth = most_memory(self.example) - before
        print(f"{received / 1e6:.0f} MB in {rows} rows: the server grew by {growth / 1e6:.1f} MB, from {before / 1e6:.1f}")
        self.assertEqual(rows, ROWS)
        self.assertGreater(received, 100_000_000)
        self.assertLess(growth, MOST_GROWTH)

    def test_an_aborted_download_does_not_harm_the_server(self):
        for _ in range(20):
            with Download(self.example) as download:
                self.assertTrue(download.response.read(100_000).startswith(b"Number,Note\r\n1,"))
        self.assertEqual(self.example.request("GET", "/health")[0], 200)


if __name__ == "__main__":
    unittest.main(argv=["table_export"])
