"""`esp32` of the simulated terminal: what lies on its flash beside the file system."""

partitions = {}  # label -> block device


class Partition:
    TYPE_APP, TYPE_DATA = 0, 1

    @staticmethod
    def find(type=TYPE_APP, subtype=0xFF, label=None, block_size=4096):
        return [partitions[label]] if type == Partition.TYPE_DATA and label in partitions else []
