"""UTF-8 as RFC 3629 has it, on both Pythons: MicroPython's own check takes overlong forms and surrogates."""


def is_utf8(data: bytes) -> bool:
    """True for a whole number of well-formed characters."""
    need = 0
    low, high = 0x80, 0xBF
    for byte in data:
        if need:
            if not low <= byte <= high:
                return False
            need -= 1
            low, high = 0x80, 0xBF
        elif byte >= 0x80:
            # Table 3-7 of the Unicode standard: the first byte limits the second.
            if 0xC2 <= byte <= 0xDF:
                need = 1
            elif 0xE0 <= byte <= 0xEF:
                need = 2
                low = 0xA0 if byte == 0xE0 else 0x80
                high = 0x9F if byte == 0xED else 0xBF
            elif 0xF0 <= byte <= 0xF4:
                need = 3
                low = 0x90 if byte == 0xF0 else 0x80
                high = 0x8F if byte == 0xF4 else 0xBF
            else:
                return False
    return need == 0
