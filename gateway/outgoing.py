"""Messages under way to the broker: our own window over one connection."""

from collections.abc import Iterable
from typing import Any

from paho.mqtt.packettypes import PacketTypes

from gateway.mqtt import Link, blank
from gateway.northbound import COSE_TYPE, Publication


class _Group:
    """Messages that count as one: a frame is relayed when all of its messages are confirmed."""

    __slots__ = ("failed", "item", "kind", "left")

    def __init__(self, kind: str, item: Any) -> None:
        self.kind = kind
        self.item = item
        self.left = 0
        self.failed = False


class Outgoing:
    """`room` is true while another group may be sent; a group may overshoot the window by one message."""

    def __init__(self, link: Link, window: int, position_expiry_s: int) -> None:
        self._link = link
        self._window = max(1, window - 1)
        self._expiry = position_expiry_s
        self._waiting: dict[int, _Group] = {}
        self._properties: dict[tuple[str, str], bytes] = {}

    @property
    def count(self) -> int:
        return len(self._waiting)

    @property
    def room(self) -> bool:
        return self._link.up and len(self._waiting) < self._window

    @property
    def slack(self) -> bool:
        """There is room for what can wait: half of the window stays free for what cannot."""
        return self._link.up and 2 * len(self._waiting) < self._window

    def send(self, kind: str, item: Any, messages: Iterable[Publication]) -> None:
        """Hand over a group; `acked` names it when the last of it is confirmed."""
        group = _Group(kind, item)
        publish, five = self._link.publish, self._link.five
        for message in messages:
            properties = self._describe(message) if five else b""
            mid = publish(message.topic, message.payload, message.retain, properties)
            if mid:
                group.left += 1
                self._waiting[mid] = group
            else:
                # The connection broke under us: this group can never be complete on it.
                group.left += 1 << 16

    def acked(self, mids: Iterable[int], refused: bool) -> list[tuple[str, Any, bool]]:
        """(kind, item, whether any message of it was refused) of the groups that these confirmations
        complete."""
        out = []
        take = self._waiting.pop
        for mid in mids:
            group = take(mid, None)
            if group is None:
                continue
            group.left -= 1
            if refused:
                group.failed = True
            if not group.left:
                out.append((group.kind, group.item, group.failed))
        return out

    def flush(self) -> None:
        self._link.flush()

    def _describe(self, message: Publication) -> bytes:
        if message.correlation is not None:
            return self._make(message)
        key = (message.label, message.content_type)
        known = self._properties.get(key)
        if known is None:
            known = self._properties[key] = self._make(message)
        return known

    def _make(self, message: Publication) -> bytes:
        properties = blank(PacketTypes.PUBLISH)
        properties.ContentType = message.content_type
        properties.PayloadFormatIndicator = int(message.content_type != COSE_TYPE)  # 1: UTF-8
        if message.label == "position":
            properties.MessageExpiryInterval = self._expiry
        if message.correlation is not None:
            properties.CorrelationData = message.correlation
        packed: bytes = properties.pack()
        return packed
