/**
 * How PDUs of iSCSI lie on the wire (RFC 7143, 11): the 48 bytes of the basic header segment, its opcodes, flags and fields. Fields are read
 * and written by the word, in a `DataView` from the header's first byte (`at`) on: no object stands for a PDU. All numbers are big-endian. Used
 * by every file of this room that speaks to the wire.
 */

/** The basic header segment (11.2.1). */
export const BHS_BYTES = 48;
/** A header digest, or a data digest (11.3), in bytes. */
export const DIGEST_BYTES = 4;
/** No tag, of an initiator's task or a target's transfer (11.2.1.8). */
export const NO_TAG = 0xffffffff;

/** What an initiator sends is below 0x20, what a target sends is not (11.2.1.2). */
export const Opcode = {
	nopOut: 0x00,
	command: 0x01,
	management: 0x02,
	login: 0x03,
	text: 0x04,
	dataOut: 0x05,
	logout: 0x06,
	snack: 0x10,
	nopIn: 0x20,
	response: 0x21,
	managementResponse: 0x22,
	loginResponse: 0x23,
	textResponse: 0x24,
	dataIn: 0x25,
	logoutResponse: 0x26,
	r2t: 0x31,
	asynchronous: 0x32,
	reject: 0x3f,
} as const;
export type Opcode = (typeof Opcode)[keyof typeof Opcode];

/** Beside the opcode, in an initiator's first byte: it is not numbered by CmdSN. */
export const IMMEDIATE = 0x40;
const OPCODE_MASK = 0x3f;

/** Bits of the second byte, and what a few opcodes add to the last or only one of a sequence. */
export const Flag = {
	final: 0x80,
	/** Of a SCSI command (11.3.1). */
	read: 0x40,
	write: 0x20,
	attributeMask: 0x07,
	/** Of a login request and its response (11.12.1 to 11.12.3): the stage is over; the text goes on; stages are two bits each. */
	transit: 0x80,
	continues: 0x40,
	/** Of a SCSI response, and of Data-In with a status (11.4.1, 11.7). */
	bidirectionalOverflow: 0x10,
	bidirectionalUnderflow: 0x08,
	overflow: 0x04,
	underflow: 0x02,
	/** Of Data-In: it has the status too; it is to be acknowledged. */
	status: 0x01,
	acknowledge: 0x40,
	/** Of task management (11.5.1) and logout (11.14.1): what is wanted is in the others. */
	functionMask: 0x7f,
} as const;

/**
 * Where fields are, in bytes from the first one of the header. Many have one place in all PDUs; where opcodes differ the name says of which it is.
 */
export const Field = {
	opcode: 0,
	flags: 1,
	/** Of a response (11.4.3, 11.6.1, 11.15.1), and of a reject (11.17.1): why. */
	response: 2,
	/** SCSI status, of a response and of Data-In with a status. */
	status: 3,
	/** In words of 4 bytes. */
	ahsLength: 4,
	/** 24 bits, without padding and digest. */
	dataLength: 5,
	lun: 8,
	/** The initiator task tag. */
	itt: 16,
	/** The target transfer tag. */
	ttt: 20,
	/** Of a command: bytes that the initiator expects to be transferred. */
	expectedLength: 20,
	/** Of task management: of which task. */
	referencedTag: 20,
	cmdSN: 24,
	expStatSN: 28,
	cdb: 32,
	refCmdSN: 32,
	statSN: 24,
	expCmdSN: 28,
	maxCmdSN: 32,
	/** Of Data-Out, Data-In, a SNACK's; an R2T's own is R2TSN. */
	dataSN: 36,
	r2tSN: 36,
	bufferOffset: 40,
	/** Of an R2T. */
	desiredLength: 44,
	residual: 44,
	bidirectionalResidual: 40,
	/** Of a login (11.12, 11.13). */
	versionMax: 2,
	versionMin: 3,
	versionActive: 3,
	isid: 8,
	tsih: 14,
	cid: 20,
	statusClass: 36,
	statusDetail: 37,
	/** Of a response to a logout, both 16 bits, in seconds. */
	time2Wait: 40,
	time2Retain: 42,
	/** Of an asynchronous message (11.9). */
	event: 36,
	eventCode: 37,
	parameter1: 38,
	parameter2: 40,
	parameter3: 42,
} as const;

/** Stages of a login (11.12.3). */
export const Stage = { security: 0, operational: 1, full: 3 } as const;
export type Stage = (typeof Stage)[keyof typeof Stage];

/** How a login ends, class and detail as one number (11.13.5). */
export const LoginStatus = {
	success: 0x0000,
	initiatorError: 0x0200,
	authenticationFailed: 0x0201,
	forbidden: 0x0202,
	notFound: 0x0203,
	removed: 0x0204,
	unsupportedVersion: 0x0205,
	tooManyConnections: 0x0206,
	missingParameter: 0x0207,
	cannotInclude: 0x0208,
	unsupportedType: 0x0209,
	noSession: 0x020a,
	invalidDuringLogin: 0x020b,
	targetError: 0x0300,
	unavailable: 0x0301,
	outOfResources: 0x0302,
} as const;
export type LoginStatus = (typeof LoginStatus)[keyof typeof LoginStatus];

/** Why a PDU is rejected (11.17.1). */
export const RejectReason = {
	dataDigest: 0x02,
	snack: 0x03,
	protocolError: 0x04,
	unsupported: 0x05,
	tooManyImmediate: 0x06,
	taskInProgress: 0x07,
	invalidAcknowledge: 0x08,
	invalidField: 0x09,
	longOperation: 0x0a,
} as const;
export type RejectReason = (typeof RejectReason)[keyof typeof RejectReason];

/** Functions of task management as iSCSI numbers them (11.5.1, and RFC 7144, 4.2.3). */
export const ManagementFunction = {
	abortTask: 1,
	abortTaskSet: 2,
	clearAca: 3,
	clearTaskSet: 4,
	logicalUnitReset: 5,
	targetWarmReset: 6,
	targetColdReset: 7,
	taskReassign: 8,
	queryTask: 9,
	queryTaskSet: 10,
	nexusReset: 11,
	queryAsynchronousEvent: 12,
} as const;
export type ManagementFunction = (typeof ManagementFunction)[keyof typeof ManagementFunction];

/** How they end (11.6.1, and RFC 7144, 4.2.3.4). */
export const ManagementResponse = {
	complete: 0,
	noTask: 1,
	noUnit: 2,
	taskAllegiant: 3,
	noReassignment: 4,
	unsupported: 5,
	authorizationFailed: 6,
	succeeded: 7,
	rejected: 255,
} as const;
export type ManagementResponse = (typeof ManagementResponse)[keyof typeof ManagementResponse];

/** What is to be logged out (11.14.1), and how that has ended (11.15.1). */
export const LogoutReason = { session: 0, connection: 1, recovery: 2 } as const;
export const LogoutResponse = { closed: 0, noConnection: 1, noRecovery: 2, failed: 3 } as const;

/** What a response says of a command: the status is one, or the target has failed (11.4.3). */
export const CommandResponse = { completed: 0, targetFailure: 1 } as const;

/** Kinds of additional header segments (11.2.2.1). */
export const AhsType = { extendedCdb: 1, bidirectionalLength: 2 } as const;

export function opcodeOf(view: DataView, at: number): number {
	return view.getUint8(at + Field.opcode) & OPCODE_MASK;
}

export function isImmediate(view: DataView, at: number): boolean {
	return (view.getUint8(at + Field.opcode) & IMMEDIATE) !== 0;
}

/** Of all additional header segments, in bytes: 0..1020. */
export function ahsBytesOf(view: DataView, at: number): number {
	return 4 * view.getUint8(at + Field.ahsLength);
}

/** Of the data segment, in bytes, without padding and digest: 0..2^24 - 1. */
export function dataBytesOf(view: DataView, at: number): number {
	return view.getUint32(at + Field.ahsLength) & 0xffffff;
}

/** To the next boundary of words: 0..3 bytes (11.1). */
export function paddingOf(bytes: number): number {
	return -bytes & 3;
}

/** Begins a header: all other fields are 0. `opcode` may have `IMMEDIATE` beside it. */
export function beginPdu(view: DataView, at: number, opcode: number, flags: number, dataBytes: number): void {
	view.setUint32(at, ((opcode << 24) | (flags << 16)) >>> 0);
	view.setUint32(at + Field.ahsLength, dataBytes);
	for (let i = Field.lun; i < BHS_BYTES; i += 4) view.setUint32(at + i, 0);
}

/** The LUN field of a number 0..16383 (SAM-5, 4.7.7.1: peripheral up to 255, then flat space), and its other half 0. */
export function putLun(view: DataView, at: number, lun: number): void {
	view.setUint32(at + Field.lun, (lun < 256 ? lun << 16 : (0x4000 | lun) << 16) >>> 0);
	view.setUint32(at + Field.lun + 4, 0);
}

/** Whether a serial number is before another one (RFC 1982, with 32 bits). */
export function isBefore(one: number, other: number): boolean {
	return ((one - other) | 0) < 0;
}
