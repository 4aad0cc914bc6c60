/**
 * An initiator that writes, and breaks off what it does at any moment in any of the ways that there are. It knows of each of its places on the
 * disk what may be there, and that what was broken off is over when it is told so: from then on nothing changes by itself, and what is
 * written next is what is read. Used by `storm.test.ts`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { LoginStatus, ManagementFunction, ManagementResponse } from "../../lib/iscsi/pdu.js";
import type { Random } from "../../lib/random.js";
import { read10, write10 } from "../support/iscsi/cdbs.js";
import type { Initiator } from "../support/iscsi/initiator.js";
import type { CommandOptions, CommandResult } from "../support/iscsi/initiator-command.js";
import { BLOCK, INITIATOR_NAME, type ServerUnderTest, TARGET_NAME } from "./server-under-test.js";

const PLACES = 8;
const BLOCKS = 64;
const BYTES = BLOCKS * BLOCK;
const KEYS = { InitialR2T: "No", FirstBurstLength: "16384", MaxBurstLength: "16384", MaxOutstandingR2T: "2" };
const UNIT_ATTENTION = 6;

export type Interruption =
	| "none"
	| "abort each"
	| "abort some"
	| "abort set"
	| "clear set"
	| "reset unit"
	| "reset target"
	| "hang up"
	| "come again"
	| "log out";

/** What a place may hold, block by block: one value, or one of two. */
interface Place {
	sure: number;
	maybe: number;
}

interface Write {
	readonly place: number;
	readonly value: number;
	readonly itt: number;
	readonly isStuck: boolean;
	result: CommandResult | null | undefined;
}

export class StormyInitiator {
	readonly #places: Place[] = Array.from({ length: PLACES }, () => ({ sure: 0, maybe: 0 }));
	#initiator!: Initiator;
	#value = 0;
	/** What was broken off by others may be told so. */
	readonly counts: Record<string, number> = {};

	constructor(
		readonly server: ServerUnderTest,
		readonly random: Random,
		/** Of its port, and where on the disk it writes. */
		readonly isid: string,
		readonly firstLba: number,
	) {}

	async begin(): Promise<void> {
		await this.#login();
	}

	async #login(): Promise<void> {
		this.#initiator = this.server.connect();
		const wishes = { name: INITIATOR_NAME, target: TARGET_NAME, isid: this.isid, keys: KEYS };
		const { status } = await this.#initiator.login(wishes);
		if (status !== LoginStatus.success) throw new Error(`refused: ${status}`);
	}

	end(): void {
		this.#inOrder();
		this.#initiator.close();
	}

	#inOrder(): void {
		const { trouble } = this.#initiator;
		if (trouble !== null) throw new Error(trouble);
	}

	/** Some writes, an interruption, and a look at what has become of them. */
	async round(interruption: Interruption): Promise<void> {
		const writes = this.#write(1 + this.random.below(PLACES));
		if (this.random.chance(0.7)) await sleep(this.random.below(4));
		await this.#interrupt(interruption, writes);
		// (Those that are answered have been by then; what is answered is looked at in a turn of its own.)
		await sleep(0);
		const ended = writes.map(({ result }) => result);
		this.#judge(writes);
		// (At once, so that what is under way yet would land upon it.)
		await this.#writeAgain();
		const before = await this.#read();
		await sleep(this.random.below(8));
		const after = await this.#read();
		for (const [place, bytes] of before.entries()) {
			const { sure, maybe } = this.#places[place]!;
			const isSame =
				sure === maybe ? after[place]!.every((byte) => byte === sure) : after[place]!.equals(bytes);
			if (!isSame) throw new Error(`${interruption}: place ${place} has changed by itself`);
			if (sure !== maybe) await this.#settle(place);
		}
		for (const [i, { result }] of writes.entries())
			if (result !== ended[i] && result !== null)
				throw new Error(`${interruption}: answered after it was over`);
		this.#inOrder();
	}

	#write(count: number): Write[] {
		const first = this.random.below(PLACES);
		return Array.from({ length: count }, (_, i) => {
			const place = (first + i) % PLACES;
			this.#value = (this.#value % 255) + 1;
			const isStuck = this.random.chance(0.2);
			const { itt, result } = this.#initiator.start({
				...this.#form(place, this.#value),
				answersR2T: () => !isStuck,
			});
			const write: Write = { place, value: this.#value, itt, isStuck, result: undefined };
			void result.then((ended) => {
				write.result = ended;
			});
			return write;
		});
	}

	#form(place: number, value: number): CommandOptions {
		const immediate = this.random.chance(0.5) ? 8192 : 0;
		const unsolicited = this.random.chance(0.5) ? 16_384 - immediate : 0;
		const cdb = write10(this.firstLba + place * BLOCKS, BLOCKS);
		return { cdb, write: Buffer.alloc(BYTES, value), immediate, unsolicited, segment: 4096 };
	}

	async #interrupt(interruption: Interruption, writes: readonly Write[]): Promise<void> {
		this.counts[interruption] = (this.counts[interruption] ?? 0) + 1;
		const manage = async (what: number, itt?: number): Promise<number | null> =>
			this.#initiator.manage(what, itt === undefined ? {} : { itt });
		const whole = async (what: number): Promise<void> => {
			const response = await manage(what);
			if (response !== ManagementResponse.complete) throw new Error(`${interruption}: ${response}`);
		};
		switch (interruption) {
			case "none":
			case "abort each":
			case "abort some":
				await Promise.all(writes.map((write) => this.#abortOne(interruption, write, manage)));
				return;
			case "abort set":
				return whole(ManagementFunction.abortTaskSet);
			case "clear set":
				return whole(ManagementFunction.clearTaskSet);
			case "reset unit":
				return whole(ManagementFunction.logicalUnitReset);
			case "reset target":
				return whole(ManagementFunction.targetWarmReset);
			case "hang up":
				this.#initiator.close();
				return this.#login();
			case "come again":
				return this.#login();
			case "log out":
				if ((await this.#initiator.logout()) !== 0) throw new Error("no logout");
				this.#initiator.close();
				return this.#login();
		}
	}

	/** Or waits for it, but for one that never comes to an end. */
	async #abortOne(
		interruption: Interruption,
		write: Write,
		manage: (what: number, itt: number) => Promise<number | null>,
	): Promise<void> {
		const isAborted =
			interruption === "abort each" || (interruption === "abort some" && this.random.chance(0.5));
		if (isAborted || write.isStuck) {
			const response = await manage(ManagementFunction.abortTask, write.itt);
			await sleep(0);
			if (response === ManagementResponse.complete) return;
			if (response !== ManagementResponse.noTask) throw new Error(`${interruption}: ${response}`);
			if (write.result === undefined) throw new Error("there is no such task, and it was not answered");
			return;
		}
		for (let left = 4000; write.result === undefined; left--) {
			if (left === 0) throw new Error("a write is not answered");
			await sleep(2);
		}
	}

	/** By what has been answered. */
	#judge(writes: readonly Write[]): void {
		for (const { place, value, result } of writes) {
			const at = this.#places[place]!;
			const isDone = result?.status === 0;
			// (It was told of something, and has not begun.)
			const isNot = result?.sense?.key === UNIT_ATTENTION;
			if (result !== undefined && result !== null && !isDone && !isNot)
				throw new Error(`status ${result.status}, ${result.sense?.asc.toString(16)}`);
			if (isDone) at.sure = value;
			if (!isNot) at.maybe = value;
		}
	}

	/** Over what may be either. */
	async #writeAgain(): Promise<void> {
		const unsure = this.#places.filter(({ sure, maybe }) => sure !== maybe && this.random.chance(0.7));
		await Promise.all(
			unsure.map(async (at) => {
				this.#value = (this.#value % 255) + 1;
				const value = this.#value;
				await this.#certain(this.#form(this.#places.indexOf(at), value));
				at.sure = value;
				at.maybe = value;
			}),
		);
	}

	/** What is there now stays: block by block it is the one, or the other. */
	async #settle(place: number): Promise<void> {
		await this.#certain(this.#form(place, this.#places[place]!.sure));
		this.#places[place]!.maybe = this.#places[place]!.sure;
	}

	async #read(): Promise<Buffer[]> {
		const read: Buffer[] = [];
		for (const [place, { sure, maybe }] of this.#places.entries()) {
			const cdb = read10(this.firstLba + place * BLOCKS, BLOCKS);
			const { data } = await this.#certain({ cdb, read: BYTES });
			if (!data.every((byte) => byte === sure || byte === maybe))
				throw new Error(`place ${place} has what nobody wrote`);
			read.push(data);
		}
		return read;
	}

	/** Until it is done, whatever it is told of first. */
	async #certain(options: CommandOptions): Promise<CommandResult> {
		for (let left = 8; left > 0; left--) {
			const result = await this.#initiator.command(options);
			if (result.status === 0 && result.trouble === null) return result;
			if (result.sense?.key !== UNIT_ATTENTION) break;
		}
		throw new Error("it is not done");
	}
}
