# SPDX-License-Identifier: MIT
"""The spans that 11_tracing writes, one JSON object a line."""
import asyncio
import json
import time
import unittest

from support.example import Example, with_headers

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"  # of the W3C's own example


class Spans(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.began = time.time_ns()
        self.example = self.enterContext(Example("11_tracing"))

    def spans(self):
        """All spans, once the server has ended."""
        self.example.stop()
        return [json.loads(line) for line in self.example.process.stdout.read().splitlines()]

    async def test_handlers_are_spans_below_their_connection(self):
        client = await self.example.connect("/chat", **with_headers({"traceparent": f"00-{TRACE}-{PARENT}-01"}))
        await client.say({"hello": 1})
        self.assertEqual(await client.hear(), {"hello": 1})
        await client.socket.close(4001)
        spans = self.spans()
        connection, = [span for span in spans if span["name"] == "connection"]
        self.assertEqual((connection["traceId"], connection["parentSpanId"]), (TRACE, PARENT))
        attributes = connection["attributes"]
        self.assertEqual((attributes["url.path"], attributes["websocket.close_code"], attributes["ended_by"]),
                         ("/chat", "4001", "transport"))
        below = [span for span in spans if span["parentSpanId"] == connection["spanId"]]
        self.assertEqual([span["name"] for span in below], ["connect", "receive", "disconnect"])
        for span in (*below, connection):
            self.assertEqual(span["traceId"], TRACE)
            self.assertNotIn("error", span)
            start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
            self.assertLessEqual(self.began - 10**9, start)
            self.assertLessEqual(start, end)
        self.assertEqual(len({span["spanId"] for span in spans}), len(spans))

    async def test_an_exception_is_the_error_of_its_span(self):
        client = await self.example.connect("/chat")
        await client.socket.send("fail")
        self.assertEqual(await client.hear_close(), 1011)
        failed, = [span for span in self.spans() if "error" in span]
        self.assertEqual((failed["name"], failed["error"]), ("receive", "somebody said fail"))

    async def test_a_broadcast_is_a_span_with_its_recipients(self):
        clients = [await self.example.connect("/chat") for _ in range(3)]
        await clients[0].say(1)
        for client in clients:
            await client.hear()
        for client in clients:
            await client.close()
        delivered = [span["attributes"] for span in self.spans() if span["name"] == "deliver"]
        self.assertEqual({span["messaging.destination.name"] for span in delivered}, {"room"})
        self.assertEqual(sum(int(span["deliveries"]) for span in delivered), 3)

    async def test_a_request_is_a_span_named_after_its_route(self):
        await asyncio.to_thread(self.example.request, "GET", "/health")
        await asyncio.to_thread(self.example.request, "GET", "/what/ever")
        spans = [(span["name"], span["attributes"]["http.response.status_code"]) for span in self.spans()]
        self.assertEqual(spans, [("GET /health", "200"), ("GET not found", "404")])


if __name__ == "__main__":
    unittest.main(argv=["tracing"], verbosity=2)
