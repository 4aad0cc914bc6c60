/** PDUs and texts as somebody sends them who means ill, or is broken: from nearly right to noise. The same seed makes the same ones. */

import { BHS_BYTES, Field, Flag, IMMEDIATE, Opcode, type Stage } from "../../lib/iscsi/pdu.js";
import type { Random } from "../../lib/random.js";
import { bytesOf, loginRequest, type Pdu, pdu } from "../support/iscsi/pdus.js";

const KEYS = [
	...["InitiatorName", "TargetName", "SessionType", "InitiatorAlias", "AuthMethod"],
	...["CHAP_A", "CHAP_I", "CHAP_C", "CHAP_N", "CHAP_R", "HeaderDigest", "DataDigest", "MaxConnections"],
	...["InitialR2T", "ImmediateData", "MaxRecvDataSegmentLength", "MaxBurstLength", "FirstBurstLength"],
	...["DefaultTime2Wait", "DefaultTime2Retain", "MaxOutstandingR2T", "DataPDUInOrder", "ErrorRecoveryLevel"],
	...["SendTargets", "TargetAddress", "TaskReporting", "iSCSIProtocolLevel", "IFMarker", "OFMarkInt"],
	...["X-org.example.a", "__proto__", "constructor", "toString", "", "=", "0", "a".repeat(64)],
];
const VALUES = [
	...["Yes", "No", "None", "CHAP", "CHAP,None", "CRC32C", "CRC32C,None", "All", "Discovery", "Normal"],
	...[
		"0",
		"1",
		"2",
		"5,6,7,8",
		"512",
		"8192",
		"262144",
		"16777215",
		"16777216",
		"4294967295",
		"4294967296",
		"-1",
		"1e9",
	],
	...[
		"0x200",
		"0xffffffff",
		"0x",
		"0b",
		"0bAAAA",
		`0x${"ab".repeat(32)}`,
		`0x${"0".repeat(5000)}`,
		"NaN",
		"",
		",",
	],
	...[
		"Reject",
		"Irrelevant",
		"NotUnderstood",
		"web",
		"iqn.2026-11.org.example:web",
		"IQN.1993-08.org.debian:01:ABC",
	],
	...[
		"iqn.\u0130\u017f",
		"é",
		"\u202e",
		"\u0007",
		"a".repeat(255),
		"a".repeat(256),
		",".repeat(9000),
		"a=b=c",
	],
];

function one<Item>(random: Random, items: readonly Item[]): Item {
	return items[random.below(items.length)]!;
}

export function noise(random: Random, bytes: number): Buffer {
	return Buffer.from(Array.from({ length: bytes }, () => random.below(256)));
}

/** Of a login, or of a text request. */
export function hostileText(random: Random, right: Readonly<Record<string, string>> = {}): Buffer {
	if (random.chance(0.05)) return noise(random, random.below(600));
	const pairs = random.chance(0.9) ? Object.entries(right) : [];
	for (let left = random.below(random.chance(0.5) ? 1 : 6); left > 0; left--)
		pairs.push([one(random, KEYS), one(random, VALUES)]);
	const end = (): string => (random.chance(0.95) ? "\0" : one(random, ["", "\0\0\0", "\n"]));
	return mangled(random, Buffer.from(pairs.map(([key, value]) => `${key}=${value}${end()}`).join("")), 0.1);
}

export function hostileLogin(
	random: Random,
	right: Readonly<Record<string, string>>,
	first: boolean,
): Buffer {
	const stage = one<Stage>(random, [0, 1, 1, 0, 3]);
	const next = one<Stage | undefined>(random, [undefined, 1, 3, 3, 0]);
	const continues = random.chance(0.1);
	const text = hostileText(random, first ? right : {});
	const ids = random.chance(0.1)
		? { tsih: random.below(65_536), cid: random.below(4), itt: random.below(4) }
		: {};
	const request = loginRequest({ stage, ...(next !== undefined && { next }), continues, ...ids }, text);
	return mangled(random, lengthsChanged(random, bytesOf(request)), 0.1);
}

/** Any opcode of an initiator's, and those of nobody, with fields that mean something now and then. */
export function hostilePdu(random: Random, cmdSN: number): Pdu {
	const code = random.chance(0.95) ? one(random, Object.values(Opcode)) : random.below(64);
	const flags = random.chance(0.7) ? one(random, [0x80, 0xc0, 0xa0, 0x00, 0x40, 0xe1]) : random.below(256);
	const data = random.chance(0.4) ? Buffer.alloc(0) : hostileText(random);
	const small = (): number => one(random, [0, 1, 2, 100, 101, 102, 0xffffffff, random.below(2 ** 32)]);
	const fill = (head: Buffer): void => {
		for (const at of [Field.lun, Field.lun + 4, Field.cdb, Field.cdb + 4, Field.cdb + 8, Field.cdb + 12])
			if (random.chance(0.3)) head.writeUInt32BE(small(), at);
		head.writeUInt32BE(small(), Field.itt);
		head.writeUInt32BE(small(), Field.ttt);
		head.writeUInt32BE(random.chance(0.8) ? cmdSN : small(), Field.cmdSN);
		head.writeUInt32BE(small(), Field.expStatSN);
		if (random.chance(0.7))
			head.writeUInt8(one(random, [0x00, 0x12, 0x28, 0x2a, 0x88, 0x8a, 0xa0]), Field.cdb);
	};
	const ahs = random.chance(0.1) ? noise(random, 4 * random.below(16)) : Buffer.alloc(0);
	const isImmediate = random.chance(0.3);
	const made = pdu(
		code | (isImmediate ? IMMEDIATE : 0),
		flags | (random.chance(0.5) ? Flag.final : 0),
		data,
		fill,
		ahs,
	);
	lengthsChanged(random, made.head);
	return made;
}

/** Now and then a length that is not that of what follows. */
function lengthsChanged(random: Random, bytes: Buffer): Buffer {
	if (random.chance(0.05)) bytes.writeUInt8(random.below(256), Field.ahsLength);
	if (random.chance(0.05))
		bytes.writeUIntBE(one(random, [0, 1, 8192, 8193, 131_072, 131_073, 2 ** 24 - 1]), Field.dataLength, 3);
	return bytes;
}

/** With a few bytes changed, left out or twice. */
function mangled(random: Random, bytes: Buffer, chance: number): Buffer {
	if (!random.chance(chance) || bytes.length === 0) return bytes;
	const at = random.below(bytes.length);
	switch (random.below(3)) {
		case 0: {
			const changed = Buffer.from(bytes);
			for (let left = 1 + random.below(3); left > 0; left--)
				changed.writeUInt8(random.below(256), random.below(Math.min(bytes.length, 2 * BHS_BYTES)));
			return changed;
		}
		case 1:
			return bytes.subarray(0, at);
		default:
			return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at >> 1)]);
	}
}
