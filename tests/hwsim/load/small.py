"""Cars with contexts nobody had to shake hands for, and their gateway's side."""

from hwsim.load.cars import cars
from hwsim.load.stock import Stock
from hwsim.openssl import Ccm
from protocol.oscore import Context

SECRET, SALT, GATEWAY = bytes(range(16)), b"saltsalt", b"\x01"


def fleet(count=2):
    made = cars(7, count)
    for car in made:
        car.context = Context(SECRET, SALT, bytes((9, 9, car.number)), GATEWAY, Ccm())
    return made


def headquarters(car):
    """What the gateway opens that car's requests with."""
    return Context(SECRET, SALT, GATEWAY, car.context.sender_id, Ccm())


def stock(count=2, rate=10, seconds=1, **more):
    made = Stock(fleet(count), rate, seconds, **more)
    made.make()
    return made
