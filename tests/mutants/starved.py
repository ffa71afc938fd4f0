"""A story for stories.py: the heap is taken away."""

_BALLAST, _CRUMBS, _GIVE_BACK = 4, 6, 0xFFFFFFFF  # hwsim/guest/_fault.py


def starved(stage):
    """The heap has no room for a moment, again and again, on a drive and in a start: no number is missing,
    and the terminal goes on."""
    stage.rig.working()
    for left in range(250, 2600, 50):  # many: what fits into which of them changes with the program
        _take_heap(stage, left)
        stage.run(9)
        _take_heap(stage, _GIVE_BACK)
        stage.run(5)
    for late_s in (0.8, 1.1):  # in a start: before anything is loaded, and after
        stage.power(off_s=1)
        stage.run(1 + late_s)
        _take_heap(stage, 874)
        stage.run(12)
        _take_heap(stage, _GIVE_BACK)
        stage.run(60)
    # A frame that finds room, and its record a moment later none: that takes a heap in small pieces, as it is
    # full of them after a start, when signing has just cleared up behind itself.
    for size in range(40, 97, 8):
        stage.power(off_s=1)
        stage.run(21)
        stage.kernel.emit("fault", "heap_exhaustion", car=stage.car.name, pieces=size)
        stage.car.terminal.afflict(_CRUMBS, size.to_bytes(4, "little"))
        stage.run(8)
        _take_heap(stage, _GIVE_BACK)
        stage.run(40)
    stage.tap("busy")
    stage.quiet()


def _take_heap(stage, left):
    if left != _GIVE_BACK:
        stage.kernel.emit("fault", "heap_exhaustion", car=stage.car.name, left=left)
    stage.car.terminal.afflict(_BALLAST, left.to_bytes(4, "little"))
