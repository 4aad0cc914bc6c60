/**
 * A pool that `vblade daemon` serves, for what is done to volumes while they are served: made anew, in a folder that is given; and plain files beside
 * it, to compare with. Used by `pool-waits.ts` and `pool-snapshots.ts`.
 */

import { rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { LoadOptions, LoadResult } from "../../lib/client/load-addon.js";
import { SnapshotList, VolumeList } from "../../lib/control/model.js";
import { DaemonTree, diskToml } from "../daemon/tree-bench.js";
import { pause } from "../support/cleanup.js";
import { Lan } from "../support/netns.js";
import { addressOf } from "./daemon-server.js";
import { Loader } from "./loader.js";
import type { Settings } from "./measure.js";
import { vblade } from "./pools.js";
import { pin } from "./processes.js";

const MTU = 9000;
const JOB_POLL_MS = 20;
const JOB_LIMIT_MS = 120_000;
/** Until the first figures have been looked at. */
const SETTLE_MS = 1000;
const POOL = "p";

/** A volume to make and serve; or a file, of zeros. */
export interface Wanted {
	readonly name: string;
	readonly sizeBytes: number;
	readonly isFile?: boolean;
	/** 4 KiB if it is not said. */
	readonly pageBytes?: number;
	/** As `volume set` has it. */
	readonly settings?: readonly string[];
}

/** What is asked of a volume, in requests of 4 KiB. */
export type VolumeLoad = Pick<LoadOptions, "window" | "writePercent" | "seconds" | "seed"> &
	Partial<LoadOptions>;

const SECTORS = 8;

export class PoolDaemon {
	readonly #wanted: readonly Wanted[];

	private constructor(
		readonly tree: DaemonTree,
		readonly lan: Lan,
		readonly loader: Loader,
		/** Where the pool is. */
		readonly folder: string,
		wanted: readonly Wanted[],
	) {
		this.#wanted = wanted;
	}

	/** Makes it, has it looked at, and takes it away. The worker has a core to itself, as a server has in all rows; its disks are also at `tree.frames`. */
	static async with<T>(
		folder: string,
		wanted: readonly Wanted[],
		{ targetCore, loadCore }: Settings,
		look: (daemon: PoolDaemon) => Promise<T>,
	): Promise<T> {
		const pool = makePool(folder, wanted);
		const lan = new Lan({ mtu: MTU });
		const loader = new Loader(lan, loadCore);
		const tree = new DaemonTree(lan.server.name);
		const disks = wanted.map(({ name, isFile = false }, index) => {
			const { shelf, slot } = addressOf(index);
			const storage = isFile ? `file = "${fileOf(folder, name)}"` : `volume = "${POOL}/${name}"`;
			return diskToml(name, storage, `${shelf}.${slot}`, `lan0", "unix:${tree.frames}`);
		});
		tree.configure(`[pool.${POOL}]\npath = "${pool}"\n${disks.join("")}`);
		try {
			await tree.start();
			for (const { name } of wanted) await tree.state(name, "open");
			pin(await tree.pidOf("worker"), targetCore);
			await pause(SETTLE_MS);
			return await look(new PoolDaemon(tree, lan, loader, folder, wanted));
		} finally {
			await tree.stop();
			await loader.stop();
			lan.remove();
			rmSync(pool, { recursive: true, force: true });
			for (const { name, isFile } of wanted) if (isFile) rmSync(fileOf(folder, name));
		}
	}

	/** Over the whole volume, unless it says otherwise. Throws if a request was answered with an error. */
	async load(name: string, load: VolumeLoad): Promise<LoadResult> {
		const index = this.#wanted.findIndex((each) => each.name === name);
		const { sizeBytes } = this.#wanted[index]!;
		const blocks = sizeBytes / SECTORS / 512;
		const all = { sectors: SECTORS, sequential: 0, verify: 0, firstLba: 0, blocks, requests: 0 };
		const result = await this.loader.run({ ...all, ...addressOf(index), ...load });
		if (result.errors > 0) throw new Error(`${name} answers ${result.errors} requests with an error`);
		return result;
	}

	/** Writes so many blocks of 4 KiB, in order; all if it is not said. */
	async write(name: string, requests?: number): Promise<void> {
		const { sizeBytes } = this.#wanted.find((each) => each.name === name)!;
		const count = requests ?? sizeBytes / SECTORS / 512;
		const load = { window: 64, writePercent: 100, sequential: 1, seconds: 100, seed: 1, requests: count };
		await this.load(name, load);
	}

	/** What the API answers; when the job is over, if that is one. Throws if it says no. */
	async ask(method: string, resource: string, body?: object): Promise<Readonly<Record<string, unknown>>> {
		const { status, body: answer } = await this.tree.ask(method, `/api/v1/${resource}`, body);
		if (status >= 300) throw new Error(`${method} ${resource}: ${JSON.stringify(answer)}`);
		if (status === 202) await this.#over(String(answer.id));
		return answer;
	}

	async #over(job: string): Promise<void> {
		await this.#until("a job is over", async () => {
			const { body } = await this.tree.ask("GET", `/api/v1/jobs/${job}`);
			const state = String(body.state);
			if (state !== "done" && state !== "running") throw new Error(`a job: ${JSON.stringify(body)}`);
			return state === "done";
		});
	}

	async #until(what: string, isSo: () => Promise<boolean>): Promise<void> {
		const begin = performance.now();
		while (!(await isSo())) {
			if (performance.now() - begin > JOB_LIMIT_MS) throw new Error(`${what}: not after ${JOB_LIMIT_MS} ms`);
			await pause(JOB_POLL_MS);
		}
	}

	/** Takes snapshots of one moment, each `VOLUME@NAME`. */
	async snapshot(...names: readonly string[]): Promise<void> {
		await this.ask("POST", "snapshots", { names: names.map((name) => `${POOL}/${name}`) });
	}

	async clone(of: string, name: string): Promise<void> {
		await this.ask("POST", "volumes", { pool: POOL, name, of });
	}

	/** All snapshots are gone when it resolves, all volumes that were not wanted, and what they held. */
	async tidy(): Promise<void> {
		const { volumes } = VolumeList.parse(await this.ask("GET", `volumes?pool=${POOL}&limit=1000`));
		const others = volumes.filter(({ name }) => this.#wanted.every((wanted) => wanted.name !== name));
		for (const { name } of others) await this.ask("DELETE", this.volume(name));
		const { snapshots } = SnapshotList.parse(await this.ask("GET", `snapshots?pool=${POOL}&limit=1000`));
		for (const { volume, name } of snapshots) await this.removeSnapshot(`${volume}@${name}`);
		await this.#until("the pool has given back what nobody wants", async () => {
			const { freeingBytes } = await this.ask("GET", `pools/${POOL}?now=true`);
			return freeingBytes === 0;
		});
	}

	/** A resource of the API that a volume has. */
	volume(name: string): string {
		return `volumes/${encodeURIComponent(`${POOL}/${name}`)}`;
	}

	async removeSnapshot(name: string): Promise<void> {
		await this.ask("DELETE", `snapshots/${encodeURIComponent(`${POOL}/${name}`)}`);
	}
}

function fileOf(folder: string, name: string): string {
	return path.join(folder, `served-${name}.img`);
}

function makePool(folder: string, wanted: readonly Wanted[]): string {
	const pool = path.join(folder, "served");
	rmSync(pool, { recursive: true, force: true });
	vblade("pool", "create", pool);
	for (const { name, sizeBytes, pageBytes = 4096, settings = [], isFile = false } of wanted) {
		if (isFile) {
			writeFileSync(fileOf(folder, name), "");
			truncateSync(fileOf(folder, name), sizeBytes);
			continue;
		}
		vblade("volume", "create", `${pool}/${name}`, String(sizeBytes), `--page=${pageBytes}`);
		if (settings.length > 0) vblade("volume", "set", `${pool}/${name}`, ...settings);
	}
	return pool;
}
