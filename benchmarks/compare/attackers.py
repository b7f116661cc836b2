# SPDX-License-Identifier: MIT
"""Clients that mean harm, one kind each: python3 attackers.py KIND PORT SECONDS.

Each does one thing as fast as one process can, from one address, until its time is over. A connection that the server
ends is opened again: an attacker does not give up."""
import base64
import json
import os
import random
import select
import socket
import struct
import sys
import time
import zlib

KINDS = {}
# Not the honest clients' own: what an address may do is bounded.
ADDRESS = "127.0.0.2"


def attack(function):
    KINDS[function.__name__.replace("_", " ")] = function
    return function


def head(path, extra=""):
    key = base64.b64encode(os.urandom(16)).decode()
    return (f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{extra}\r\n").encode()


def frame(opcode, payload=b"", first=0x80):
    """A client's frame; its mask is 0, so that making it costs nothing. `first`: FIN and RSV1."""
    size = len(payload)
    length = struct.pack("!B", 0x80 | size) if size < 126 else \
        struct.pack("!BH", 0x80 | 126, size) if size < 65536 else struct.pack("!BQ", 0x80 | 127, size)
    return bytes([first | opcode]) + length + b"\0\0\0\0" + payload


class Attacker:
    def __init__(self, port, seconds):
        self.port = port
        self.until = time.monotonic() + seconds

    @property
    def active(self):
        return time.monotonic() < self.until

    def connect(self, receive_buffer=None):
        client = socket.socket()
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.settimeout(2)
        client.bind((ADDRESS, 0))
        client.connect(("127.0.0.1", self.port))
        return client

    def open(self, path, extra="", receive_buffer=None):
        """A WebSocket, or None if the server refused it."""
        client = self.connect(receive_buffer)
        client.sendall(head(path, extra))
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = client.recv(1)
            if not piece:
                return None
            answer += piece
        return client if b" 101 " in answer else None

    def requests(self, make):
        """One request after the other, each on a connection of its own; answers are read and thrown away."""
        while self.active:
            try:
                with self.connect() as client:
                    client.sendall(make())
                    client.recv(4096)
            except OSError:
                pass

    def flood(self, make, path, extra="", reads=True, receive_buffer=None, sockets=1):
        """The same bytes over and over on some WebSockets."""
        open_ones, rest = {}, {}
        while self.active:
            try:
                while len(open_ones) < sockets:
                    client = self.open(path, extra, receive_buffer)
                    if client is None:
                        time.sleep(0.1)
                        break
                    client.setblocking(False)
                    open_ones[client.fileno()], rest[client.fileno()] = client, b""
                reading, writing, _ = select.select(list(open_ones.values()) if reads else [],
                                                    list(open_ones.values()), [], 0.1)
            except OSError:
                continue
            for client in {*reading, *writing}:
                number = client.fileno()
                try:
                    if client in reading and not client.recv(1 << 16):
                        raise ConnectionResetError
                    if client in writing:
                        data = rest[number] or make()
                        rest[number] = data[client.send(data):]
                except BlockingIOError:
                    pass
                except OSError:
                    del open_ones[number], rest[number]
                    client.close()

    def hold(self, sockets, path, data, extra="", receive_buffer=None):
        """Many WebSockets that each send `data` once and then stay."""
        held = []
        while self.active:
            try:
                if len(held) < sockets:
                    client = self.open(path, extra, receive_buffer)
                    if client is not None:
                        client.setblocking(False)
                        held.append([client, memoryview(data)])
                    else:
                        time.sleep(0.05)
                else:
                    time.sleep(0.05)
            except OSError:
                time.sleep(0.05)
            for entry in list(held):
                try:
                    if entry[1]:
                        entry[1] = entry[1][entry[0].send(entry[1]):]
                except BlockingIOError:
                    pass
                except OSError:
                    held.remove(entry)


def compressed(plain):
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (squeeze.compress(plain) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4]


DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate\r\n"


@attack
def offered_subprotocols(attacker):
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    names = [a + b for a in letters for b in letters]
    offers = "Sec-WebSocket-Protocol: " + ",".join((names * 2)[:5_000]) + "\r\n"
    attacker.requests(lambda: head("/sink", offers))


@attack
def paths_that_backtrack(attacker):
    path = "/rooms/" + "a-" * 1_000 + "!/"
    attacker.requests(lambda: head(path))


@attack
def bad_tokens(attacker):
    def token(header):
        parts = [json.dumps(header).encode(), b'{"user_id":1,"exp":4000000000}', os.urandom(256)]
        return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    headers = [{"alg": "RS256", "kid": "current"}, {"alg": "RS256"}, {"alg": "RS256", "kid": "another"}]
    attacker.requests(lambda: head("/members?jwt_token=" + token(random.choice(headers))))


@attack
def foreign_origins(attacker):
    attacker.requests(lambda: head("/local?" + "x" * 8_000, "Origin: http://evil.example\r\n"))


@attack
def unknown_paths(attacker):
    attacker.requests(lambda: head("/" + "\u202e".encode("utf-8").hex() * 1_000))


@attack
def failing_handlers(attacker):
    attacker.flood(lambda: frame(1, b"x"), "/failing")


@attack
def unread_echoes(attacker):
    attacker.flood(lambda: frame(1, b"abcd") * 5_000, "/echo", reads=False, receive_buffer=4096, sockets=20)


@attack
def inflating_messages(attacker):
    data = frame(1, compressed(b"a" * (1 << 20)), first=0xC0) * 50
    attacker.flood(lambda: data, "/sink", DEFLATE)


@attack
def empty_final_blocks(attacker):
    data = frame(1, compressed(b"a" * 1_000) + b"\x03\x00" * 200_000, first=0xC0)
    attacker.flood(lambda: data, "/sink", DEFLATE)


@attack
def messages_without_end(attacker):
    attacker.hold(300, "/sink", frame(2, b"x" * ((1 << 20) - 1_000), first=0))


@attack
def pings(attacker):
    attacker.flood(lambda: frame(9, b"x" * 125) * 200, "/sink")


@attack
def tiny_frames(attacker):
    attacker.flood(lambda: (frame(1, b"x", first=0) + frame(0, b"x", first=0) * 1_000 + frame(0, b"x")) * 5, "/sink")


@attack
def long_page_parameters(attacker):
    def pages():
        return b"".join(frame(1, json.dumps({"page": "note", "name": os.urandom(2_000).hex()}).encode())
                        for _ in range(20))
    attacker.flood(pages, "/members?jwt_token=anonymous", sockets=5)


@attack
def pages_in_and_out(attacker):
    text = json.dumps({"page": "note", "name": "a"})[:-1] + "," + json.dumps({"remove_page": "note"})[1:]
    attacker.flood(lambda: frame(1, text.encode()) * 50, "/members?jwt_token=anonymous")


@attack
def broken_json(attacker):
    attacker.flood(lambda: frame(1, b'{"page":' + b"[" * 2_000) * 20, "/members?jwt_token=anonymous")


@attack
def connections_that_reset(attacker):
    linger = struct.pack("ii", 1, 0)
    while attacker.active:
        try:
            client = attacker.open("/sink")
            if client is not None:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                client.close()
        except OSError:
            pass


@attack
def half_a_request(attacker):
    attacker_head = head("/sink")[:-2]
    held = []
    while attacker.active:
        try:
            if len(held) < 2_000:
                client = attacker.connect()
                client.sendall(attacker_head)
                held.append(client)
            else:
                held.pop(0).close()
        except OSError:
            time.sleep(0.01)


if __name__ == "__main__":
    KINDS[sys.argv[1]](Attacker(int(sys.argv[2]), float(sys.argv[3])))
