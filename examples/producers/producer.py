"""Writes one whole turn, token by token. Needs nothing but Python.

    python3 producer.py chat:42 t81        (REDIS_HOST, REDIS_PORT)

'0-*' lets Redis number the entries 0-1, 0-2, …: the epoch that needs no lease.
"""
import json
import os
import socket
import sys

channel, turn = sys.argv[1:3]
key = f"karez:{{app/{channel}}}:turn:{turn}"
timeline = f"karez:{{app/{channel}}}:timeline"

redis = socket.create_connection((os.environ.get("REDIS_HOST", "127.0.0.1"), int(os.environ.get("REDIS_PORT", "6379"))))
replies = redis.makefile("rb")


def say(*args):
    """One command and its answer; a refusal, because someone closed the turn, is raised."""
    parts = [a.encode() if isinstance(a, str) else a for a in args]
    redis.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
    line = replies.readline()
    if line[:1] == b"-":
        raise RuntimeError(line[1:].decode().strip())
    if line[:1] == b"$":
        replies.read(int(line[1:]) + 2)


say("XADD", timeline, "0-*", "turn", json.dumps({"turn": turn}))
say("XADD", key, "0-*", "prompt", json.dumps({"text": "Say hello"}), "v", "1")

# Text may be cut anywhere, also inside a character, as sockets do.
answer = "Hello from Python 🌊".encode()
for i in range(0, len(answer), 3):
    say("XADD", key, "0-*", "text", answer[i : i + 3])

say("XADD", key, "0-*", "end", json.dumps({"reason": "stop"}))
say("EXPIRE", key, "2592000")
say("XADD", timeline, "0-*", "turn_end", json.dumps({"turn": turn, "state": "completed"}))
