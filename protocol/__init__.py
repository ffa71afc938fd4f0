"""The language that terminal and gateway both speak: bytes in, values out, no input or output."""
