/**
 * Numbers of the SCSI standards that initiators and we agree on: status codes (SAM-5), sense keys and additional sense codes (SPC-4),
 * task attributes and functions of task management. Used in this room, and by transports (`lib/iscsi/`).
 */

/** SAM-5, 5.3.1. */
export const ScsiStatus = {
	good: 0x00,
	checkCondition: 0x02,
	conditionMet: 0x04,
	busy: 0x08,
	reservationConflict: 0x18,
	taskSetFull: 0x28,
	acaActive: 0x30,
	taskAborted: 0x40,
} as const;
export type ScsiStatus = (typeof ScsiStatus)[keyof typeof ScsiStatus];

/** SPC-4, 4.5.6. */
export const SenseKey = {
	noSense: 0x0,
	notReady: 0x2,
	mediumError: 0x3,
	hardwareError: 0x4,
	illegalRequest: 0x5,
	unitAttention: 0x6,
	dataProtect: 0x7,
	copyAborted: 0xa,
	abortedCommand: 0xb,
	miscompare: 0xe,
} as const;
export type SenseKey = (typeof SenseKey)[keyof typeof SenseKey];

/** Additional sense code and its qualifier, as one number of 16 bits (SPC-4, 4.5.6 and annex F). */
export const Asc = {
	none: 0x0000,
	operationInProgress: 0x0016,
	becomingReady: 0x0401,
	sanitizing: 0x041b,
	stopped: 0x0402,
	unreachable: 0x0403,
	standby: 0x040b,
	writeError: 0x0c00,
	copyUnreachable: 0x0804,
	thirdPartyFailure: 0x0d01,
	copyTargetNotReachable: 0x0d02,
	unrecoveredRead: 0x1100,
	listLength: 0x1a00,
	miscompare: 0x1d00,
	opcode: 0x2000,
	lbaOutOfRange: 0x2100,
	invalidField: 0x2400,
	noUnit: 0x2500,
	invalidParameter: 0x2600,
	invalidRelease: 0x2604,
	tooManyTargets: 0x2606,
	targetType: 0x2607,
	tooManySegments: 0x2608,
	segmentType: 0x2609,
	inlineData: 0x260b,
	writeProtected: 0x2700,
	spaceAllocationFailed: 0x2707,
	softwareProtected: 0x2702,
	mediumChanged: 0x2800,
	powerOn: 0x2900,
	/** By another initiator, or by the target. */
	reset: 0x2903,
	nexusLoss: 0x2907,
	modeChanged: 0x2a01,
	reservationsPreempted: 0x2a03,
	reservationsReleased: 0x2a04,
	registrationsPreempted: 0x2a05,
	alua: 0x2a06,
	capacityChanged: 0x2a09,
	commandsCleared: 0x2f00,
	sanitizeFailed: 0x3103,
	savingNotSupported: 0x3900,
	mediumNotPresent: 0x3a00,
	targetChanged: 0x3f00,
	inquiryChanged: 0x3f03,
	lunsChanged: 0x3f0e,
	internalFailure: 0x4400,
	protocolCrc: 0x4705,
	dataPhase: 0x4b00,
	removalPrevented: 0x5302,
	insufficientReservation: 0x5502,
	insufficientRegistration: 0x5504,
} as const;
export type Asc = (typeof Asc)[keyof typeof Asc];

/** SAM-5, 8.9. */
export const TaskAttribute = { untagged: 0, simple: 1, ordered: 2, headOfQueue: 3, aca: 4 } as const;
export type TaskAttribute = (typeof TaskAttribute)[keyof typeof TaskAttribute];

/** SAM-5, 7. */
export const TaskFunction = {
	abortTask: 1,
	abortTaskSet: 2,
	clearAca: 3,
	clearTaskSet: 4,
	logicalUnitReset: 5,
	targetReset: 6,
	queryTask: 7,
	queryTaskSet: 8,
	nexusReset: 9,
	queryAsynchronousEvent: 10,
} as const;
export type TaskFunction = (typeof TaskFunction)[keyof typeof TaskFunction];

/** How a function of task management has ended; a transport has numbers of its own for that. */
export type TaskResponse = "complete" | "succeeded" | "no-task" | "no-unit" | "unsupported" | "rejected";
