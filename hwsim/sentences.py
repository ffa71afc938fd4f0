"""NMEA 0183 sentences as a receiver makes them; quick, since a day of driving has half a million of them."""

_MINUTE = 100_000  # parts of a minute that are told
_DEGREES = {2: "%02d%02d.%05d", 3: "%03d%02d.%05d"}


def sentence(talker, kind, *fields):
    """`$..*hh` without its line end."""
    return checked(f"{talker}{kind},{','.join(fields)}")


def checked(body):
    """`$body*hh`: what a line says between its dollar sign and its star, with the exclusive or of it all."""
    value = int.from_bytes(body.encode(), "little")
    if value >> 1024:
        value ^= value >> 1024
    value ^= value >> 512
    value ^= value >> 256
    value ^= value >> 128
    value ^= value >> 64
    value ^= value >> 32
    value ^= value >> 16
    return f"${body}*{(value ^ value >> 8) & 0xFF:02X}"


def degrees(value, width):
    """ddmm.mmmmm as NMEA wants it; rounding never gives sixty minutes."""
    whole, minutes = divmod(round(value * 60 * _MINUTE), 60 * _MINUTE)
    return _DEGREES[width] % (whole, *divmod(minutes, _MINUTE))


def nothing_known(talker, time, date):
    """What is said while there is no fix."""
    yield sentence(talker, "RMC", time, "V", "", "", "", "", "", "", date, "", "", "N")
    yield sentence(talker, "GGA", time, "", "", "", "", "0", "00", "99.9", "", "M", "", "M", "", "")
    yield sentence(talker, "GSA", "A", "1", *[""] * 12, "99.9", "99.9", "99.9")


def place(lat, lon, alt_m):
    """A place as a sentence has it, and its height."""
    north = f"{degrees(abs(lat), 2)},{'N' if lat >= 0 else 'S'}"
    return f"{north},{degrees(abs(lon), 3)},{'E' if lon >= 0 else 'W'}", f"{alt_m:.1f}"


def motion(speed_m_s, course_deg):
    """Speed and course as RMC has them."""
    course = f"{course_deg:.1f}" if speed_m_s > 0.5 else ""
    return f"{speed_m_s * 3.6 / 1.852:.2f},{course}"


def position(talker, time, date, where, height, moving, used, hdop):
    """RMC and GGA in one text, of `place` and `motion`; `used` satellites."""
    rmc = checked(f"{talker}RMC,{time},A,{where},{moving},{date},,,A")
    gga = checked(f"{talker}GGA,{time},{where},1,{used:02d},{hdop},{height},M,43.1,M,,")
    return f"{rmc}\r\n{gga}"


def satellites(talker, sats, least_snr=25):
    """(GSA and GSV in one text, satellites used, HDOP); sats: (number, elevation, azimuth, signal)."""
    used = [number for number, _, _, snr in sats if snr >= least_snr][:12]
    hdop = f"{0.7 + 4.0 / max(4, len(used)) - 0.3:.1f}"
    numbers = [f"{n:02d}" for n in used] + [""] * (12 - len(used))
    lines = [sentence(talker, "GSA", "A", "3", *numbers, "1.6", hdop, "1.3")]
    groups = [sats[i : i + 4] for i in range(0, len(sats), 4)]
    for index, group in enumerate(groups):
        fields = [
            text
            for number, elevation, azimuth, snr in group
            for text in (f"{number:02d}", f"{elevation:02d}", f"{azimuth:03d}", f"{snr:02d}")
        ]
        head = (str(len(groups)), str(index + 1), f"{len(sats):02d}")
        lines.append(sentence("GP", "GSV", *head, *fields))
    return "\r\n".join(lines), len(used), hdop
