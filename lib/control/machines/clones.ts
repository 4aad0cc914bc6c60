/**
 * The clones of machines, in the pools of the configuration: made, made anew and removed by the worker that has the pool. A machine's disk
 * is closed for that, and is another one to its initiators then. Used by `preparing.ts` and `machines.ts`.
 */

import type { PoolAct } from "../../daemon/worker-messages.js";
import { OperatorError } from "../../errors.js";
import type { PoolLook, Sight, SnapshotLook, VolumeLook } from "../../pool/looks.js";
import type { ImageName } from "../../spec/schema.js";
import { quote } from "../../text.js";
import type { Desired } from "../desired.js";
import type { Workers } from "../seams.js";

export class Clones {
	readonly #desired: Desired;
	readonly #workers: Pick<Workers, "pool">;

	constructor(desired: Desired, workers: Pick<Workers, "pool">) {
		this.#desired = desired;
		this.#workers = workers;
	}

	/** The volume of that name; undefined: there is none. Throws an OperatorError if that can't be known. */
	async find(name: string): Promise<VolumeLook | undefined> {
		const [pool, volume] = partsOf(name);
		return this.#find(pool, volume);
	}

	/**
	 * Makes a clone of that image in its pool, in place of what is there by that name, which stays if that can't be. Throws an
	 * OperatorError.
	 */
	async make({ pool, volume: of, snapshot }: ImageName, name: string): Promise<void> {
		const { volumes } = await this.#look(pool, { of: "snapshots", names: [`${of}@${snapshot}`] });
		const [source] = volumes;
		if (source === undefined)
			throw new OperatorError(`image ${quote(`${pool}/${of}@${snapshot}`)}: there is no such snapshot`);
		const cloneAs = (clone: string) => this.#act(pool, { act: "clone", volume: of, snapshot, name: clone });
		const before = await this.#find(pool, name);
		if (before === undefined) return void (await cloneAs(name));
		if (before.pageBytes !== source.pageBytes && before.snapshotCount > 0)
			throw new OperatorError(
				`volume ${quote(`${pool}/${name}`)}: has other pages than the image, and snapshots that would be lost`,
			);
		if (before.pageBytes !== source.pageBytes)
			return this.#aside(pool, name, async () => {
				await this.#act(pool, { act: "remove", name });
				await cloneAs(name);
			});
		const by = `${name}.new`;
		// Of an earlier try that was interrupted.
		if ((await this.#find(pool, by)) !== undefined) await this.#act(pool, { act: "remove", name: by });
		await cloneAs(by);
		await this.#aside(
			pool,
			name,
			async () => void (await this.#act(pool, { act: "replace", name, by, isAnother: true })),
		);
	}

	/** With all its snapshots. One that is not there is removed already. */
	async remove(name: string): Promise<void> {
		if ((await this.find(name)) === undefined) return;
		const [pool, volume] = partsOf(name);
		await this.#act(pool, { act: "remove", name: volume });
	}

	/** What the volume is now gets a name, and keeps it until it is let go. */
	async takeImage({ pool, volume, snapshot }: ImageName): Promise<void> {
		await this.#act(pool, { act: "snapshot", wanted: [{ volume, name: snapshot }] });
		await this.#act(pool, { act: "hold", volume, snapshot, isHeld: true });
	}

	/** It may be removed; `isToGo`: it is. One that is not there has gone already. */
	async letGo(image: ImageName, isToGo: boolean): Promise<void> {
		const { pool, volume, snapshot } = image;
		const found = await this.findImage(image);
		if (found?.held) await this.#act(pool, { act: "hold", volume, snapshot, isHeld: false });
		if (found !== undefined && isToGo) await this.#act(pool, { act: "forget", volume, snapshot });
	}

	/** The snapshot of that name; undefined: there is none. Throws an OperatorError if that can't be known. */
	async findImage({ pool, volume, snapshot }: ImageName): Promise<SnapshotLook | undefined> {
		const { volumes } = await this.#look(pool, { of: "snapshots", names: [`${volume}@${snapshot}`] });
		return volumes[0]?.snapshots[0];
	}

	/** While no disk has it open. */
	#aside(pool: string, volume: string, work: () => Promise<void>): Promise<void> {
		const disk = this.#desired.config.disks.find(
			({ disk: { storage } }) => storage.kind === "volume" && storage.name === `${pool}/${volume}`,
		);
		return disk === undefined ? work() : this.#desired.aside(disk.name, work);
	}

	async #find(pool: string, name: string): Promise<VolumeLook | undefined> {
		return (await this.#look(pool, { of: "volume", name })).volumes[0];
	}

	#look(pool: string, sight: Sight): Promise<PoolLook> {
		return this.#act(pool, { act: "look", isNow: false, sight });
	}

	async #act(name: string, act: PoolAct): Promise<PoolLook> {
		const pool = this.#desired.config.pools.find((each) => each.name === name);
		if (pool === undefined) throw new OperatorError(`pool ${quote(name)}: there is none of this name`);
		return this.#workers.pool(pool.path, act);
	}
}

function partsOf(name: string): [pool: string, volume: string] {
	const [pool = "", volume = ""] = name.split("/");
	return [pool, volume];
}
