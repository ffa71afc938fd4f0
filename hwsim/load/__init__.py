"""Honest traffic from many virtual cars, for measuring a gateway: `python -m hwsim load`.

Everything that costs is done before the clock runs (keys, handshakes, signatures, OSCORE), and what came
back is opened after it stopped. In between there is one loop that sends what is due and notes what arrives.
"""
