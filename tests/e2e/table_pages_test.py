# SPDX-License-Identifier: MIT
"""03_table_pages through its written-down surface, as a script of a stranger would use it."""
import asyncio
import http.client
import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from support.example import EXAMPLES, PATIENCE, Example, jwt, refused

SECRET = "a secret of the tests"
ADA, BEN, CLEO = 1, 2, 3
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TABLE = {"page": "table", "parameters": {"table_id": 1}}
VIEW = {"page": "view", "parameters": {"slug": "public", "token": None}}


def token(user_id):
    return jwt(SECRET, user_id=user_id)


class TablePages(unittest.IsolatedAsyncioTestCase):
    options = ("--jwt-secret", SECRET)

    def setUp(self):
        self.example = self.enterContext(Example("03_table_pages", *self.options))

    def ask(self, method, path, user=None, body=None, socket=None):
        """Status and JSON body of an API call."""
        headers = {}
        if user:
            headers["Authorization"] = f"JWT {token(user)}"
        if socket:
            headers["WebSocketId"] = socket.web_socket_id
        text = json.dumps(body) if body is not None else None
        status, _, answer = self.example.request(method, path, text, headers)
        return status, json.loads(answer) if answer else None

    async def enter(self, user=None):
        """A connection of this user, or of a guest, that is authenticated."""
        client = await self.example.connect(f"/ws/core/?jwt_token={token(user) if user else 'anonymous'}")
        self.addAsyncCleanup(client.close)
        authentication = await client.hear()
        client.web_socket_id = authentication["web_socket_id"]
        self.assertEqual(authentication,
                         {"type": "authentication", "success": True, "web_socket_id": client.web_socket_id})
        return client

    async def subscribe(self, client, page, **parameters):
        await client.say({"page": page, **parameters})
        self.assertEqual(await client.hear(), {"type": "page_add", "page": page, "parameters": parameters})

    async def hears_nothing_before(self, client, page, **parameters):
        """Whatever was sent to the client before would come before the answer to this."""
        await self.subscribe(client, page, **parameters)

    def row(self, row_id, user=ADA):
        return next(row for row in self.ask("GET", "/api/tables/1", user)[1]["rows"] if row["id"] == row_id)

    # --- Authentication

    async def test_without_a_good_token_the_client_is_notified_and_closed(self):
        # [CC-1] [MW-2] [MW-3] [MW-4] [MW-9]
        bad = {"/ws/core/": False, "/ws/core/?jwt_token=": False, "/ws/core/?jwt_token=nonsense": True,
               f"/ws/core/?jwt_token={jwt('another secret', user_id=1)}": True,
               f"/ws/core/?jwt_token={jwt(SECRET, user_id=99)}": True,
               f"/ws/core/?jwt_token={jwt(SECRET, user_id=1, exp=1000)}": True}
        for target, has_id in bad.items():
            client = await self.example.connect(target)
            heard = await client.hear()
            self.assertEqual((heard["type"], heard["success"], heard["web_socket_id"] is not None),
                             ("authentication", False, has_id), target)
            self.assertEqual(await client.hear_close(), 1000)

    async def test_pages_of_other_hosts_may_not_use_the_sockets(self):
        # [MW-14] [MW-15]
        guest = "/ws/core/?jwt_token=anonymous"
        self.assertEqual(await refused(self.example.connect(guest, origin="http://evil.example")), 403)
        client = await self.example.connect(guest, origin=f"http://127.0.0.1:{self.example.port}")
        self.assertTrue((await client.hear())["success"])

    async def test_a_page_after_dns_rebinding_reads_nothing(self):
        for host, status in ("rebound.example", 421), ("localhost", 200), (f"127.0.0.1:{self.example.port}", 200):
            connection = http.client.HTTPConnection("127.0.0.1", self.example.port, timeout=60)
            connection.request("GET", "/", headers={"Host": host})
            self.assertEqual(connection.getresponse().status, status, host)
            connection.close()

    async def test_every_connection_has_an_id_of_its_own(self):
        # [MW-7]
        ids = {(await self.enter(ADA)).web_socket_id for _ in range(5)}
        self.assertEqual(len(ids), 5)
        for web_socket_id in ids:
            self.assertRegex(web_socket_id, UUID)

    async def test_other_paths_are_not_found(self):
        # [SC-5] [SC-6]
        for target in ("/ws/core", "/ws/cor/", "/x/ws/core/"):
            self.assertEqual(await refused(self.example.connect(target)), 404, target)

    # --- Pages

    async def test_a_change_reaches_everybody_on_the_table_but_its_author(self):
        # [PT-5] [CC-6] [CC-26] [MW-12]
        ada, ben, other_ada = await self.enter(ADA), await self.enter(BEN), await self.enter(ADA)
        for client in (ada, ben, other_ada):
            await self.subscribe(client, "table", table_id=1)
        status, changed = self.ask("PATCH", "/api/tables/1/rows/3", ADA, {"Capital": "Sydney"}, ada)
        self.assertEqual((status, changed["cells"]["Capital"]), (200, "Sydney"))
        heard = {"type": "rows_updated", "table_id": 1, "rows": [changed]}
        self.assertEqual([await ben.hear(), await other_ada.hear()], [heard, heard])

        status, created = self.ask("POST", "/api/tables/1/rows", BEN, {"Country": "Utopia", "In the UN since": None}, ben)
        self.assertEqual((status, created["cells"]["Country"]), (201, "Utopia"))
        # What ada hears next is ben's row: of her own she heard nothing.
        self.assertEqual(await ada.hear(), {"type": "rows_created", "table_id": 1, "rows": [created]})
        self.assertEqual(self.ask("DELETE", f"/api/tables/1/rows/{created['id']}", ADA), (204, None))
        self.assertEqual(await ada.hear(), {"type": "rows_deleted", "table_id": 1, "rows": [{"id": created["id"]}]})
        self.assertEqual(await ben.hear(), {"type": "rows_deleted", "table_id": 1, "rows": [{"id": created["id"]}]})
        self.assertEqual(self.ask("GET", "/api/tables/1", BEN)[1]["rows"][2], changed)

    async def test_a_refused_page_gets_no_answer(self):
        # [CC-7] [CC-8] [CC-13] [CC-14] [CC-16] [PT-5] [PT-6] [LC-18]
        cleo = await self.enter(CLEO)
        for request in ({"page": "table", "table_id": 1}, {"page": "table", "table_id": 2}, {"page": "table"},
                        {"page": "table", "table_id": "a b"}, {"page": "table", "table_id": 10 ** 30},
                        {"page": "row", "table_id": 1, "row_id": 1}, {"page": "dashboard", "dashboard_id": 1},
                        {"page": "view", "slug": "private"}, {"page": "view", "slug": "nowhere"}, {"page": "view"},
                        {"page": "spaceship"}, {"page": None}, {"page": ""}, {"page": []}, [], ["page"], "page", 7, None):
            await cleo.say(request)
        await self.hears_nothing_before(cleo, "view", slug="public", token=None)

    async def test_parameters_come_back_as_they_were_sent(self):
        # [CC-9] [CC-10] [CC-12] [CC-13]
        ben = await self.enter(BEN)
        for sent in (1, "1", 1.0):
            await ben.say({"page": "table", "table_id": sent, "extra": True})
            self.assertEqual(await ben.hear(), {"type": "page_add", "page": "table", "parameters": {"table_id": sent}})
        self.ask("PATCH", "/api/tables/1/rows/1", ADA, {"Notes": "said once"})
        self.assertEqual((await ben.hear())["type"], "rows_updated")
        # It was one subscription all the time, so one word ends it.
        await ben.say({"remove_page": "table", "table_id": "1"})
        self.assertEqual((await ben.hear())["type"], "page_discard")
        self.ask("PATCH", "/api/tables/1/rows/1", ADA, {"Notes": "not heard"})
        await self.hears_nothing_before(ben, "dashboard", dashboard_id=1)

    async def test_sharing_opens_a_table_and_revoking_closes_it_again(self):
        # [CC-18] [CC-27] [CC-28] [PT-8] [PT-9]
        ben, cleo = await self.enter(BEN), await self.enter(CLEO)
        await self.subscribe(ben, "table", table_id=1)
        self.assertEqual(self.ask("GET", "/api/tables/1", CLEO)[0], 403)
        self.assertEqual(self.ask("POST", "/api/tables/1/shares", ADA, {"user_id": CLEO}),
                         (201, {"table_id": 1, "user_id": CLEO}))
        self.assertEqual(await cleo.hear(),
                         {"type": "permissions_updated", "table_id": 1, "user_id": CLEO, "may_see": True})
        self.assertEqual(self.ask("GET", "/api/tables/1", CLEO)[0], 200)
        await self.subscribe(cleo, "table", table_id=1)
        await self.subscribe(cleo, "row", table_id=1, row_id=7)
        await self.subscribe(cleo, "dashboard", dashboard_id=1)
        await self.subscribe(cleo, "view", slug="public", token=None)

        self.assertEqual(self.ask("DELETE", f"/api/tables/1/shares/{CLEO}", ADA), (204, None))
        self.assertEqual([await cleo.hear() for _ in range(4)],
                         [{"type": "page_discard", "page": "table", "parameters": {"table_id": 1}},
                          {"type": "page_discard", "page": "row", "parameters": {"table_id": 1, "row_id": 7}},
                          {"type": "page_discard", "page": "dashboard", "parameters": {"dashboard_id": 1}},
                          {"type": "permissions_updated", "table_id": 1, "user_id": CLEO, "may_see": False}])
        self.ask("PATCH", "/api/tables/1/rows/7", ADA, {"Capital": "Thimbu"})
        # The public view is all that is left to her.
        self.assertEqual((await cleo.hear())["table_id"], 0)
        self.assertEqual((await ben.hear())["table_id"], 1)
        await cleo.say({"page": "table", "table_id": 1})
        await self.hears_nothing_before(cleo, "view", slug="public", token=None)

    async def test_a_row_has_a_page_of_its_own(self):
        # [PT-5] [CC-19] [CC-20]
        ben = await self.enter(BEN)
        await ben.say({"page": "row", "table_id": 1, "row_id": 999999})
        await self.subscribe(ben, "row", table_id=1, row_id=5)
        self.ask("PATCH", "/api/tables/1/rows/6", ADA, {"Notes": "another row"})
        status, changed = self.ask("PATCH", "/api/tables/1/rows/5", ADA, {"Notes": "this row"})
        self.assertEqual(await ben.hear(), {"type": "rows_updated", "table_id": 1, "rows": [changed]})
        await ben.say({"remove_page": "row", "table_id": 1, "row_id": 5})
        self.assertEqual(await ben.hear(),
                         {"type": "page_discard", "page": "row", "parameters": {"table_id": 1, "row_id": 5}})
        self.ask("PATCH", "/api/tables/1/rows/5", ADA, {"Notes": "not heard"})
        await self.hears_nothing_before(ben, "dashboard", dashboard_id=1)

    async def test_guests_see_only_the_public_view_of_the_table(self):
        # [PT-5] [BT-9] [CC-3] [MW-8]
        status, view = self.ask("GET", "/api/views/public")
        self.assertEqual((status, view["table_id"], len(view["rows"])), (200, 0, 82))
        self.assertNotIn("Notes", [column["name"] for column in view["columns"]])
        self.assertNotIn("Notes", view["rows"][0]["cells"])
        guest = await self.enter()
        for request in ({"page": "table", "table_id": 1}, {"page": "view", "slug": "private", "token": "x"},
                        {"page": "view", "slug": "form"}, {"page": "dashboard", "dashboard_id": 1}):
            await guest.say(request)
        await self.subscribe(guest, "view", slug="public", token=None)
        self.ask("PATCH", "/api/tables/1/rows/1", ADA, {"Notes": "not for guests"})
        status, changed = self.ask("PATCH", "/api/tables/1/rows/1", ADA, {"Capital": "El Djazaïr"})
        del changed["cells"]["Notes"]
        self.assertEqual(await guest.hear(), {"type": "rows_updated", "table_id": 0, "rows": [changed]})
        for path in ("/api/views/private", "/api/views/form", "/api/views/nowhere"):
            self.assertEqual(self.ask("GET", path)[0], 404)
            self.assertEqual(self.ask("GET", path, 99)[0], 404)  # a token of nobody gets the same answer
        # The private view is for those who may see the table.
        self.assertEqual(self.ask("GET", "/api/views/private", BEN)[0], 200)
        await self.subscribe(await self.enter(BEN), "view", slug="private", token=None)

    async def test_the_dashboard_counts_live(self):
        # [PT-5]
        ben = await self.enter(BEN)
        await self.subscribe(ben, "dashboard", dashboard_id=1)
        before = self.ask("GET", "/api/dashboards/1", BEN)[1]
        self.ask("POST", "/api/tables/1/rows", ADA, {})
        self.assertEqual(await ben.hear(), {"type": "dashboard_updated", "dashboard_id": 1, "rows": before["rows"] + 1,
                                            "changes": before["changes"] + 1})

    async def test_a_user_is_disconnected_by_force(self):
        # [CC-30] [CC-31]
        first, second, ada = await self.enter(BEN), await self.enter(BEN), await self.enter(ADA)
        self.assertEqual(self.ask("POST", f"/api/users/{BEN}/disconnect", CLEO)[0], 403)
        # Ben signs out everywhere else ...
        self.assertEqual(self.ask("POST", f"/api/users/{BEN}/disconnect", BEN, socket=first), (204, None))
        self.assertEqual(await second.hear(), {"type": "force_disconnect"})
        self.assertEqual(await second.hear_close(), 1000)
        await self.hears_nothing_before(first, "table", table_id=1)
        # ... and ada signs him out.
        self.assertEqual(self.ask("POST", f"/api/users/{BEN}/disconnect", ADA), (204, None))
        self.assertEqual(await first.hear(), {"type": "force_disconnect"})
        self.assertEqual(await first.hear_close(), 1000)
        await self.hears_nothing_before(ada, "table", table_id=1)

    async def test_subscribers_end_with_the_data_of_the_database(self):
        # [BT-7]
        ben = await self.enter(BEN)
        await self.subscribe(ben, "table", table_id=1)
        writes = [asyncio.to_thread(self.ask, "PATCH", "/api/tables/1/rows/9", ADA, {"Notes": number})
                  for number in range(40)]
        answers = await asyncio.gather(*writes)
        self.assertEqual({status for status, _ in answers}, {200})
        heard = [(await ben.hear())["rows"][0] for _ in range(40)]
        self.assertEqual([row["version"] for row in heard], list(range(1, 41)))
        self.assertEqual(heard[-1], self.row(9))

    # --- The API

    def test_every_kind_of_cell_is_kept_as_it_is(self):
        # [LC-19]
        for value in ("", "text", "quotes \" and \\ and \n", "日本語 🌍", None, 0, -7, 2 ** 63 - 1, 4.25, 1e300):
            answer = self.ask("PATCH", "/api/tables/1/rows/1", ADA, {"Notes": value})[1]
            self.assertEqual((answer["cells"]["Notes"], self.row(1)["cells"]["Notes"]), (value, value))
        row = self.row(8)["cells"]
        self.assertEqual((row["Country"], row["In the UN since"], row["Area in 1000 km²"]), ("Bolivia", 1945, 1099))

    def test_impossible_requests_are_answered_with_their_status(self):
        cases = [
            ("GET", "/api/tables/1", None, None, 401, "not_signed_in"),
            ("GET", "/api/tables/1", 99, None, 401, "bad_token"),
            ("GET", "/api/tables/1", CLEO, None, 403, "no_permission"),
            ("GET", "/api/tables/2", ADA, None, 404, "no_such_table"),
            ("GET", "/api/tables/one", ADA, None, 404, "not_found"),
            ("GET", "/api/tables/99999999999999999999", ADA, None, 404, "not_found"),
            ("GET", "/api/nothing", ADA, None, 404, "not_found"),
            ("PUT", "/api/tables/1", ADA, {}, 405, "method_not_allowed"),
            ("POST", "/health", ADA, {}, 405, "method_not_allowed"),
            ("PATCH", "/api/tables/1/rows/1", CLEO, {"Capital": "x"}, 403, "no_permission"),
            ("PATCH", "/api/tables/1/rows/1", None, {"Capital": "x"}, 401, "not_signed_in"),
            ("PATCH", "/api/tables/1/rows/999", ADA, {"Capital": "x"}, 404, "no_such_row"),
            ("PATCH", "/api/tables/1/rows/1", ADA, {"No column": "x"}, 400, "no_such_column"),
            ("PATCH", "/api/tables/1/rows/1", ADA, {"Capital": ["x"]}, 400, "bad_cell"),
            ("PATCH", "/api/tables/1/rows/1", ADA, {"Capital": True}, 400, "bad_cell"),
            ("PATCH", "/api/tables/1/rows/1", ADA, [], 400, "bad_json"),
            ("POST", "/api/tables/1/rows", ADA, {"No column": "x"}, 400, "no_such_column"),
            ("DELETE", "/api/tables/1/rows/999", ADA, None, 404, "no_such_row"),
            ("POST", "/api/tables/1/shares", BEN, {"user_id": 3}, 403, "not_the_owner"),
            ("POST", "/api/tables/1/shares", ADA, {"user_id": 99}, 404, "no_such_user"),
            ("POST", "/api/tables/1/shares", ADA, {"user_id": "3"}, 400, "bad_user_id"),
            ("POST", "/api/tables/1/shares", ADA, {"user_id": ADA}, 409, "is_the_owner"),
            ("DELETE", "/api/tables/1/shares/3", ADA, None, 404, "no_such_share"),
            ("DELETE", "/api/tables/1/shares/2", BEN, None, 403, "not_the_owner"),
            ("POST", "/api/users/99/disconnect", ADA, None, 404, "no_such_user"),
            ("POST", "/api/sign-in", None, {"user_id": 99}, 404, "no_such_user"),
            ("GET", "/api/dashboards/1", CLEO, None, 403, "no_permission"),
            ("GET", "/api/dashboards/2", ADA, None, 404, "no_such_dashboard"),
        ]
        for method, path, user, body, status, error in cases:
            with self.subTest(f"{method} {path} {user} {body}"):
                answer = self.ask(method, path, user, body)
                self.assertEqual((answer[0], answer[1]["error"]), (status, error))
        before = self.ask("GET", "/api/tables/1", ADA)[1]
        broken = self.example.request("PATCH", "/api/tables/1/rows/1", b'{"Capital": ',
                                      {"Authorization": f"JWT {token(ADA)}"})
        self.assertEqual((broken[0], json.loads(broken[2])["error"]), (400, "bad_json"))
        large = self.example.request("PATCH", "/api/tables/1/rows/1", json.dumps({"Capital": "x" * (1 << 20)}),
                                     {"Authorization": f"JWT {token(ADA)}"})
        self.assertEqual(large[0], 413)
        self.assertEqual(self.ask("GET", "/api/tables/1", ADA)[1], before)

    def test_a_wrong_method_is_answered_with_the_allowed_ones(self):
        self.assertEqual(self.example.request("PUT", "/api/tables/1/rows/1")[1]["Allow"], "PATCH, DELETE")

    def test_signing_in_gives_a_valid_token(self):
        status, answer = self.ask("POST", "/api/sign-in", body={"user_id": BEN})
        self.assertEqual((status, answer["user"]), (200, {"id": BEN, "name": "ben"}))
        headers = {"Authorization": f"JWT {answer['token']}"}
        self.assertEqual(self.example.request("GET", "/api/tables/1", headers=headers)[0], 200)
        self.assertEqual(self.ask("GET", "/api/users")[1]["users"],
                         [{"id": 1, "name": "ada"}, {"id": 2, "name": "ben"}, {"id": 3, "name": "cleo"}])

    def test_health_and_the_page(self):
        self.assertEqual(self.ask("GET", "/health"), (200, {"status": "ok"}))
        for path in ("/", "/view/public"):
            status, headers, body = self.example.request("GET", path)
            self.assertEqual((status, headers["Content-Type"]), (200, "text/html; charset=utf-8"))
            self.assertIn(b"<!doctype html>", body)

    async def test_clients_are_notified_that_the_server_stops(self):
        # [LC-27]
        ada = await self.enter(ADA)
        await self.subscribe(ada, "table", table_id=1)
        self.example.stop()
        self.assertEqual(await ada.hear_close(), 1012)
        self.assertEqual(self.example.process.wait(PATIENCE), 0)


class Data(unittest.TestCase):
    """Where the table comes from, and where it stays."""

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def table(self, *options):
        with Example("03_table_pages", "--jwt-secret", SECRET, *options) as example:
            answer = example.request("GET", "/api/tables/1", headers={"Authorization": f"JWT {token(ADA)}"})
            return json.loads(answer[2])

    def test_any_csv_file_is_accepted(self):
        csv = self.folder / "things.csv"
        csv.write_bytes(b'\xef\xbb\xbfid,"a ""quoted"", name",\r\n007,"two\r\nlines",\r\n\r\n-4.5,,x')
        table = self.table("--csv", str(csv))
        self.assertEqual((table["name"], [column["name"] for column in table["columns"]]),
                         ("things", ["id", 'a "quoted", name', "Column 3"]))
        self.assertEqual([list(row["cells"].values()) for row in table["rows"]],
                         [["007", "two\r\nlines", None], [-4.5, None, "x"]])

    def test_a_file_that_is_no_table_is_refused_at_the_start(self):
        for name, text, reason in (("rows", "a,b\n1\n", "line 2"), ("quote", 'a\n"b\n', "line 2"), ("empty", "", "first line"),
                                   ("twice", "a,a\n", '"a"'), ("latin", "caf\u00e9\n".encode("latin-1"), "UTF-8")):
            csv = self.folder / f"{name}.csv"
            csv.write_bytes(text if isinstance(text, bytes) else text.encode())
            self.assertIn(reason, self.failure("--csv", str(csv)))
        self.assertIn("nowhere.csv", self.failure("--csv", str(self.folder / "nowhere.csv")))

    def failure(self, *options):
        ended = subprocess.run([EXAMPLES / "03_table_pages", "--port", "0", *options], capture_output=True, text=True,
                               timeout=PATIENCE)
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))
        return ended.stderr

    def test_a_database_file_outlives_the_program(self):
        options = ("--jwt-secret", SECRET, "--database", str(self.folder / "table.sqlite"))
        with Example("03_table_pages", *options) as example:
            headers = {"Authorization": f"JWT {token(ADA)}"}
            example.request("PATCH", "/api/tables/1/rows/1", json.dumps({"Capital": "kept"}), headers)
        self.assertEqual(self.table("--database", str(self.folder / "table.sqlite"))["rows"][0]["cells"]["Capital"], "kept")

    def test_without_a_secret_no_one_else_can_sign(self):
        with Example("03_table_pages") as example:
            for guess in ("", "secret", SECRET):
                headers = {"Authorization": f"JWT {jwt(guess, user_id=1)}"}
                self.assertEqual(example.request("GET", "/api/tables/1", headers=headers)[0], 401)


if __name__ == "__main__":
    unittest.main(argv=["table_pages"], verbosity=2)
