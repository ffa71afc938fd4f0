"""What the IP stacks inside modems have in common: contexts, links, and events that a restart forgets."""

LINKS = 10  # SIMCom; Quectel has two more


class Stack:
    """All links of one start of the modem."""

    def __init__(self, modem, path):
        self._modem = modem
        self._kernel = modem.kernel
        self._path = path
        self.contexts = {1: ("IP", "")}  # kept in the modem's flash
        self.links = {}
        self.reset()

    def reset(self):
        """As after a start: nothing is open."""
        self._close_network("closed")

    def _close_network(self, state):
        self.network = state
        self.ip = None
        for link in self.links.values():
            link.flow.close()
        self.links = {}

    def _may_open(self):
        """Does the network give a connection now?"""
        needed = self._modem.profile.attach_needs_apn
        if needed and self.contexts.get(1, ("", ""))[1] != needed:
            return False
        return self._modem.radio.registered and not self._modem.chance("netopen_fails")

    def _later(self, habit, then, *arguments):
        start = self._modem.power.starts

        def fire():
            if self._modem.power.starts == start and self._modem.alive:
                then(*arguments)

        self._kernel.after(self._modem.draw_us(habit), fire)


class Link:
    def __init__(self, local_port):
        self.local_port = local_port
        self.flow = None
        self.received = []
        self.announced = False
        self.read = 0

    def waiting(self):
        return sum(len(data) for data in self.received)


def argument(arguments, index):
    return arguments[index] if index < len(arguments) else None


def whole(arguments, index):
    text = argument(arguments, index)
    return int(text) if text is not None and _is_digits(text) else None


def link_number(arguments, index):
    number = whole(arguments, index)
    return number if number is not None and number < LINKS else None


def is_ip(text):
    parts = (text or "").split(".")
    return len(parts) == 4 and all(_is_digits(part) and int(part) < 256 for part in parts)


def _is_digits(text):
    return text.isascii() and text.isdigit()  # a garbled byte may be a superscript two
