"""The key pair of the gateway that the firmware's tests talk to."""

PRIVATE = bytes(range(1, 33))
PUBLIC = bytes.fromhex(
    "515c3d6eb9e396b904d3feca7f54fdcd0cc1e997bf375dca515ad0a6c3b4035f"
    "4536be3a50f318fbf9a5475902a221502bef0d57e08c53b2cc0a56f17d9f9354"
)
GATEWAY_KEY = PUBLIC.hex()
