/**
 * The numbers that C and TypeScript both count on: where a field is, what a flag or a result is called. The addon has the same
 * table (`native/node/layout.c`), and `native.ts` holds the two against each other when it loads it.
 */

/** Flags of `fileOpen`. */
export const OPEN_READ_ONLY = 1;
export const OPEN_DIRECT = 2;
export const OPEN_SYNCED = 4;
/** Numbers that `fileOpenFor` finds out for `fileAdopt`. */
export const FILE_TRAITS = 13;

/** What an operation does, in its first field: the numbers of `BlockOp`. */
export const OperationKind = { read: 0, write: 1, flush: 2, trim: 3, writeZeroes: 4, extents: 5 } as const;
/** Flags that are added to an `OperationKind` in an operation's first field. */
export const OPERATION_MAY_BORROW = 16;
export const OPERATION_FUA = 32;
/** Of what changes something, as the other one is of reads. */
export const OPERATION_SYNC_TOO = 16;
/** A trim of a list: `address` is that of its pairs of offset and length, `park` how many there are. */
export const OPERATION_LIST = 64;
/** Zeroing: the space may go back. */
export const OPERATION_MAY_UNMAP = 128;

/** Most pairs of such a list. */
export const OPERATION_LIST_MAX = 16_384;

/** Doubles of an operation, by index; see `enum vb_field` in native/storage/operation.h. */
export const OperationField = {
	kind: 0,
	file: 1,
	offset: 2,
	length: 3,
	address: 4,
	park: 5,
	token: 6,
	borrowed: 7,
	count: 8,
} as const;
/** What the first field holds after `engineSubmit` if the operation goes on in the background; 0: done; negative: -errno. */
export const OPERATION_PENDING = 1;
/** Doubles of a completion: token, result, byte offset of the first byte that failed. */
export const COMPLETION_FIELDS = 3;
/** A completion's result, if it is neither 0 nor -errno: a write that is on stable storage now. */
export const RESULT_SYNCED = 1;
/** Or an operation that was cancelled before anything was done. */
export const RESULT_CANCELLED = 2;
/** Results below this: a write was done but could not be put on stable storage; what is left is -errno. */
export const RESULT_SYNC_FAILED = -65536;
/** Doubles that `engineRetry` fills in: an errno if something is lacking, else 0; operations that were put off so far. */
export const LACK_FIELDS = 2;
/** Doubles of a frame to send: address and length of the head, address and length of the data. */
export const SEND_FIELDS = 4;

/** What `fileSeek` looks for. */
export const SeekTo = { end: 2, data: 3, hole: 4 } as const;

/** What the second number of an extent says of zeros; 0: data. */
export const EXTENT_ZERO = 1;

/** Bits of the argument of what is called when a descriptor is ready: there is something to receive; something can be sent again. */
export const EVENT_READABLE = 1;
export const EVENT_WRITABLE = 2;
/** Bit of `monitorOpen`'s: the socket had an error, so changes have been lost. */
export const EVENT_FAILED = 16;

/** Parts that `streamSend` takes. */
export const STREAM_PARTS_MAX = 64;

/** What `tlsNext` tells of a connection. */
export const TLS_UP = 1;
export const TLS_FAILED = 2;
export const TLS_BROKEN = 3;
export const TLS_OVER = 4;

/** Descriptors that can be sent at once. */
export const CHANNEL_FILES_MAX = 253;
/** What `channelReceive` says of those that came: how many, whether some were lost (1), and from `first` on each of them. */
export const ReceivedFiles = { count: 0, lost: 1, first: 2 } as const;

/** All of them, by the names that the addon has for them. */
const LAYOUT: Readonly<Record<string, number>> = {
	OPEN_READ_ONLY,
	OPEN_DIRECT,
	OPEN_SYNCED,
	FILE_TRAITS,
	OPERATION_MAY_BORROW,
	OPERATION_FUA,
	OPERATION_SYNC_TOO,
	OPERATION_LIST,
	OPERATION_MAY_UNMAP,
	OPERATION_LIST_MAX,
	OPERATION_PENDING,
	COMPLETION_FIELDS,
	RESULT_SYNCED,
	RESULT_CANCELLED,
	RESULT_SYNC_FAILED,
	LACK_FIELDS,
	SEND_FIELDS,
	EXTENT_ZERO,
	EVENT_READABLE,
	EVENT_WRITABLE,
	EVENT_FAILED,
	TLS_UP,
	TLS_FAILED,
	TLS_BROKEN,
	TLS_OVER,
	STREAM_PARTS_MAX,
	CHANNEL_FILES_MAX,
	...named("files", ReceivedFiles),
	...named("seek", SeekTo),
	...named("kind", OperationKind),
	...named("field", OperationField),
};

function named(what: string, numbers: Readonly<Record<string, number>>): Record<string, number> {
	return Object.fromEntries(Object.entries(numbers).map(([name, number]) => [`${what} ${name}`, number]));
}

/** What an addon's table says otherwise than ours, each in words. */
export function layoutDifferences(theirs: Readonly<Record<string, number>>): string[] {
	return [...new Set([...Object.keys(LAYOUT), ...Object.keys(theirs)])]
		.filter((name) => theirs[name] !== LAYOUT[name])
		.map((name) => `${name} is ${theirs[name] ?? "missing"} instead of ${LAYOUT[name] ?? "missing"}`);
}
