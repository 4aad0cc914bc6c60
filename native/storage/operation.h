/*
 * An operation as JavaScript asks for it, and a completion as it is told: both are rows of doubles in arrays that the engine
 * shares with lib/block/engine.ts. Doubles hold every integer up to 2^53 exactly, and JavaScript reads and writes them
 * without allocating. Used by batch.c and what it calls.
 */
#ifndef VBLADE_OPERATION_H
#define VBLADE_OPERATION_H

enum {
	VB_MAY_BORROW = 16, /* read: may be answered with an address */
	VB_SYNC_TOO = 16,   /* write, trim or zero: may be put on stable storage in the same go, where that is quick */
	VB_FUA = 32,        /* write or zero: over only when it is on stable storage */
	VB_LIST = 64, /* trim: ADDRESS is that of pairs of offset and length, as doubles, and PARK says how many; they are copied */
	VB_LIST_MAX = 16384,
	VB_MAY_UNMAP = 128, /* zero: the space may go back */
};

/* An operation, as eight doubles; lib/native-layout.ts has the same table. */
enum vb_field {
	VB_F_KIND = 0,   /* in: vb_kind | flags. out: 0 done, VB_PENDING under way, or -errno */
	VB_F_FILE = 1,   /* number of the file */
	VB_F_OFFSET = 2, /* bytes. out, if failed: the first byte that could not be done */
	VB_F_LENGTH = 3, /* bytes */
	VB_F_ADDRESS = 4,/* of the bytes to write, or of the room to read into, or for extents: see vb_file_extents() */
	VB_F_PARK = 5,   /* write: room for the bytes if the operation outlives the call; 0 if not needed. extents: for how many */
	VB_F_TOKEN = 6,  /* comes back with the completion */
	VB_F_BORROWED = 7, /* out: where a read's bytes are mapped, or 0 if they were copied */
	VB_FIELDS = 8,
};
enum { VB_PENDING = 1 };

/*
 * A completion, as three doubles: token, result, first byte that failed. The result is 0, VB_SYNCED if a write is on stable
 * storage now, VB_CANCELLED if it was taken back, -errno, or -errno - VB_SYNC_FAILED if a write was done but could not be put there.
 */
enum { VB_COMPLETION_FIELDS = 3, VB_SYNCED = 1, VB_CANCELLED = 2, VB_SYNC_FAILED = 1 << 16 };

/* What vb_engine_retry() has to tell, as doubles: see struct vb_lack. */
enum { VB_LACK_FIELDS = 2 };

/* Whether kind, file, offset and length are such as can be converted and tried. */
int vb_operation_is_sound(const double *operation);

#endif
