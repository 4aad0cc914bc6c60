# Copies what an export has onto a backup of a snapshot, where it has changed since that; prints how many bytes those were. Used by
# changes.test.ts, with Debian's python3 and libnbd: URI CONTEXT BACKUP.
import nbd, sys
h = nbd.NBD()
uri, context, path = sys.argv[1:]
h.add_meta_context(context)
h.connect_uri(uri)
changed = []
def status(name, offset, entries, error):
    for length, flags in zip(entries[0::2], entries[1::2]):
        if flags & 1: changed.append((offset, length))
        offset += length
at = 0
while at < h.get_size():
    last = len(changed)
    ends = []
    def told(name, offset, entries, error):
        status(name, offset, entries, error)
        ends.append(offset + sum(entries[0::2]))
    h.block_status(h.get_size() - at, at, told)
    at = ends[-1]
with open(path, "r+b") as backup:
    for offset, length in changed:
        while length > 0:
            part = min(length, 1 << 20)
            backup.seek(offset)
            backup.write(h.pread(part, offset))
            offset += part
            length -= part
print(sum(length for _, length in changed))
