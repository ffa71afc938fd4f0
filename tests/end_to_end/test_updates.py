"""An update from the workshop to the car: flash.py's release, the real gateway, a terminal that starts from
its slots; with the gateway killed in the middle."""

import hashlib

from hwsim import releases
from hwsim.conformance.case import Case
from hwsim.conformance.shelf import Shelf
from hwsim.house import House

CASE = Case("UPD-00", (), "", None, "", "", house=True, slots=True)


def test_from_the_workshop_to_the_car(tmp_path):
    shelf = Shelf()
    kit = shelf.kit(CASE)
    image = releases.make(shelf.workshop, "0.2.0")
    with House(kit, tmp_path, seed=5) as house:
        house.start()
        gateway, kernel = house.gateway, house.kernel
        assert kernel.run_until(lambda: gateway.journal(), 120), house.lines()[-20:]
        gateway.administer("release", "add", str(shelf.workshop / "SIM-0.2.0.suit"))
        answer = gateway.administer("send", "*", "update", "--release", "0.2.0")
        assert answer["asked"] == 1

        def update():
            (row,) = gateway.administer("list")["terminals"]
            return row["update"]

        def until(true, limit_s):
            for _ in range(limit_s // 5):
                kernel.run_for(5)
                if true():
                    return True
            return False

        assert until(lambda: update()["bytes"] >= len(image) // 2, 300), update()
        gateway.kill()
        kernel.run_for(45)
        assert gateway.start() is None
        assert until(lambda: update()["state"] == "ready", 300), update()
        assert update()["bytes"] == len(image)
        house.cars[0].park()
        assert until(lambda: update()["state"] == "done", 400), (update(), house.lines()[-30:])
        blocks = hashlib.sha256(image).hexdigest()
        (release,) = gateway.administer("release")["releases"]
        assert release["sha256"] == blocks
        (rollout,) = gateway.administer("rollout")["rollouts"]
        assert rollout["counts"] == {"done": 1}
