"""What a terminal is held to: numbered cases, each a story in virtual time that speaks of wires, datagrams
and what headquarters sees, never of a terminal's insides. `python -m hwsim conformance` runs them;
docs/conformance.md is made from them."""
