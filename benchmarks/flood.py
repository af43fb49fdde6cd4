"""Find a server's limit: processes with raw sockets ask it all the time. Prints the requests per second answered.

`python flood.py PORT SECONDS`
"""

from __future__ import annotations

import multiprocessing
import selectors
import socket
import sys
import time

_PROCESSES = 2
_SOCKETS = 50  # of each process
_BODY = b'{"model": "llama3.2-1b", "prompt": "What is 2+2?", "temperature": 0.1, "max_tokens": 500}'
_REQUEST = b"POST /0/us/inference HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)


def ask_all_the_time(port: int, seconds: float) -> float:
    """Return how many requests a second were answered on this process's sockets."""
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(_SOCKETS)]
    with selectors.DefaultSelector() as selector:
        for connection in sockets:
            selector.register(connection, selectors.EVENT_READ)
            connection.sendall(_REQUEST)
        answered, began = 0, time.monotonic()
        while time.monotonic() - began < seconds:
            for key, _ in selector.select():
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.recv(65536)  # an answer fits into one segment of the loopback
                key.fileobj.sendall(_REQUEST)
                answered += 1
    for connection in sockets:
        connection.close()
    return answered / seconds


if __name__ == "__main__":
    with multiprocessing.Pool(_PROCESSES) as pool:
        print(sum(pool.starmap(ask_all_the_time, [(int(sys.argv[1]), float(sys.argv[2]))] * _PROCESSES)))
