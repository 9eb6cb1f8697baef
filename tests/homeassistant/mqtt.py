"""An MQTT 3.1.1 client of a few lines, stdlib only: it keeps what a broker says, and says things to it."""

import socket
import struct
import threading
import time


class Mqtt:
    """Connected and subscribed when made; `retained` is the last payload of every topic that was not emptied."""

    def __init__(self, port: int, *filters: str, name: str = "e2e"):
        self.retained: dict[str, str] = {}
        self.messages: list[tuple[str, str]] = []
        self.closed = False
        self.sock = socket.create_connection(("127.0.0.1", port), 10)
        self.lock = threading.Lock()
        self._send(0x10, b"\0\4MQTT\4\2\0\0" + _text(name))
        kind, body = self._packet()
        if kind != 0x20 or body[1] != 0:
            raise OSError(f"the broker refused: {kind:#x} {body!r}")
        for number, one in enumerate(filters, 1):
            self._send(0x82, struct.pack(">H", number) + _text(one) + b"\0")
        self.sock.settimeout(None)
        threading.Thread(target=self._listen, daemon=True).start()

    def publish(self, topic: str, payload: str, retain: bool = False) -> None:
        self._send(0x31 if retain else 0x30, _text(topic) + payload.encode())

    def since(self, mark: int, topic: str) -> list[str]:
        return [payload for one, payload in self.messages[mark:] if one == topic]

    def close(self) -> None:
        self.closed = True
        self.sock.close()

    def _listen(self) -> None:
        try:
            while True:
                kind, body = self._packet()
                if kind & 0xF0 == 0x30:
                    length = struct.unpack(">H", body[:2])[0]
                    topic, payload = body[2:2 + length].decode(), body[2 + length:].decode(errors="replace")
                    self.messages.append((topic, payload))
                    if payload:
                        self.retained[topic] = payload
                    else:
                        self.retained.pop(topic, None)
        except OSError:
            self.closed = True

    def _send(self, kind: int, body: bytes) -> None:
        size, rest = b"", len(body)
        while True:
            rest, digit = divmod(rest, 128)
            size += bytes([digit | (128 if rest else 0)])
            if not rest:
                break
        with self.lock:
            self.sock.sendall(bytes([kind]) + size + body)

    def _packet(self) -> tuple[int, bytes]:
        kind, size, shift = self._take(1)[0], 0, 0
        while True:
            digit = self._take(1)[0]
            size |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                return kind, self._take(size)

    def _take(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.sock.recv(count - len(data))
            if not part:
                raise OSError("the broker closed the connection")
            data += part
        return data


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def connect(port: int, *filters: str, name: str = "e2e", timeout: float = 10) -> Mqtt:
    """Waits for a broker that is just starting."""
    end = time.monotonic() + timeout
    while True:
        try:
            return Mqtt(port, *filters, name=name)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
