/**
 * A volume that is being filled: it is called NAME.part, so nobody takes it for the whole, and beside it NAME.part.state, a volume too,
 * keeps how far it is. A pool writes all of its volumes in one order, so what is kept there was never reached by less. The next attempt at the
 * same goes on; one at something else begins anew. Used by the commands that import and receive.
 */

import type { BlockDevice } from "../../block/device.js";
import { OperatorError } from "../../errors.js";
import type { Pool } from "../../pool/pool.js";
import { openVolumeStack } from "../../pool/volume-stack.js";
import { KEPT_BYTES, type Kept, KeptOnDevice } from "../../send/kept.js";
import { quote } from "../../text.js";

/** What is being done, and how the volume for it is made. */
export interface Filling {
	/** Whether what an earlier attempt has kept is of this. */
	isMine(kept: unknown): boolean;
	/** What to keep at first. */
	readonly first: object;
	/** Makes the volume of this name. */
	make(pool: Pool, name: string): Promise<unknown>;
}

function partName(name: string): string {
	return `${name}.part`;
}

/** What the volume is called that keeps how far `name` is. */
export function stateName(name: string): string {
	return `${partName(name)}.state`;
}

/** A volume with the layers that make it one to write to: what has been written is safe when it is flushed. */
export async function openToCopy(pool: Pool, name: string, readOnly: boolean): Promise<BlockDevice> {
	const whole = { offsetSectors: 0, lengthSectors: undefined };
	return (await openVolumeStack(pool, name, { ...whole, durability: "flush", readOnly })).device;
}

/**
 * Has `fill` fill the volume `name`, unless an earlier attempt had done all but to say so. Throws an OperatorError if there is a volume
 * of that name already.
 */
export async function fillVolume(
	pool: Pool,
	name: string,
	filling: Filling,
	fill: (device: BlockDevice, kept: Kept) => Promise<void>,
): Promise<void> {
	const volumes = new Names(pool, name);
	// Refuses what can't be begun, before anything is made for it.
	if (!volumes.has(stateName(name))) filling.isMine(undefined);
	const state = await volumes.state();
	const stateDevice = await openToCopy(pool, state, false);
	try {
		const kept = new KeptOnDevice(stateDevice);
		const isMine = filling.isMine(await kept.read());
		if (volumes.has(name)) {
			if (!isMine || volumes.has(volumes.part)) throw volumes.isThere(name);
		} else {
			await volumes.begin(isMine, kept, filling);
			const device = await openToCopy(pool, volumes.part, false);
			await fill(device, kept).finally(() => device.close());
			await pool.administration.rename(volumes.part, name);
		}
	} finally {
		await stateDevice.close();
	}
	await pool.administration.delete(state);
}

/** The volumes that belong to an attempt. */
class Names {
	readonly part: string;
	readonly #pool: Pool;
	readonly #name: string;

	constructor(pool: Pool, name: string) {
		this.part = partName(name);
		this.#pool = pool;
		this.#name = name;
	}

	has(name: string): boolean {
		return this.#pool.volumes.some((volume) => volume.name === name);
	}

	isThere(name: string): OperatorError {
		return new OperatorError(`volume ${quote(name)}: is there already`);
	}

	/** The one that keeps how far it is, made if there is none. */
	async state(): Promise<string> {
		const state = stateName(this.#name);
		if (this.has(state)) {
			if (this.#pool.administration.volume(state).sizeBytes !== KEPT_BYTES) throw this.isThere(state);
			return state;
		}
		for (const name of [this.#name, this.part]) if (this.has(name)) throw this.isThere(name);
		await this.#pool.administration.create(state, KEPT_BYTES, KEPT_BYTES);
		return state;
	}

	/** The one to fill is there, and empty if nobody has begun with it for the same. */
	async begin(isMine: boolean, kept: Kept, filling: Filling): Promise<void> {
		if (!isMine && this.has(this.part)) await this.#pool.administration.delete(this.part);
		if (!isMine) await kept.write(filling.first);
		if (!this.has(this.part)) await filling.make(this.#pool, this.part);
	}
}
