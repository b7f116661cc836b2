# SPDX-License-Identifier: MIT
"""A wire is cut, and no FIN and no RST tells anybody: between a server and its Redis, between a server and a client."""
import asyncio
import subprocess
import sys
import time
import unittest

from support.example import PATIENCE
from support.wire import FAR, NEAR, Node, Redis, Wire, enter_a_network_of_our_own

ANSWER_TIME = 0.8  # seconds
LATE = 5           # what a machine with other things to do may add
WAITING = 50       # RedisOptions::waiting_events
CUTS = (Wire.pull, Wire.swallow)

FAR_CLIENT = """
import asyncio, sys, websockets

async def stay():
    async with websockets.connect(sys.argv[1], ping_interval=None) as socket:
        print("here", flush=True)
        async for _ in socket:
            pass

asyncio.run(stay())
"""


def said(text):
    return {"type": "said", "text": text}


def connections_to_redis():
    """How many sockets of this end, of programs or only of the kernel, are not done with Redis yet."""
    with open("/proc/net/tcp") as table:
        words = [line.split() for line in table]
    syn_sent, time_wait = "02", "06"
    return sum(1 for line in words[1:] if line[2].endswith(f":{6379:04X}") and line[3] not in (syn_sent, time_wait))


class BetweenServerAndRedis(unittest.IsolatedAsyncioTestCase):
    async def test_a_cut_connection_is_detected_and_recovers_when_restored(self):
        for layer in ("core", "pubsub"):
            for cut in CUTS:
                for busy in (False, True):
                    with self.subTest(layer=layer, cut=cut.__name__, busy=busy):
                        await self.cut_and_mend(layer, cut, busy)

    async def cut_and_mend(self, layer, cut, busy):
        with Wire() as wire, Redis(wire.far) as redis, Node(
                layer=layer, redis=f"redis://{FAR}:6379", answer_time=int(ANSWER_TIME * 1000),
                waiting_events=WAITING) as node:
            ann = await node.connect("/g/")
            await ann.say("before")
            self.assertEqual(await ann.hear(), said("before"))
            await self.all_confirmed(node)

            cut(wire)
            cut_at = time.monotonic()
            if busy:
                await ann.say("into the void")
            self.assertEqual(await ann.hear(), {"type": "layer_down"})
            took = time.monotonic() - cut_at
            print(f"{layer}, {cut.__name__}: down after {took:.2f} s with an answer_time of {ANSWER_TIME} s")
            self.assertLess(took, (1.25 if busy else 2.5) * ANSWER_TIME + LATE)
            self.assertIn(f"addr={NEAR}:", redis("client", "list"))  # half open: Redis knows of nothing
            self.assertEqual(connections_to_redis(), 0)  # and nothing of ours is left that could still reach it

            # The core layer had looked up who is in the group, and nothing more; PUBLISH may have been heard.
            waiting = ["into the void"] if busy and layer == "core" else []
            lost = 1 if busy and layer == "pubsub" else 0
            for number in range(WAITING + 10):
                await ann.say(str(number))
            waiting += [str(number) for number in range(WAITING - len(waiting))]
            for _ in range(WAITING + 10 - sum(text.isdigit() for text in waiting)):
                self.assertEqual(await ann.hear(), {"type": "refused"})
            counted = node.counted()
            self.assertEqual([counted[name] for name in ("up", "downs", "waiting_events", "unconfirmed", "open")],
                             [False, 1, WAITING, lost, 1])

            # Meanwhile Redis forgets who was there.
            if layer == "core":
                redis("del", "asgi:group:g")
            else:
                redis("client", "kill", "type", "pubsub")
            self.assertEqual(self.members(layer, redis), 0)
            wire.mend()
            self.assertEqual(await ann.hear(), {"type": "layer_up"})
            self.assertEqual(self.members(layer, redis), 1)
            for text in waiting:
                self.assertEqual(await ann.hear(), said(text))
            await ann.say("after")
            self.assertEqual(await ann.hear(), said("after"))
            await self.all_confirmed(node)
            counted = node.counted()
            self.assertEqual([counted[name] for name in ("up", "downs", "waiting_events", "unconfirmed", "groups")],
                             [True, 1, 0, lost, 1])
            await ann.close()

    async def all_confirmed(self, node):
        """Redis may pass a message on before it answers the one who sent it."""
        end = time.monotonic() + PATIENCE
        while node.counted()["waiting_events"] > 0:
            self.assertLess(time.monotonic(), end, "Redis does not confirm what was sent")
            await asyncio.sleep(0.01)

    def members(self, layer, redis):
        if layer == "core":
            return int(redis("zcard", "asgi:group:g"))
        return int(redis("pubsub", "numsub", "asgi__group__g").split()[1])


class BetweenServerAndClient(unittest.IsolatedAsyncioTestCase):
    async def test_a_vanished_client_is_detected_and_its_group_is_left(self):
        for cut in CUTS:
            with self.subTest(cut=cut.__name__):
                await self.vanish(cut)

    async def vanish(self, cut):
        with Wire() as wire, Redis() as redis, Node(layer="core", redis="redis://127.0.0.1:6379", ping_every=300,
                                                   pong_time=300) as node:
            url = f"ws://{NEAR}:{node.port}/g/"
            client = subprocess.Popen(wire.far(sys.executable, "-c", FAR_CLIENT, url), stdout=subprocess.PIPE)
            try:
                self.assertEqual(client.stdout.readline(), b"here\n")
                await asyncio.sleep(1)  # pings that are answered
                counted = node.counted()
                self.assertEqual([counted[name] for name in ("open", "groups", "timed_out")], [1, 1, 0])
                self.assertEqual(redis("zcard", "asgi:group:g"), "1")
                cut(wire)
                cut_at = time.monotonic()
                while node.counted()["open"] and time.monotonic() - cut_at < PATIENCE:
                    await asyncio.sleep(0.02)
                print(f"{cut.__name__}: the client is gone after {time.monotonic() - cut_at:.2f} s with 0.3 s + 0.3 s")
                counted = node.counted()
                self.assertEqual([counted[name] for name in ("open", "groups", "timed_out", "vanished")], [0, 0, 1, 0])
                self.assertEqual(redis("zcard", "asgi:group:g"), "0")
            finally:
                client.kill()
                client.wait()
                client.stdout.close()


if __name__ == "__main__":
    enter_a_network_of_our_own()
    unittest.main(argv=sys.argv[:1], verbosity=2)
