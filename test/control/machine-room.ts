/** Machines for tests: a control process with a pool that is real, and disks that are not, of which machines ask for their scripts. */

import type { Test } from "tap";
import { volumeCreateCommand } from "../../lib/cli/pools/volume.js";
import { volumeSnapshotCommand } from "../../lib/cli/pools/volume-changes.js";
import { newPool, told, workerPools } from "../support/pools.js";
import { machinesText } from "./figures.js";
import { Stage, settle } from "./stage.js";

export const LAB = '[template.lab]\nimage = "fast/gold@v1"\nshelf = 20\nnetif = ["eth0"]\n';
const mac = (text: string): number => Number.parseInt(text.replaceAll(":", ""), 16);

export class Room extends Stage {
	#aheadMs = 0;
	readonly now = (): number => Date.now() + this.#aheadMs;

	constructor(readonly pool: string) {
		super();
	}

	forward(ms: number): void {
		this.#aheadMs += ms;
	}

	template(text: string): void {
		this.opener.text = `[pool.fast]\npath = "${this.pool}"\n${text}`;
	}

	boot(text: string, template?: string) {
		return this.control.inside.machines.arrivals.boot(mac(text), template);
	}

	async machines() {
		return (await this.ask("GET", "/api/v1/machines")).body.machines;
	}

	async volume(name: string) {
		return (await this.ask("GET", `/api/v1/volumes/fast%2F${name}`)).body;
	}
}

export async function roomOf(t: Test, text = LAB, before = 0): Promise<Room> {
	const folder = await newPool();
	await told(volumeCreateCommand, `${folder}/gold`, "1M");
	await told(volumeSnapshotCommand, `${folder}/gold@v1`);
	const room = new Room(folder);
	const pools = workerPools(t);
	room.workers.pool = (folder, act) => pools.act(folder, act);
	room.template(text);
	room.opener.files.set("machines.json", machinesText(before));
	await room.start(t, { now: room.now });
	await settle();
	return room;
}
