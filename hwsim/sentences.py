"""NMEA 0183 sentences as a receiver makes them; quick, since a day of driving has half a million of them."""

_MINUTE = 100_000  # parts of a minute that are told


def sentence(talker, kind, *fields):
    """`$..*hh` without its line end."""
    return checked(f"{talker}{kind},{','.join(fields)}")


def checked(body):
    """`$body*hh`: what a line says between its dollar sign and its star, with the exclusive or of it all."""
    value = int.from_bytes(body.encode(), "little")
    shift = 1024
    while shift >= 8:
        value ^= value >> shift
        shift >>= 1
    return f"${body}*{value & 0xFF:02X}"


def degrees(value, width):
    """ddmm.mmmmm as NMEA wants it; rounding never gives sixty minutes."""
    whole, minutes = divmod(round(value * 60 * _MINUTE), 60 * _MINUTE)
    return f"{whole:0{width}d}{minutes / _MINUTE:08.5f}"


def nothing_known(talker, time, date):
    """What is said while there is no fix."""
    yield sentence(talker, "RMC", time, "V", "", "", "", "", "", "", date, "", "", "N")
    yield sentence(talker, "GGA", time, "", "", "", "", "0", "00", "99.9", "", "M", "", "M", "", "")
    yield sentence(talker, "GSA", "A", "1", *[""] * 12, "99.9", "99.9", "99.9")


def position(talker, time, date, fix, used, hdop):
    """RMC and GGA of a fix; `used` satellites."""
    lat = f"{degrees(abs(fix.lat), 2)},{'N' if fix.lat >= 0 else 'S'}"
    lon = f"{degrees(abs(fix.lon), 3)},{'E' if fix.lon >= 0 else 'W'}"
    course = f"{fix.course_deg:.1f}" if fix.speed_m_s > 0.5 else ""
    knots = fix.speed_m_s * 3.6 / 1.852
    yield checked(f"{talker}RMC,{time},A,{lat},{lon},{knots:.2f},{course},{date},,,A")
    yield checked(f"{talker}GGA,{time},{lat},{lon},1,{used:02d},{hdop},{fix.alt_m:.1f},M,43.1,M,,")


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
