/**
 * A server, a good initiator that verifies what it reads, and a flood on the same cable: `flood.test.ts` for whether it is
 * served, `flood.long.ts` for how well.
 *
 *    "server"                            "client"
 *    vblade -> lan0 <=================> lan0 <- good initiator, flooder
 *              lan1 <=================> lan1 <- or flooder, where it floods nobody
 *
 * With two processors the flooder must share one, and would slow down the initiator without any server. So the comparison
 * is with the same flood into a cable that nobody serves.
 */

import path from "node:path";
import type { LoadResult } from "../../lib/client/load-addon.js";
import { Loader } from "../bench/loader.js";
import { LIMIT_MS } from "../support/limit.js";
import { Lan } from "../support/netns.js";
import { PROJECT, vbladeCommand } from "../support/paths.js";
import type { Program } from "../support/process.js";

/**
 * IP packets; random bytes as AoE; good requests to other hosts' addresses; requests for a slot that is not served; and good
 * requests to another blade of the same server, to trim as many scattered sectors as a frame can name.
 */
export const FLOODS = ["other", "junk", "foreign", "aimed", "trims"] as const;
export type Flood = (typeof FLOODS)[number];

/** Frames of a flood. */
export interface FloodFrames {
	/** With the Ethernet header. */
	readonly bytes: number;
	/** At most so many a second; undefined: as fast as one processor sends. */
	readonly perSecond?: number;
}

/** The shortest ones; and lists of two blocks, which fit into an MTU of 1500. Those are work: so many a second that others fit in. */
const SHORT: FloodFrames = { bytes: 60 };
const LISTS: FloodFrames = { bytes: 36 + 2 * 512, perSecond: 2000 };

export interface Served {
	readonly load: LoadResult;
	/** Frames of the flood per second; 0 without one. */
	readonly floodRate: number;
}

const TARGET_CORE = 0;
const LOAD_CORE = 1;
const SECTORS = 2;
const BLOCKS = 8192;
const DISK = "mem:16M";
/** The blade that nobody but the flood uses, and its sectors. */
export const OTHER_SLOT = 254;
export const OTHER_SECTORS = 16 * 2048;

export class Flooded {
	readonly #lan: Lan;
	readonly #loader: Loader;
	#server: Program | undefined;

	private constructor(mtu: number) {
		this.#lan = new Lan({ mtu });
		this.#lan.cable("lan1");
		this.#loader = new Loader(this.#lan, LOAD_CORE);
	}

	/** Serves blade 9.0, and the other one, and waits until it does. */
	static async start(mtu = 1500): Promise<Flooded> {
		const flooded = new Flooded(mtu);
		const blades = ["9", "0", "lan0", DISK, "9", String(OTHER_SLOT), "lan0", DISK];
		const command = ["taskset", "-c", String(TARGET_CORE), ...vbladeCommand(), ...blades];
		const server = flooded.#lan.server.start(["env", "VBLADE_TURNS=1", ...command]);
		flooded.#server = server;
		await server.waitFor(/^pid \d+: e9\.0/m, LIMIT_MS);
		return flooded;
	}

	/** Reads and writes for `seconds`, every sector checked, under a flood on `cable`, or under none. */
	async run(
		seconds: number,
		flood?: Flood,
		cable = "lan0",
		frames = flood === "trims" ? LISTS : SHORT,
	): Promise<Served> {
		const flooder = flood && this.#lan.client.start(this.#flooder(flood, cable, frames));
		await flooder?.waitFor(/^flooding$/m, LIMIT_MS);
		const load = await this.#loader.run({
			...{ shelf: 9, slot: 0, sectors: SECTORS, window: 16, writePercent: 50, sequential: 0, verify: 1 },
			...{ firstLba: 0, blocks: BLOCKS, seconds, requests: 0, seed: 1 },
		});
		await flooder?.stop();
		const [, , rate = "0"] = /^sent (\d+) (\d+)$/m.exec(flooder?.stdout ?? "") ?? [];
		return { load, floodRate: Number(rate) };
	}

	/** How long the longest turn of the server's event loop has been since this was last asked, in milliseconds. */
	async longestTurnMs(): Promise<number> {
		const server = this.#server;
		const [, pid] = /^pid (\d+):/m.exec(server?.stdout ?? "") ?? [];
		if (server === undefined || pid === undefined) throw new Error("not started");
		const from = server.output.length;
		process.kill(Number(pid), "SIGUSR1");
		const [, ms] = await server.waitFor(/longest turn of the event loop: ([\d.]+) ms/, LIMIT_MS, from);
		return Number(ms);
	}

	async stop(): Promise<void> {
		await this.#loader.stop();
		this.#lan.remove();
	}

	#flooder(flood: Flood, cable: string, { bytes, perSecond }: FloodFrames): string[] {
		const script = path.join(PROJECT, "build/test/flood/flooder.js");
		const what = [cable, flood, this.#lan.server.mac(cable), String(bytes), String(perSecond ?? 0)];
		return ["taskset", "-c", String(LOAD_CORE), process.execPath, script, ...what];
	}
}
