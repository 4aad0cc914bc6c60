/** A disk at the other end of a link, and its target, on a network in memory: frames that are lost and late, a target that crashes, time that a test moves on. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { AoeCommand, AoeFlag, writeHeader } from "../../lib/aoe/header.js";
import type { BlockDevice } from "../../lib/block/device.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { type FarOptions, openFarDisk } from "../../lib/client/far-disk.js";
import { type MemoryLink, MemorySwitch, type Schedule } from "../../lib/link/memory.js";
import type { NbdDevice } from "../../lib/nbd/remote/device.js";
import { Pump } from "../../lib/pump.js";
import type { Random } from "../../lib/random.js";
import { CrashDevice } from "../../lib/testing/crash-device.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { MAC_BROADCAST } from "../../lib/wire/ethernet.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { LabTarget } from "./harness.js";

export const INTERVAL_MS = 5000;
export const RESEND = 20;
/** Where the target always is. */
export const OUR_TARGET_MAC = 0x02_00_00_00_00_22;
const TURNS_MAX = 1e6;
const BUFFERS = 16;

export class Far {
	readonly pump = new Pump();
	readonly clock = new VirtualClock();
	readonly ether: MemorySwitch;
	/** Ours. */
	readonly link: MemoryLink;
	target: LabTarget | null = null;
	/** What a frame meets on its way, until it is another. */
	schedule: Schedule = (deliver) => deliver();
	#isServing = true;

	constructor(
		readonly random: Random,
		public disk: BlockDevice,
		readonly mtu = 1500,
	) {
		this.ether = new MemorySwitch({ schedule: (...frame) => this.schedule(...frame) });
		this.link = this.ether.link(this.pump, { mtu, mac: 0x02_00_00_00_00_11 });
		this.start();
	}

	/** The target is there, at the address where it always is; `isTold`: it says so to all. */
	start(disk = this.disk, isTold = false): void {
		this.disk = disk;
		const link = this.ether.link(this.pump, { mtu: this.mtu, mac: OUR_TARGET_MAC });
		this.target = new LabTarget(link, this.clock, BUFFERS);
		const blade = this.target.serve(9, 0, new OrderingLayer(disk));
		this.#isServing = true;
		if (isTold) this.target.target.advertise(blade);
		this.pump.run();
	}

	get isServing(): boolean {
		return this.#isServing;
	}

	/** It is gone, and with it what it was not asked to make stable. */
	crash(): void {
		this.target?.target.stop();
		void this.target?.link.close();
		this.target = null;
		this.#isServing = false;
		if (this.disk instanceof CrashDevice) this.disk = this.disk.crash(this.random, this.random.next());
	}

	/** What a target at `mac` tells all of e9.0, unasked. */
	announcement(mac: number): Uint8Array {
		const frame = new Uint8Array(60);
		const address = { shelf: 9, slot: 0, command: AoeCommand.config, tag: 0 };
		writeHeader(frame, 0, { destination: MAC_BROADCAST, source: mac, flags: AoeFlag.response, ...address });
		return frame;
	}

	open(options: Partial<FarOptions> = {}): Promise<NbdDevice> {
		const { pump, clock, link } = this;
		const known = { pump, clock, link, shelf: 9, slot: 0, allocate: heapMemory, readOnly: false };
		return openFarDisk({ ...known, resend: RESEND, intervalMs: INTERVAL_MS, ...options });
	}

	/** Waits for something, with time going on whenever nothing else does. `each`: called in every turn. */
	async until<T>(promise: Promise<T>, each: () => void = () => {}): Promise<T> {
		let isOver = false;
		const over = (): void => {
			isOver = true;
		};
		promise.then(over, over);
		for (let turns = 0; ; turns++) {
			if (turns > TURNS_MAX) throw new Error("nothing comes of it");
			this.pump.run();
			await nextTurn();
			if (isOver) return promise;
			each();
			this.clock.step();
		}
	}

	/** Time goes on by so much, with all that happens meanwhile. */
	pass(ms: number): Promise<void> {
		return this.until(new Promise<void>((resolve) => void this.clock.after(ms, resolve)));
	}
}
