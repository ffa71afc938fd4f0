"""In place of the port's own: files lie in the first 256 KB ([flash.files]), the journal behind them."""

import rp2
import vfs

FILES = 262144

device = rp2.Flash(start=0, len=FILES)
try:
    files = vfs.VfsLfs2(device, progsize=256)
except OSError:
    vfs.VfsLfs2.mkfs(device, progsize=256)
    files = vfs.VfsLfs2(device, progsize=256)
vfs.mount(files, "/")

del vfs, rp2, device, files
