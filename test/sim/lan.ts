/**
 * A LAN in simulated time on which several servers want one address: cables are pulled and laid, bridges do not forward for a
 * while, frames are lost, servers come and go. The same seed gives the same run. Played by `neighbours.test.ts`.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { Registry } from "../../lib/aoe/registry.js";
import { TargetStats } from "../../lib/aoe/stats.js";
import { AoeTarget } from "../../lib/aoe/target.js";
import { type MemoryLink, MemorySwitch } from "../../lib/link/memory.js";
import { Pump } from "../../lib/pump.js";
import { Random } from "../../lib/random.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { StubDisk } from "../support/target-bench.js";
import { EventLog } from "./log.js";

/** Longest time a frame is on its way. */
const TRANSIT_MS = 2;

/** One server, from its start until it ends or is killed. */
export class Host {
	readonly pump = new Pump();
	readonly link: MemoryLink;
	readonly registry = new Registry();
	readonly stats = new TargetStats();
	readonly target: AoeTarget;
	state: "starting" | "runs" | "refused" | "killed" = "starting";

	constructor(
		readonly lan: SimulatedLan,
		readonly name: string,
		/** The last byte of its MAC address. */
		readonly number: number,
		up = true,
	) {
		const mac = 0x020000000000 + number;
		this.link = lan.ether.link(this.pump, { name, mac, up, mtu: 1500, rooms: 16 });
		this.target = new AoeTarget({
			link: this.link,
			registry: this.registry,
			stats: this.stats,
			firmwareVersion: 1,
			ownMacs: () => new Set([mac]),
			onConflict: () => {},
			onSilenced: (_blade, by, why) => lan.note(`${name} falls silent: ${by.toString(16)} ${why}`),
			onServedAgain: (_blade, by) => lan.note(`${name} serves again after ${by.toString(16)}`),
			clock: lan.clock,
			random: new Random(lan.random.below(0x7fffffff)),
		});
		this.target.start();
		lan.note(`${name} starts`);
		void this.#start();
	}

	async #start(): Promise<void> {
		const owner = await this.target.claim(new StubDisk(9, 0).blade);
		if (this.state !== "starting") return;
		this.lan.note(`${this.name} ${owner === undefined ? "runs" : "is refused"}`);
		if (owner !== undefined) {
			this.end("refused");
			return;
		}
		this.state = "runs";
		this.target.serveClaims();
	}

	get serves(): boolean {
		return this.state === "runs" && this.registry.size > 0;
	}

	get lives(): boolean {
		return this.state === "starting" || this.state === "runs";
	}

	end(state: "refused" | "killed"): void {
		this.lan.note(`${this.name} ${state}`);
		this.state = state;
		this.target.stop();
		this.lan.ether.remove(this.link);
	}
}

export class SimulatedLan {
	readonly clock = new VirtualClock();
	readonly log = new EventLog();
	readonly random: Random;
	readonly ether: MemorySwitch;
	readonly hosts: Host[] = [];
	/** What happened, for the message of a test that fails. */
	readonly story: string[] = [];
	lossRate = 0;
	/** Ports that are joined have the same number; 0 if not listed. */
	readonly #segmentOf = new Map<MemoryLink, number>();

	constructor(readonly seed: number) {
		this.random = new Random(seed);
		this.ether = new MemorySwitch({
			schedule: (deliver, frame, from, to) => {
				if (this.#segment(from) !== this.#segment(to) || this.random.chance(this.lossRate)) return;
				this.log.add(this.clock.now(), `${from.name} to ${to.name}`, frame);
				this.clock.after(this.random.next() * TRANSIT_MS, deliver);
			},
		});
	}

	start(name: string, number: number, up = true): Host {
		const host = new Host(this, name, number, up);
		this.hosts.push(host);
		return host;
	}

	/** Moves a host's cable to another segment; 0 is where all are at first. */
	plug(host: Host, segment: number): void {
		this.note(`${host.name} in segment ${segment}`);
		this.#segmentOf.set(host.link, segment);
	}

	setUp(host: Host, up: boolean): void {
		this.note(`${host.name} ${up ? "up" : "down"}`);
		host.link.setUp(up);
	}

	/** Lets `ms` pass. */
	async pass(ms: number): Promise<void> {
		let over = false;
		this.clock.after(ms, () => {
			over = true;
		});
		while (!over) {
			// A start goes on when its promise is settled; all else goes on by timers alone.
			if (this.hosts.some(({ state }) => state === "starting")) await nextTurn();
			this.#pump();
			this.clock.step();
			this.#pump();
		}
		await nextTurn();
	}

	get serving(): Host[] {
		return this.hosts.filter((host) => host.serves);
	}

	note(what: string): void {
		this.log.add(this.clock.now(), what);
		this.story.push(`${(this.clock.now() / 1000).toFixed(3)} ${what}`);
	}

	#segment(link: MemoryLink): number {
		return this.#segmentOf.get(link) ?? 0;
	}

	#pump(): void {
		for (const { pump } of this.hosts) pump.run();
	}
}
