/**
 * The links of this process, each with the AoE target that serves blades on it: opened when the first export wants one, larger
 * when there are many more, closed when the last has gone. Used by `aoe-exporter.ts`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { LEAST_MTU } from "../aoe/config.js";
import { Registry } from "../aoe/registry.js";
import { REJECT_REASONS, TargetStats } from "../aoe/stats.js";
import { AoeTarget } from "../aoe/target.js";
import { systemClock } from "../clock.js";
import type { Departures } from "../departures.js";
import type { Link } from "../link/link.js";
import { type LinkHelpers, openLink } from "../link/open.js";
import type { Log } from "../log.js";
import type { Pump } from "../pump.js";
import { AOE_DEFAULTS } from "../spec/keys.js";
import type { LinkSpec, NetifSpec } from "../spec/spec.js";
import { counted } from "../text.js";
import { formatMac } from "../wire/mac.js";
import { RivalLog } from "./rival-log.js";

/** How long answers under way have to leave, on the way out. */
const DRAIN_MS = 200;
const DRAIN_POLL_MS = 5;

/** A link, what is served on it, and who serves it. */
export interface Outlet {
	readonly key: string;
	readonly link: Link;
	readonly registry: Registry;
	readonly target: AoeTarget;
	readonly stats: TargetStats;
	readonly rivals: RivalLog;
	/** How it works, for all that is served on it. */
	readonly pollUs: number;
	readonly xdp: boolean;
	/** Exports that want it. */
	users: number;
	/** Frames that all of them may have under way. */
	framesInFlight: number;
	/** Its target receives. */
	started: boolean;
	/** What is claimed is served. */
	serving: boolean;
}

export interface OutletsOptions {
	readonly pump: Pump;
	readonly log: Log;
	readonly version: string;
	readonly departures: Departures;
	readonly helpers?: LinkHelpers;
	/** Other processes of ours serve on the same links. */
	readonly isShared?: boolean;
}

export class Outlets {
	readonly #options: OutletsOptions;
	readonly #outlets = new Map<string, Outlet>();
	/** Those that are being opened or closed, which whoever wants one has to wait for. */
	readonly #changing = new Map<string, Promise<unknown>>();

	constructor(options: OutletsOptions) {
		this.#options = options;
	}

	all(): Iterable<Outlet> {
		return this.#outlets.values();
	}

	/**
	 * For an export, until `giveBack`. Throws an OperatorError if there is no such link.
	 * @param key of the link, as `linkKey` has it
	 * @param framesInFlight that it may have under way; `planned`: and those that are to come with it, together
	 */
	async take(
		key: string,
		netif: NetifSpec,
		framesInFlight: number,
		planned: number,
		spec?: LinkSpec,
	): Promise<Outlet> {
		for (let other = this.#changing.get(key); other !== undefined; other = this.#changing.get(key))
			await other.catch(() => {});
		const known = this.#outlets.get(key);
		const outlet = known ?? (await this.#meanwhile(key, this.#open(key, netif, planned, spec)));
		outlet.users += 1;
		// For all that are to come: not in steps.
		outlet.link.makeRoom(outlet.framesInFlight + planned);
		outlet.framesInFlight += framesInFlight;
		return outlet;
	}

	/** Closes it if no other export wants it, when what is under way has been answered, or after `limitMs`. */
	async giveBack(outlet: Outlet, framesInFlight: number, limitMs = DRAIN_MS): Promise<void> {
		outlet.users -= 1;
		outlet.framesInFlight -= framesInFlight;
		if (outlet.users > 0) return;
		this.#outlets.delete(outlet.key);
		await this.#meanwhile(outlet.key, this.#close(outlet, limitMs));
	}

	/** So many more frames may be under way, or fewer. */
	resize(outlet: Outlet, more: number): void {
		outlet.framesInFlight += more;
		outlet.link.makeRoom(outlet.framesInFlight);
	}

	async #meanwhile<T>(key: string, change: Promise<T>): Promise<T> {
		this.#changing.set(key, change);
		try {
			return await change;
		} finally {
			if (this.#changing.get(key) === change) this.#changing.delete(key);
		}
	}

	async #open(key: string, netif: NetifSpec, framesInFlight: number, spec?: LinkSpec): Promise<Outlet> {
		const { pump, log, version, departures, helpers, isShared = false } = this.#options;
		// As `openLink` has it without a spec.
		const { pollUs = AOE_DEFAULTS.poll_us, xdp = false } = spec ?? {};
		const link = await openLink(
			netif,
			pump,
			{
				framesInFlight,
				pollUs,
				xdp,
				leastMtu: LEAST_MTU,
				log: (message, level = "warn") => log[level](message),
			},
			helpers,
		);
		const registry = new Registry();
		const stats = new TargetStats();
		const rivals = new RivalLog(link.name, log);
		const target = new AoeTarget({
			link,
			registry,
			stats,
			departures,
			firmwareVersion: firmwareNumber(version),
			isShared,
			ownMacs: () => new Set([...this.#outlets.values()].map((outlet) => outlet.link.mac)),
			onConflict: (blade, mac) => rivals.conflict(blade, formatMac(mac)),
			onSilenced: (blade, mac, why) => rivals.silenced(blade, formatMac(mac), why),
			onServedAgain: (blade, mac) => rivals.servedAgain(blade, formatMac(mac)),
		});
		const parts = { key, link, pollUs, xdp, registry, target, stats, rivals, users: 0, framesInFlight: 0 };
		const outlet: Outlet = { ...parts, started: false, serving: false };
		this.#outlets.set(key, outlet);
		return outlet;
	}

	async #close({ target, link, rivals }: Outlet, limitMs: number): Promise<void> {
		target.stop();
		const { now } = systemClock;
		for (const endMs = now() + limitMs; target.inFlight > 0 && now() < endMs; ) await sleep(DRAIN_POLL_MS);
		this.#options.pump.run();
		await Promise.race([link.close(), sleep(DRAIN_MS)]);
		rivals.close();
	}

	/** What has been counted, a line each. */
	report(): string[] {
		return [...this.#outlets.values()].flatMap(reportOf);
	}
}

function reportOf({ link, stats, registry, target }: Outlet): string[] {
	const { name, status } = link;
	const { framesIn, framesOut, droppedIn, droppedOut } = link.stats;
	return [
		`${name}: ${status}`,
		`${name}: frames in ${framesIn}, out ${framesOut}, dropped in ${droppedIn}, out ${droppedOut}`,
		...stats.rejections().map(([why, count]) => `${name}: ${counted(count, "frame")} ${REJECT_REASONS[why]}`),
		`${name}: ${counted(registry.size, "blade")} served`,
		...[...target.contests()].map(({ blade, mac, silentSince }) =>
			silentSince === undefined
				? `${blade.name}: served on ${name}, where ${formatMac(mac)} answers for it, too`
				: `${blade.name}: silent on ${name}, for ${formatMac(mac)} answers there since ${silentSince.toISOString()}`,
		),
	];
}

/** The version as the 16 bits of a config response: major in the high byte, minor in the low one. */
function firmwareNumber(version: string): number {
	const [major = 0, minor = 0] = version.split(".").map(Number);
	return ((major & 0xff) << 8) | (minor & 0xff);
}
