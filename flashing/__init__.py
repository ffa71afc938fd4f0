"""The parts of the technician's tool, `flash.py`."""
