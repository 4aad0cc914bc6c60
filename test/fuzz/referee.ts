/**
 * The rules that fuzzed frames and their replies are held to, whatever carries them: in memory (`world.ts`) or over real
 * packet sockets (`wire.ts`). It is told of every frame before that is delivered and of every reply, and throws at the
 * first that breaks a rule. What a reply must be exactly, `access-model.ts` says; what the disks must hold, `model.ts`.
 * Written without any of the code under test.
 */

import { AccessModel, type Verdict } from "./access-model.js";
import { Model } from "./model.js";
import { type Address, OWNER_MARKS, ownerOf } from "./stamps.js";

export interface RefereeOptions {
	readonly mtu: number;
	/** The target's MAC address, 12 hexadecimal digits. */
	readonly target: string;
	readonly addresses: readonly Address[];
	readonly diskSectors: number;
	readonly bufferCount: number;
	readonly firmware: number;
	/** True if a broadcast is always answered before the next frame is looked at: there is a slot for every reply. */
	readonly isRoomy?: boolean;
	/** What lies around frames in memory: must not be in a reply. */
	readonly canaries?: readonly Buffer[];
}

/** A request that may still be answered. */
interface Asked {
	readonly request: Buffer;
	/** Blades that have answered. */
	readonly answers: Set<string>;
	readonly verdict: Judgement;
	/** It may be dropped all the same. */
	readonly isOptional: boolean;
}

/** How many slots are left when a frame comes: enough for all, so few that ATA commands may be dropped, or none. */
export type Room = "plenty" | "scarce" | "none";

/** For one blade; for several, by address; or decided when each of them answers, which may be later. */
type Judgement = Verdict | ReadonlyMap<string, Verdict> | "later";

const RESPONSE = 0x08;
const ERROR = 0x04;
const SMART = 0xb0;
const BROADCAST = "ffffffffffff";
const READS = [0x20, 0x24, 0x25, 0x29, 0xc4, 0xc8];

export class Referee {
	readonly #options: RefereeOptions;
	readonly #model: Model;
	readonly #asked = new Map<number, Asked>();
	readonly #access = new Map<string, AccessModel>();
	/** Requests that have been answered, by what they were. */
	readonly answered = { ata: 0, control: 0, refused: 0 };
	/** Requests to one blade that must be answered and have not been. */
	#owed = 0;

	constructor(options: RefereeOptions) {
		this.#options = options;
		this.#model = new Model(options.diskSectors);
		const { mtu, bufferCount, firmware } = options;
		for (const [shelf, slot] of options.addresses)
			this.#access.set(`${shelf}.${slot}`, new AccessModel({ mtu, bufferCount, firmware, shelf, slot }));
	}

	get owed(): number {
		return this.#owed;
	}

	/** A frame is about to be delivered. Its tag is one that was never used. */
	asks(request: Buffer, room: Room = "plenty"): void {
		if (request.length < 24) return;
		const tag = request.readUInt32BE(20);
		const verdict = room === "none" ? "silence" : this.#judge(request);
		const isOptional = verdict === "later" || (verdict === "ata" && room === "scarce");
		if (verdict instanceof Map) this.#owed += [...verdict.values()].filter((one) => one !== "silence").length;
		else if (verdict !== "silence" && !isOptional) this.#owed += 1;
		this.#asked.set(tag, { request, answers: new Set(), verdict, isOptional });
		if (verdict === "ata") this.#model.asked(tag, request);
	}

	/** What must become of a frame. */
	#judge(request: Buffer): Judgement {
		if (mustBeIgnored(request, this.#options.target)) return "silence";
		const [shelf, slot] = [request.readUInt16BE(16), request[18]!];
		if (shelf === 0xffff || slot === 0xff || request.toString("hex", 0, 6) === BROADCAST) {
			const finds = request[19] === 1 || (request[19] === 0 && request.length >= 36 && request[27] === 0xec);
			if (!finds || request[14]! >>> 4 !== 1) return "silence";
			if (this.#options.isRoomy !== true) return "later";
			const asked = [...this.#access].filter(([address]) => isFor(shelf, slot, address));
			return new Map(asked.map(([address, access]) => [address, access.take(request)]));
		}
		return this.#access.get(`${shelf}.${slot}`)?.take(request) ?? "silence";
	}

	answers(reply: Buffer): void {
		const { mtu, target, canaries = [] } = this.#options;
		expect(reply.length >= 60 && reply.length <= mtu + 14, `a reply has ${reply.length} bytes`);
		const tag = reply.readUInt32BE(20);
		const asked = this.#asked.get(tag);
		expect(asked !== undefined, "a reply has the tag of a request");
		const { request, answers } = asked;
		const address = `${reply.readUInt16BE(16)}.${reply[18]}`;
		expect(!answers.has(address), "a request is answered once per blade");
		answers.add(address);
		expect(!mustBeIgnored(request, target), "what is not a request to us is not answered");
		this.#checkHeader(request, reply);
		const meant = meantBytes(request, reply);
		expect(meant <= reply.length, "a reply is as long as it says");
		expect(isZero(reply, meant), "padding is zero");
		expect(reply.length === Math.max(60, meant), "nothing but padding follows");
		for (const canary of canaries) expect(!reply.includes(canary), "no canary leaves");
		this.#checkContents(asked, reply, address);
		if (!asked.isOptional) this.#owed -= 1;
		this.#model.answered(tag, reply);
	}

	#checkContents({ request, verdict: judged }: Asked, reply: Buffer, address: string): void {
		let verdict = judged instanceof Map ? (judged.get(address) ?? "silence") : judged;
		if (verdict === "later") verdict = this.#access.get(address)?.take(request) ?? "silence";
		expect(verdict !== "silence", "nobody is answered who must not be: mask, reservation, a test that fails");
		if (verdict === "ata") {
			this.answered.ata += 1;
			expect(reply[15] === 0, "an ATA command that may be carried out ends in ATA status");
			// What a read gives is compared with the disk, whoever wrote that.
			const isData = READS.includes(request[27]!) && reply.length > 60;
			const own = ownerOf(request);
			for (const [owner, mark] of OWNER_MARKS.entries())
				expect(isData || owner === own || !reply.includes(mark), "nobody sees what another has sent");
			return;
		}
		this.answered[verdict[15] === 0 ? "control" : "refused"] += 1;
		Buffer.from(this.#options.target, "hex").copy(verdict, 6);
		expect(
			reply.equals(verdict),
			`a reply says what it must: ${verdict.toString("hex")}, not ${reply.toString("hex")}`,
		);
	}

	#checkHeader(request: Buffer, reply: Buffer): void {
		const { target, addresses } = this.#options;
		expect(reply.toString("hex", 0, 6) === request.toString("hex", 6, 12), "back to the sender");
		expect(reply.toString("hex", 6, 12) === target, "from the target");
		expect(
			reply.readUInt16BE(12) === 0x88a2 && (reply[14]! & ~ERROR) === 0x18,
			"an AoE response of version 1",
		);
		expect(reply[19] === request[19], "of the same command");
		const [shelf, slot] = [request.readUInt16BE(16), request[18]!];
		const [from] = addresses.filter(([s, l]) => s === reply.readUInt16BE(16) && l === reply[18]);
		expect(from !== undefined, "from a blade that is served");
		expect((shelf === 0xffff || shelf === from[0]) && (slot === 0xff || slot === from[1]), "that was asked");
		const error = reply[15]!;
		expect(((reply[14]! & ERROR) !== 0) === (error !== 0) && error <= 6, "E goes with an error");
	}

	/** Everything that can end has ended: whoever had to be answered was, and the disks hold what they must. */
	settle(): void {
		expect(this.#owed === 0, `${this.#owed} requests that must be answered were not`);
		this.#model.check();
		this.#asked.clear();
	}

	/** The access lists and config strings have been emptied by other means. */
	reset(): void {
		for (const access of this.#access.values()) access.reset();
	}
}

/** True if a broadcast to `shelf` and `slot` reaches the blade at `address`. */
function isFor(shelf: number, slot: number, address: string): boolean {
	const [ownShelf, ownSlot] = address.split(".").map(Number);
	return (shelf === 0xffff || shelf === ownShelf) && (slot === 0xff || slot === ownSlot);
}

/** Frames that are no requests to `target`, whoever is asked. */
function mustBeIgnored(request: Buffer, target: string): boolean {
	const [destination, source] = [request.toString("hex", 0, 6), request.toString("hex", 6, 12)];
	if (request.length < 24 || request.readUInt16BE(12) !== 0x88a2) return true;
	if (destination !== target && destination !== BROADCAST) return true;
	return (request[14]! & RESPONSE) !== 0 || (request[6]! & 1) !== 0 || source === target;
}

/** Bytes of a reply that mean something, by its own words. */
function meantBytes(request: Buffer, reply: Buffer): number {
	const error = reply[15]!;
	if (error === 1 || error === 5) return 24;
	switch (reply[19]) {
		case 0: {
			if (reply.length === 60) return 36;
			expect((reply.length - 36) % 512 === 0, "data comes in sectors");
			if ((reply[27]! & 1) === 0) return reply.length;
			// aoeping wants room for data in the answer to every SMART command; there is nothing in it.
			expect(request[27] === SMART && isZero(reply, 36), "a command that failed has no data");
			return reply.length;
		}
		case 1:
			expect(reply.readUInt16BE(30) <= 1024, "a config string has at most 1024 bytes");
			return 32 + reply.readUInt16BE(30);
		case 2:
			return reply[26] === 0 ? 28 + 8 * reply[27]! : 28;
		case 3:
			return 26 + 6 * reply[25]!;
		default:
			throw new Error("broken: an unknown command was answered without an error");
	}
}

function isZero(bytes: Buffer, from: number): boolean {
	for (let i = from; i < bytes.length; i++) if (bytes[i] !== 0) return false;
	return true;
}

export function expect(condition: boolean, rule: string): asserts condition {
	if (!condition) throw new Error(`broken: ${rule}`);
}
