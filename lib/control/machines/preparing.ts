/**
 * What a machine boots from, made as it shall be: its place on the shelf, its clone, its disk. Each step is kept before the next one, so
 * whatever ends in between is gone on with when the machine asks again. Used by `machines.ts`, for one machine at a time.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { OperatorError } from "../../errors.js";
import { InTurn } from "../../in-turn.js";
import type { DiskConfig, TemplateConfig } from "../../spec/configuration.js";
import { aoeExportsOf } from "../../spec/exports.js";
import { NUMBERS } from "../../spec/ranges.js";
import { type DiskSettings, readImage } from "../../spec/schema.js";
import { formatMac } from "../../wire/mac.js";
import type { Changes } from "../changes.js";
import type { Desired } from "../desired.js";
import type { EventLog } from "../event-log.js";
import type { Jobs } from "../jobs.js";
import type { Steward } from "../steward.js";
import { messageOf } from "../thrown.js";
import type { Clones } from "./clones.js";
import { type MachineRecord, machineName, type Register } from "./register.js";

/** How long it is waited until a disk is served, or can't be: one may hang. */
const SERVE_LIMIT_MS = 5000;
const SERVE_POLL_MS = 10;
/** As whoever wants it. */
const TERMS = { ifMatch: undefined, dryRun: false };

export interface PreparingParts {
	readonly desired: Desired;
	readonly changes: Changes;
	readonly clones: Clones;
	readonly register: Register;
	readonly events: EventLog;
	readonly jobs: Jobs;
	/** Milliseconds since 1970. */
	readonly now: () => number;
}

export class Preparing {
	readonly #parts: PreparingParts;
	readonly #turns = new InTurn();

	constructor(parts: PreparingParts) {
		this.#parts = parts;
	}

	/** One thing after the other, of all machines. */
	inTurn<T>(work: () => Promise<T>): Promise<T> {
		return this.#turns.run(work);
	}

	/** Its place; a new machine gets one. Throws an OperatorError if there is none, or it can't be kept. */
	async admit(template: TemplateConfig, mac: number): Promise<MachineRecord> {
		const { register, events, clones } = this.#parts;
		const name = machineName({ template: template.name, mac });
		const known = register.find(name);
		if (known?.shelf === template.shelf) return known;
		const image = register.imageOf(template);
		const [disk] = this.#disksOf(name);
		const volume = `${readImage(image).pool}/${name}`;
		// Known by its disk alone, if who machines are was lost.
		const served = disk === undefined ? undefined : await clones.find(volume);
		const madeMs = served === undefined ? null : Date.parse(served.created);
		const record = known ?? { template: template.name, mac, volume, image, madeMs, keep: null };
		const placed = { ...record, shelf: template.shelf, slot: this.#slotFor(template, name) };
		await register.put(placed);
		const message = `machine ${name}: is ${template.shelf}.${placed.slot} from now on`;
		events.add({ kind: "machine", severity: "info", initiator: formatMac(mac), message });
		return placed;
	}

	/** Has it have its disk, a new one if that is wanted. Throws an OperatorError, or a Refusal, that says why not. */
	async bring(template: TemplateConfig, record: MachineRecord, isNew: boolean): Promise<MachineRecord> {
		const made = await this.#clone(template, record, isNew);
		await this.#putDisk(template, made);
		return made;
	}

	/** Resolves when its disk is served, after `bring`: others need not wait for that. Throws an OperatorError that says why it is not. */
	async served(made: MachineRecord, before: MachineRecord): Promise<void> {
		const name = machineName(made);
		const steward = await settled(() => this.#parts.desired.steward(name));
		if (steward?.state !== "open")
			throw new OperatorError(`disk ${name}: ${steward?.reason ?? `is ${steward?.state ?? "not there"}`}`);
		// In another pool than the image is now.
		if (made.volume !== before.volume) await this.inTurn(() => this.#leave(before.volume));
	}

	async #leave(volume: string): Promise<void> {
		const { clones, events } = this.#parts;
		try {
			await clones.remove(volume);
		} catch (error) {
			const message = `volume ${volume} is no machine's any more, and is left: ${messageOf(error)}`;
			events.add({ kind: "machine", severity: "warning", message });
		}
	}

	/** Has its clone be there, a new one if that is wanted. */
	async #clone(template: TemplateConfig, record: MachineRecord, isNew: boolean): Promise<MachineRecord> {
		const { register, clones, now } = this.#parts;
		if (!isNew && record.madeMs !== null && (await clones.find(record.volume)) !== undefined) return record;
		const image = register.imageOf(template);
		const parts = readImage(image);
		const name = machineName(record);
		if (record.madeMs !== null) await register.put({ ...record, madeMs: null });
		await clones.make(parts, name);
		const made = { ...record, volume: `${parts.pool}/${name}`, image, madeMs: now() };
		await register.put(made);
		return made;
	}

	/** Has its disk be configured as it shall be. */
	async #putDisk(template: TemplateConfig, record: MachineRecord): Promise<void> {
		const { changes, desired } = this.#parts;
		const name = machineName(record);
		const wanted = settingsOf(template, record);
		const [disk] = this.#disksOf(name);
		if (disk !== undefined && disk.origin !== "runtime")
			throw new OperatorError(`disk ${name}: is one that the files name`);
		if (disk === undefined) await changes.add(name, wanted, TERMS);
		else if (!isAsWanted(disk.settings, wanted)) await changes.patch(name, wanted, TERMS);
		else desired.steward(name)?.hurry();
	}

	/** Whether it need only be told where its disk is. */
	isReady(template: TemplateConfig, record: MachineRecord): boolean {
		if (record.shelf !== template.shelf || record.madeMs === null) return false;
		const steward = this.#parts.desired.steward(machineName(record));
		return steward?.state === "open" && isAsWanted(steward.disk.settings, settingsOf(template, record));
	}

	/** The lowest that is free; or the one that its disk has already. */
	#slotFor({ name: template, shelf }: TemplateConfig, name: string): number {
		const { desired, register } = this.#parts;
		const taken = new Set<number>();
		for (const machine of register.machines)
			if (machine.shelf === shelf && machineName(machine) !== name) taken.add(machine.slot);
		let own: number | undefined;
		for (const disk of desired.config.disks)
			for (const each of aoeExportsOf(disk.exports)) {
				if (each.shelf !== shelf) continue;
				if (disk.name === name) own = each.slot;
				else taken.add(each.slot);
			}
		if (own !== undefined && !taken.has(own)) return own;
		for (let slot = NUMBERS.slot.min; slot <= NUMBERS.slot.max; slot++) if (!taken.has(slot)) return slot;
		throw new OperatorError(`template ${template}: no slot of shelf ${shelf} is free`);
	}

	#disksOf(name: string): DiskConfig[] {
		return this.#parts.desired.config.disks.filter((disk) => disk.name === name);
	}
}

function settingsOf({ netif }: TemplateConfig, { volume, shelf, slot, mac }: MachineRecord) {
	return { volume, aoe: { address: `${shelf}.${slot}`, netif: [...netif], macs: [formatMac(mac)] } };
}

/** But for what people have set on it beside. */
function isAsWanted({ volume, aoe }: DiskSettings, wanted: DiskSettings): boolean {
	const { address, netif, macs } = aoe ?? {};
	return isDeepStrictEqual({ volume, aoe: { address, netif, macs } }, wanted);
}

/** Of a disk that was configured: when it is served, or can't be, or after a while. */
async function settled(find: () => Steward | undefined): Promise<Steward | undefined> {
	const endMs = performance.now() + SERVE_LIMIT_MS;
	const isOnItsWay = (): boolean => {
		const state = find()?.state;
		return state === undefined || state === "opening" || state === "draining";
	};
	while (isOnItsWay() && performance.now() < endMs) await sleep(SERVE_POLL_MS);
	return find();
}
