"""A jig for `./flash.py test`: fingers and eyes at a `python -m hwsim board`, over that command's own lines.

desk_jig.py ORDERS SAID     two pipes with names: its standard input, its standard output
"""

import json
import sys

_LOOKS = 40


def main(orders, said):
    def tell(line):
        orders.write(line + "\n")
        orders.flush()

    def lamps():
        tell("wait 0.5")
        tell("lamps")
        shown, on = said.readline().strip().split("; on: ")
        return shown.split(",")[0].removeprefix("red "), on.split(", ")

    def look(order):
        for _ in range(_LOOKS):
            red, on = lamps()
            if order["choices"] == ["red", "none"]:  # the drill's: does it blink or burn?
                if red in ("received", "acknowledged"):
                    return "red"
            elif order["at"] in on:
                return "yes" if "yes" in order["choices"] else order["at"]
        return order["choices"][-1]

    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "press":
            tell(f"press {order['key']} {order['hold_ms']}")
            print(json.dumps({"done": True}), flush=True)
        elif order["do"] == "look":
            print(json.dumps({"answer": look(order)}), flush=True)


if __name__ == "__main__":
    with open(sys.argv[1], "w") as orders, open(sys.argv[2]) as said:
        main(orders, said)
