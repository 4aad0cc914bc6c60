/**
 * An initiator that knows nothing of ours: what it sends, and what has to come, are bytes that are written down here from RFC 7143 alone, so that
 * nothing that both sides have wrong can pass. No digests, one connection, one command at a time.
 */

import type { Duplex } from "node:stream";
import type { Test } from "tap";
import { LIMIT_MS } from "../support/limit.js";

/** Bytes in hexadecimal digits, with spaces for the eye. */
export function bytes(digits: string): Buffer {
	const plain = digits.replaceAll(/\s/g, "");
	const read = Buffer.from(plain, "hex");
	if (2 * read.length !== plain.length) throw new Error(`no bytes: ${digits}`);
	return read;
}

/** Digits of ASCII. */
export function ascii(text: string): string {
	return Buffer.from(text, "latin1").toString("hex");
}

/** So many bytes that are zero. */
export function zeros(count: number): string {
	return "00".repeat(count);
}

/** Digits of a number of so many bytes. */
export function number(value: number, count = 4): string {
	return value.toString(16).padStart(2 * count, "0");
}

/** One command, as an initiator has it. */
export interface Vector {
	readonly what: string;
	readonly cdb: string;
	/** Bytes that it has space for. */
	readonly takes?: number;
	/** What comes back. */
	readonly gives?: string;
	readonly sends?: string;
	/** Bytes of that which nobody has use for; 0 if left out. */
	readonly unused?: number;
	/** 0 if left out. */
	readonly status?: number;
	/** Sense data in fixed form. */
	readonly sense?: string;
}

/** Commands that may be sent ahead: what MaxCmdSN says. */
const AHEAD = 128;
/** Of data that nobody has asked for: what the logins of these tests agree on. */
const FIRST_BURST = 65_536;
const LUN_0 = zeros(8);
const NO_TAG = "ffffffff";

export class ByHand {
	readonly #socket: Duplex;
	#came: Buffer = Buffer.alloc(0);
	#wake: () => void = () => {};
	cmdSN = 1;
	/** Of the last status that has come. */
	statSN = 0;
	itt = 0x00a1_0000;

	constructor(socket: Duplex) {
		this.#socket = socket;
		socket.on("data", (chunk: Buffer) => {
			this.#came = Buffer.concat([this.#came, chunk]);
			this.#wake();
		});
		socket.on("close", () => this.#wake());
	}

	send(...digits: readonly string[]): void {
		this.#socket.write(bytes(digits.join("")));
	}

	/** The next PDU, all of it. */
	async receive(): Promise<Buffer> {
		await this.#has(48);
		const length = 48 + 4 * Math.ceil(this.#came.readUIntBE(5, 3) / 4);
		await this.#has(length);
		const pdu = this.#came.subarray(0, length);
		this.#came = this.#came.subarray(length);
		return pdu;
	}

	async #has(count: number): Promise<void> {
		const isLate = Date.now() + LIMIT_MS;
		while (this.#came.length < count) {
			if (Date.now() > isLate || this.#socket.destroyed) throw new Error("nothing has come");
			await new Promise<void>((resolve) => {
				const timer = setTimeout(resolve, LIMIT_MS);
				this.#wake = () => {
					clearTimeout(timer);
					resolve();
				};
			});
		}
	}

	/** Numbers with which a request goes: CmdSN, ExpStatSN. */
	#numbers(): string {
		return number(this.cmdSN) + number((this.statSN + 1) >>> 0);
	}

	/** Numbers with which an answer comes: StatSN, ExpCmdSN, MaxCmdSN, when `taken` is under way still. */
	#answered(taken = 0): string {
		return number(this.statSN) + number(this.cmdSN) + number(this.cmdSN - 1 + AHEAD - taken);
	}

	#nextStatus(): void {
		this.statSN = (this.statSN + 1) >>> 0;
	}

	/** A command, of which each byte that comes back is looked at (RFC 7143, 11.3, 11.4, 11.7 and 11.8). */
	async command(t: Test, vector: Vector): Promise<void> {
		const { what, cdb, takes = 0, gives = "", sends, unused = 0, status = 0, sense = "" } = vector;
		const itt = number(++this.itt);
		const data = bytes(sends ?? "");
		const immediate = data.subarray(0, FIRST_BURST);
		const flags = 0x80 | 0x01 | (takes > 0 ? 0x40 : 0) | (sends !== undefined ? 0x20 : 0);
		const expected = number(sends === undefined ? takes : data.length);
		this.send(
			`01 ${number(flags, 1)} 0000 00 ${number(immediate.length, 3)} ${LUN_0} ${itt} ${expected}`,
			`${this.#numbers()} ${cdb.replaceAll(" ", "").padEnd(32, "0")}`,
			immediate.toString("hex"),
		);
		this.cmdSN += 1;
		const isLong = data.length > FIRST_BURST;
		if (isLong) await this.#isAsked(t, what, itt, data);
		const given = bytes(gives);
		let come = await this.receive();
		const left = sends === undefined ? takes - given.length : unused;
		const residual = left === 0 ? 0 : 0x02;
		// (The status may come with the data, or behind it.)
		const isBehind = given.length > 0 && (come[1]! & 0x01) === 0;
		if (isBehind) {
			const numbers = `00000000 ${this.#answered(1).slice(8)}`;
			const dataIn = `25 80 0000 00 ${number(given.length, 3)} ${LUN_0} ${itt} ${NO_TAG} ${numbers} ${zeros(12)} ${padded(given)}`;
			t.equal(come.toString("hex"), bytes(dataIn).toString("hex"), `${what}: data`);
			come = await this.receive();
		}
		this.#nextStatus();
		const numbers = this.#answered();
		const answer =
			given.length > 0 && !isBehind
				? `25 ${number(0x81 | residual, 1)} 00 ${number(status, 1)} 00 ${number(given.length, 3)} ${LUN_0} ${itt} ${NO_TAG}
					${numbers} 00000000 00000000 ${number(left)} ${padded(given)}`
				: `21 ${number(0x80 | residual, 1)} 00 ${number(status, 1)} 00 ${number(lengthOf(sense), 3)} ${zeros(8)} ${itt} ${zeros(4)}
					${numbers} ${number(isBehind ? 1 : 0)} 00000000 ${number(left)} ${withLength(sense)}`;
		t.equal(come.toString("hex"), bytes(answer).toString("hex"), what);
	}

	/** The rest of the data is asked for at once, and sent. */
	async #isAsked(t: Test, what: string, itt: string, data: Buffer): Promise<void> {
		const come = await this.receive();
		const rest = data.subarray(FIRST_BURST);
		const ttt = come.toString("hex", 20, 24);
		t.not(ttt, NO_TAG);
		const next = number((this.statSN + 1) >>> 0) + this.#answered(1).slice(8);
		const r2t = `31 80 0000 00 000000 ${LUN_0} ${itt} ${ttt} ${next} 00000000 ${number(FIRST_BURST)} ${number(rest.length)}`;
		t.equal(come.toString("hex"), bytes(r2t).toString("hex"), `${what}: more is asked for`);
		this.send(
			`05 80 0000 00 ${number(rest.length, 3)} ${LUN_0} ${itt} ${ttt} 00000000 ${number((this.statSN + 1) >>> 0)} 00000000`,
			`00000000 ${number(FIRST_BURST)} 00000000 ${rest.toString("hex")}`,
		);
	}

	/** LOGICAL UNIT RESET, done (11.5, 11.6). */
	async reset(t: Test): Promise<void> {
		const itt = number(++this.itt);
		this.send(`42 85 0000 00 000000 ${LUN_0} ${itt} ${NO_TAG} ${this.#numbers()} ${zeros(16)}`);
		this.#nextStatus();
		const answer = `22 80 00 00 00 000000 ${zeros(8)} ${itt} ${zeros(4)} ${this.#answered()} ${zeros(12)}`;
		t.equal((await this.receive()).toString("hex"), bytes(answer).toString("hex"), "the unit is reset");
	}

	/** NOP-Out and NOP-In (11.18, 11.19). */
	async ping(t: Test): Promise<void> {
		const itt = number(++this.itt);
		this.send(`40 80 0000 00 000000 ${LUN_0} ${itt} ${NO_TAG} ${this.#numbers()} ${zeros(16)}`);
		this.#nextStatus();
		const answer = `20 80 0000 00 000000 ${LUN_0} ${itt} ${NO_TAG} ${this.#answered()} ${zeros(12)}`;
		t.equal((await this.receive()).toString("hex"), bytes(answer).toString("hex"), "a ping");
	}

	/** Of the session (11.14, 11.15): Time2Wait and Time2Retain are 0. */
	async logout(t: Test): Promise<void> {
		const itt = number(++this.itt);
		this.send(`46 80 0000 00 000000 ${zeros(8)} ${itt} 0001 0000 ${this.#numbers()} ${zeros(16)}`);
		this.#nextStatus();
		const answer = `26 80 00 00 00 000000 ${zeros(8)} ${itt} ${zeros(4)} ${this.#answered()} ${zeros(12)}`;
		t.equal((await this.receive()).toString("hex"), bytes(answer).toString("hex"), "it logs out");
	}

	close(): void {
		this.#socket.destroy();
	}
}

/** Whole words, in digits. */
function padded(data: Buffer): string {
	return data.toString("hex") + zeros((4 - (data.length % 4)) % 4);
}

function lengthOf(sense: string): number {
	return sense === "" ? 0 : 2 + bytes(sense).length;
}

/** Behind a status: how long the sense data is, and that. */
function withLength(sense: string): string {
	const data = bytes(sense);
	return data.length === 0 ? "" : padded(Buffer.concat([bytes(number(data.length, 2)), data]));
}
