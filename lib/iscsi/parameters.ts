/**
 * What an initiator and we agree on in a login, as the transmission needs it (RFC 7143, 13). Filled in by `negotiation.ts`; kept by the session.
 */

/** The longest data segment that we take, as we say: a room. */
export const RECEIVED_BYTES_MAX = 128 * 1024;
/** The longest sequence of Data-Out, or Data-In, for one R2T, or without (13.13, 13.14). */
export const BURST_BYTES_MAX = 1024 * 1024;
/** What nobody has asked for goes into one room, which is taken before the command begins. */
export const FIRST_BURST_BYTES_MAX = RECEIVED_BYTES_MAX;
export const OUTSTANDING_R2T_MAX = 16;
/** Ours of RFC 7144: functions of task management that query. */
export const PROTOCOL_LEVEL = 2;

export interface Parameters {
	/** CRC32C behind each header, and behind each data segment; of both directions. */
	headerDigest: boolean;
	dataDigest: boolean;
	/** Data-Out is sent only where it was asked for, but for what is immediate. */
	initialR2T: boolean;
	/** A command may have data with it. */
	immediateData: boolean;
	/** In bytes, as all lengths. */
	maxBurstLength: number;
	/** Data of one command that is not asked for, together with what is immediate. */
	firstBurstLength: number;
	maxOutstandingR2T: number;
	/** The longest data segment that the initiator takes. */
	maxRecvDataSegmentLength: number;
	/** In seconds. */
	defaultTime2Wait: number;
	defaultTime2Retain: number;
	/** 1: RFC 7143; 2: RFC 7144, too. */
	protocolLevel: number;
}

/** What holds where nothing was said. */
export function defaultParameters(): Parameters {
	return {
		headerDigest: false,
		dataDigest: false,
		initialR2T: true,
		immediateData: true,
		maxBurstLength: 262_144,
		firstBurstLength: 65_536,
		maxOutstandingR2T: 1,
		maxRecvDataSegmentLength: 8192,
		defaultTime2Wait: 2,
		defaultTime2Retain: 20,
		protocolLevel: 1,
	};
}
