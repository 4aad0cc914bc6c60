/**
 * Machines that come for their boot scripts: which template has a place for each, what it boots from, and why it has to wait. One machine after
 * the other, however many come, and however often: thousands cost no more than those that there is room for. Asked by `boot-app.ts`; what it takes is
 * done by `preparing.ts`.
 */

import { OperatorError } from "../../errors.js";
import type { TemplateConfig } from "../../spec/configuration.js";
import { formatMac } from "../../wire/mac.js";
import { Refusal } from "../problem.js";
import type { Preparing, PreparingParts } from "./preparing.js";
import { type MachineRecord, machineName } from "./register.js";

/** Machines that wait for what is being made for others; who comes then asks again a little later. */
const MOST_WAITING = 256;
/** Nobody boots, writes and comes again so soon: a clone that is younger is new. */
const NEW_MS = 2000;
/** Whoever waits longer asks again; what is made for him goes on. */
const ANSWER_LIMIT_MS = 8000;

const REFUSED_PAUSE_MS = 60_000;

/** What a machine is told. */
export type BootAnswer =
	| { readonly kind: "boot"; readonly name: string; readonly address: string }
	/** It may ask again. */
	| { readonly kind: "wait"; readonly why: string }
	| { readonly kind: "refused"; readonly why: string };

type Parts = Pick<PreparingParts, "desired" | "register" | "events" | "now">;

export class Arrivals {
	readonly #parts: Parts;
	readonly #preparing: Preparing;
	#waiting = 0;
	/** By name: who asks again meanwhile waits for the same. */
	readonly #underWay = new Map<string, Promise<BootAnswer>>();
	/** Those whose disk was made anew, by name, until they are told where it is: it is new to them, however long that took. */
	readonly #untold = new Set<string>();
	/** When they have last asked, by name; of those that have a place. */
	readonly #askedMs = new Map<string, number>();
	/** What was last told of why one can't be booted: by name, of those that have a place, or by template. */
	readonly #told = new Map<string, string>();
	/** When one was last told of who may not come. */
	#refusedMs = Number.NEGATIVE_INFINITY;

	constructor(parts: Parts, preparing: Preparing) {
		this.#parts = parts;
		this.#preparing = preparing;
	}

	/** When it has last asked: milliseconds since 1970; null: not since control was started. */
	askedMs(name: string): number | null {
		return this.#askedMs.get(name) ?? null;
	}

	/** Why it could not be booted when it last asked. */
	whyNot(name: string): string | null {
		return this.#told.get(name) ?? null;
	}

	/** It is no machine any more. */
	forget(name: string): void {
		this.#askedMs.delete(name);
		this.#told.delete(name);
		this.#untold.delete(name);
	}

	/** What the machine with that MAC shall boot from: of this template, or of the first that has a place for it. */
	async boot(mac: number, wanted?: string): Promise<BootAnswer> {
		const some = this.#parts.desired.config.templates.filter(
			({ name }) => wanted === undefined || name === wanted,
		);
		const template =
			some.find(({ macs }) => macs?.includes(mac)) ?? some.find(({ macs }) => macs === undefined);
		if (template === undefined) return this.#refuse(mac, wanted);
		const name = machineName({ template: template.name, mac });
		const record = this.#parts.register.find(name);
		if (record !== undefined) this.#askedMs.set(name, this.#parts.now());
		const isKept = record !== undefined && keeps(template, record);
		if (isKept && this.#preparing.isReady(template, record)) return booting(record);
		const answer = await soon(this.#underWay.get(name) ?? this.#prepare(template, mac, name));
		if (answer.kind === "boot") this.#untold.delete(name);
		return answer;
	}

	#refuse(mac: number, wanted: string | undefined): BootAnswer {
		const isThere =
			wanted === undefined || this.#parts.desired.config.templates.some(({ name }) => name === wanted);
		// (iPXE shows no quotes.)
		const why = isThere
			? `${formatMac(mac)} is not among the machines of ${wanted === undefined ? "any template" : `template ${wanted}`}`
			: `there is no template ${wanted}`;
		// However many come, one is told of at a time.
		const nowMs = this.#parts.now();
		if (isPast(this.#refusedMs, REFUSED_PAUSE_MS, nowMs)) {
			this.#refusedMs = nowMs;
			this.#warn(mac, why);
		}
		return { kind: "refused", why };
	}

	#prepare(template: TemplateConfig, mac: number, name: string): Promise<BootAnswer> {
		if (this.#waiting >= MOST_WAITING) {
			const why = "many machines boot at once";
			return Promise.resolve({ kind: "wait", why });
		}
		this.#waiting++;
		const answer = this.#bring(template, mac).finally(() => {
			this.#waiting--;
			this.#underWay.delete(name);
		});
		this.#underWay.set(name, answer);
		return answer;
	}

	async #bring(template: TemplateConfig, mac: number): Promise<BootAnswer> {
		let told = template.name;
		try {
			const [made, before] = await this.#preparing.inTurn(async () => {
				const record = await this.#preparing.admit(template, mac);
				told = machineName(record);
				this.#askedMs.set(told, this.#parts.now());
				const isOld = isPast(record.madeMs ?? 0, NEW_MS, this.#parts.now()) && !this.#untold.has(told);
				const after = await this.#preparing.bring(template, record, isOld && !keeps(template, record));
				if (after.madeMs !== record.madeMs) this.#untold.add(told);
				return [after, record];
			});
			await this.#preparing.served(made, before);
			this.#told.delete(told);
			return booting(made);
		} catch (error) {
			const why = reasonOf(error);
			if (this.#told.get(told) !== why) this.#warn(mac, `${told}: ${why}`);
			this.#told.set(told, why);
			return { kind: "wait", why };
		}
	}

	#warn(mac: number, message: string): void {
		this.#parts.events.add({ kind: "machine", severity: "warning", initiator: formatMac(mac), message });
	}
}

/** Whether it is longer ago than that; a time to come is of a clock that was set back since. */
function isPast(thenMs: number, limitMs: number, nowMs: number): boolean {
	return nowMs < thenMs || nowMs - thenMs > limitMs;
}

function keeps(template: TemplateConfig, { keep }: MachineRecord): boolean {
	return keep ?? template.keep;
}

function booting(record: MachineRecord): BootAnswer {
	return { kind: "boot", name: machineName(record), address: `${record.shelf}.${record.slot}` };
}

async function soon(answer: Promise<BootAnswer>): Promise<BootAnswer> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<BootAnswer>((resolve) => {
		timer = setTimeout(resolve, ANSWER_LIMIT_MS, { kind: "wait", why: "its disk is being made" });
	});
	try {
		return await Promise.race([answer, late]);
	} finally {
		clearTimeout(timer);
	}
}

/** What can be told; bugs go on. */
function reasonOf(error: unknown): string {
	if (error instanceof OperatorError || error instanceof Refusal) return error.message;
	throw error;
}
