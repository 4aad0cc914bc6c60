/**
 * Frames that are lost on this machine: at the device's ring, at the interface, in the kernel's backlog, at the sockets of a running
 * daemon. Looks twice, a second apart: what grows is worse than what has been.
 */

import type { InterfaceInfo } from "../link/interfaces.js";
import { counted } from "../text.js";
import { nameOf } from "./ask.js";
import { type Check, type Finding, note, ok, warn } from "./check.js";
import type { Json } from "./daemon.js";
import type { Machine } from "./machine.js";

const APART_MS = 1000;

/** Counters of an interface that should not count, by what they tell. */
const COUNTERS: readonly {
	readonly names: readonly string[];
	readonly where: string;
	readonly mend: string;
}[] = [
	{
		names: ["rx_missed_errors", "rx_fifo_errors", "rx_over_errors"],
		where: "lost because the device's ring was full",
		mend: "a larger ring: ethtool -G; or spread initiators over more interfaces",
	},
	{
		names: ["rx_crc_errors", "rx_frame_errors", "rx_length_errors"],
		where: "damaged when they arrived",
		mend: "another cable, transceiver or port",
	},
	{
		names: ["rx_dropped"],
		where: "dropped by the kernel after they had arrived",
		mend: "look at net.core.netdev_max_backlog",
	},
	{
		names: ["tx_dropped"],
		where: "dropped on their way out",
		mend: "a longer queue: ip link set txqueuelen",
	},
	{
		names: ["tx_errors", "tx_carrier_errors", "tx_fifo_errors", "collisions"],
		where: "not sent for an error of the device",
		mend: "look at the cable, and at both ends' speed and duplex",
	},
];

/** What was counted at one time, by its name. */
type Counts = ReadonlyMap<string, number>;

export const drops: Check = {
	name: "drops",
	limitMs: 10_000,
	async run({ machine, interfaces, daemon, servers }) {
		const before = countsOf(machine, interfaces);
		await new Promise((resolve) => setTimeout(resolve, APART_MS));
		const found = lost(interfaces, before, countsOf(machine, interfaces));
		const sockets = daemon === undefined ? [] : await ofLinks(daemon.answers.links);
		if (daemon === undefined && servers.length > 0)
			sockets.push(
				note(
					"drops at the sockets of a server that was started by itself are known to it alone",
					undefined,
					`kill -USR1 ${servers[0]?.pid} has it log them`,
				),
			);
		return [...found, ...sockets];
	},
};

function countsOf(machine: Machine, interfaces: readonly InterfaceInfo[]): Counts {
	const counts = new Map<string, number>();
	for (const info of interfaces)
		for (const name of COUNTERS.flatMap(({ names }) => names))
			counts.set(
				`${nameOf(info)} ${name}`,
				machine.number(`/sys/class/net/${nameOf(info)}/statistics/${name}`) ?? 0,
			);
	counts.set("backlog", backlogDrops(machine));
	return counts;
}

/** Frames that no processor's backlog had room for: the second number of each line, in hexadecimal. */
function backlogDrops(machine: Machine): number {
	return machine
		.lines("/proc/net/softnet_stat")
		.reduce((sum, line) => sum + (Number.parseInt(line.split(/\s+/)[1] ?? "0", 16) || 0), 0);
}

function lost(interfaces: readonly InterfaceInfo[], before: Counts, now: Counts): Finding[] {
	const found: Finding[] = [];
	const tell = (what: string, keys: readonly string[], where: string, mend: string): void => {
		const sum = (counts: Counts): number => keys.reduce((total, key) => total + (counts.get(key) ?? 0), 0);
		const grown = sum(now) - sum(before);
		if (grown > 0)
			found.push(
				warn(
					`${what}${counted(grown, "frame")} in the last second were ${where}`,
					`${sum(now)} since it is there`,
					mend,
				),
			);
		else if (sum(now) > 0)
			found.push(
				note(
					`${what}${counted(sum(now), "frame")} were ${where}`,
					"since it is there; none in the last second",
					mend,
				),
			);
	};
	for (const info of interfaces)
		for (const { names, where, mend } of COUNTERS)
			tell(
				`${nameOf(info)}: `,
				names.map((name) => `${nameOf(info)} ${name}`),
				where,
				mend,
			);
	tell(
		"",
		["backlog"],
		"dropped because a processor's backlog was full",
		"sysctl net.core.netdev_max_backlog=5000",
	);
	return found.length > 0 ? found : [ok("no frame was lost at a ring, at an interface or in the backlog")];
}

/** What the daemon has not carried out, link by link, by reason. */
async function ofLinks(answer: Json | undefined): Promise<Finding[]> {
	const { LinkList } = await import("../control/model.js");
	const { data } = LinkList.safeParse(answer);
	return (data?.links ?? []).flatMap(({ name, worker, dropped }) => {
		const sum = Object.values(dropped).reduce((total, count) => total + count, 0);
		if (sum === 0) return [];
		const reasons = Object.entries(dropped)
			.sort(([, a], [, b]) => b - a)
			.map(([reason, count]) => `${count} ${data?.reasons[reason] ?? reason}`);
		return [
			note(`${name}: ${counted(sum, "frame")} were not carried out by worker ${worker}`, reasons.join("; ")),
		];
	});
}
