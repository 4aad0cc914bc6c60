/**
 * The numbers of NBD, as its specification names them (doc/proto.md of the NBD project: "fixed newstyle" negotiation, transmission with
 * simple and structured replies). Used by every file of this room; all numbers on the wire are big-endian.
 */

/** What a server begins with: two magic numbers of 64 bits, and flags. */
export const GREETING_BYTES = 18;
export const INIT_MAGIC = 0x4e42444d41474943n;
export const OPTION_MAGIC = 0x49484156454f5054n;
export const OPTION_REPLY_MAGIC = 0x0003e889045565a9n;

/** Flags of the greeting, and of the client's answer to it. */
export const HandshakeFlag = { fixedNewstyle: 1, noZeroes: 2 } as const;

export const Option = {
	exportName: 1,
	abort: 2,
	list: 3,
	startTls: 5,
	info: 6,
	go: 7,
	structuredReply: 8,
	listMetaContext: 9,
	setMetaContext: 10,
} as const;

const ERROR = 2 ** 31;
export const OptionReply = {
	ack: 1,
	server: 2,
	info: 3,
	metaContext: 4,
	errUnsupported: ERROR + 1,
	errPolicy: ERROR + 2,
	errInvalid: ERROR + 3,
	errTlsRequired: ERROR + 5,
	errUnknown: ERROR + 6,
	errShutdown: ERROR + 7,
	errBlockSizeRequired: ERROR + 8,
	errTooBig: ERROR + 9,
} as const;
export type OptionReply = (typeof OptionReply)[keyof typeof OptionReply];

export const Info = { export: 0, name: 1, description: 2, blockSize: 3 } as const;

/** What a server says an export can do. */
export const TransmissionFlag = {
	hasFlags: 1 << 0,
	readOnly: 1 << 1,
	sendFlush: 1 << 2,
	sendFua: 1 << 3,
	rotational: 1 << 4,
	sendTrim: 1 << 5,
	sendWriteZeroes: 1 << 6,
	sendDf: 1 << 7,
	canMultiConn: 1 << 8,
	sendCache: 1 << 10,
	sendFastZero: 1 << 11,
} as const;

export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
export const STRUCTURED_REPLY_MAGIC = 0x668e33ef;
export const REQUEST_BYTES = 28;
export const SIMPLE_REPLY_BYTES = 16;
export const CHUNK_BYTES = 20;

export const Command = {
	read: 0,
	write: 1,
	disconnect: 2,
	flush: 3,
	trim: 4,
	cache: 5,
	writeZeroes: 6,
	blockStatus: 7,
} as const;

export const CommandFlag = { fua: 1, noHole: 2, df: 4, reqOne: 8, fastZero: 16 } as const;

/** Which flags each command may have; a command that is not here is not known. */
export const FLAGS_OF: readonly (number | undefined)[] = [
	CommandFlag.fua | CommandFlag.df,
	CommandFlag.fua,
	CommandFlag.fua,
	CommandFlag.fua,
	CommandFlag.fua,
	CommandFlag.fua,
	CommandFlag.fua | CommandFlag.noHole | CommandFlag.fastZero,
	CommandFlag.fua | CommandFlag.reqOne,
];

export const ChunkFlag = { done: 1 } as const;
export const ChunkType = {
	none: 0,
	offsetData: 1,
	offsetHole: 2,
	blockStatus: 5,
	error: 32769,
	errorOffset: 32770,
} as const;

/** Errors on the wire: a few of Linux's errnos, and none else. */
export const NbdError = {
	none: 0,
	EPERM: 1,
	EIO: 5,
	ENOMEM: 12,
	EINVAL: 22,
	ENOSPC: 28,
	EOVERFLOW: 75,
	ENOTSUP: 95,
	ESHUTDOWN: 108,
} as const;
export type NbdError = (typeof NbdError)[keyof typeof NbdError];

/** Names, and descriptions, in bytes. */
export const STRING_BYTES_MAX = 4096;
/** Longest read and write that are taken, as the export says: what clients take for granted where nothing is said. */
export const PAYLOAD_BYTES_MAX = 32 * 1024 * 1024;

/** "base:allocation": where there is data. */
export const ALLOCATION_CONTEXT = "base:allocation";
/** Before the name of a snapshot: where the export may be other than that. The second is what backup programs know, which means the same. */
export const CHANGED_CONTEXTS = ["vblade:changed:", "qemu:dirty-bitmap:"] as const;
/**
 * Before what a client calls itself by, with all its connections, 1 to 64 letters and digits that nobody else can know: whoever chooses such a context has
 * earlier connections of the same name cut off, before anything is agreed on, so that nothing that is still on its way to the server is carried out
 * after what comes on the new one. Nothing is told in it.
 */
export const SESSION_CONTEXT = "vblade:session:";
export const AllocationFlag = { hole: 1, zero: 2 } as const;
