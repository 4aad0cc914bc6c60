/**
 * What pools in object stores and replicas come to (`--objects`), beside local pools and beside the store itself: real Swift and etcd on the same machine. All of it is
 * measured by a process of its own in a network namespace (`object-run.ts`), as these services have fixed ports. Called by `main.ts`.
 */

import path from "node:path";
import { Lan } from "../support/netns.js";
import { Program } from "../support/process.js";
import { type Figure, spread } from "./figures.js";
import type { Settings } from "./measure.js";
import type { About } from "./pool-values.js";

export const OBJECTS_MTU = 9000;
const LIMIT_MS = 3_600_000;

const about = (
	key: string,
	title: string,
	unit: About["unit"],
	kind: About["bound"]["kind"],
	value: number,
): About => ({ key: `objects ${key}`, title, unit, bound: { kind, value } });

export const OBJECT_FIGURES: readonly About[] = [
	about(
		"durable d16",
		'4 KiB durable write, depth 16, stable = "host", while uploading, against a local pool',
		"times",
		"at least",
		0.8,
	),
	about(
		"rate",
		"4 KiB durable random write, depth 16, while uploading, of 31,000/s (three times Ceph RBD, one OSD)",
		"times",
		"at least",
		1,
	),
	about(
		"rate flush",
		"the same, where a write is stable when it is flushed (durability = flush)",
		"times",
		"at least",
		1,
	),
	about("flush", 'flush with stable = "store", p50, of one PUT and one head write', "times", "at most", 1),
	about(
		"upload",
		"upload of a sequential write, of curl with as many PUTs at once",
		"times",
		"at least",
		0.7,
	),
	about("clone", "clone of a 2 GiB image, until a kernel has mounted it and read a file", "s", "at most", 3),
	about("clone share", "share of the image that was fetched for it", "%", "at most", 10),
	about(
		"clone trace",
		"second clone with boot trace, cold cache: time for what is read at boot, of the first one's",
		"times",
		"at most",
		0.5,
	),
	about(
		"bytes",
		"bytes stored after 10 snapshots with 1 % change each, of image plus changes",
		"times",
		"at most",
		1.15,
	),
	about("takeover", "takeover after kill -9, until the first write is answered", "s", "at most", 10),
	about(
		"handover",
		"planned handover, from the command until the other host has answered a write",
		"s",
		"at most",
		1,
	),
	about(
		"handover pause",
		"planned handover, from the last write that the one has answered until the first that the other has",
		"s",
		"at most",
		1,
	),
	about(
		"replica",
		"4 KiB durable write, depth 16, with a replica behind a line of 1 Mbit/s and 200 ms, against none",
		"times",
		"at least",
		0.95,
	),
	about(
		"replica memory",
		"memory that the worker has more then than without a replica",
		"MiB",
		"at most",
		64,
	),
	about(
		"replica cross",
		"two hosts with crosswise replicas, both writing, a core each: each against alone",
		"times",
		"at least",
		0.9,
	),
];

/** What the process that measures is told, and what it answers, a line each. */
export interface ObjectTask {
	readonly keys: readonly string[];
	readonly rounds: number;
	readonly seconds: number;
	/** The namespace of the client that `lan0` leads to. */
	readonly client: string;
}

export interface ObjectFound {
	readonly key: string;
	readonly values: readonly number[];
	readonly note: string;
}

/** Those that are wanted. What can't be measured says why. */
export async function objectFigures(
	keys: ReadonlySet<string>,
	{ rounds, seconds }: Settings,
	progress: (text: string) => void,
): Promise<Figure[]> {
	const wanted = OBJECT_FIGURES.filter(({ key }) => keys.has(key));
	if (wanted.length === 0) return [];
	const lan = new Lan({ mtu: OBJECTS_MTU });
	const found = new Map<string, ObjectFound>();
	try {
		lan.server.ip("link", "set", "lo", "up");
		const task: ObjectTask = { keys: wanted.map(({ key }) => key), rounds, seconds, client: lan.client.name };
		const script = path.join(import.meta.dirname, "object-run.js");
		const program = new Program([process.execPath, script, JSON.stringify(task)], {
			namespace: lan.server.name,
			onLine: (line) => {
				if (line.startsWith("{")) {
					const each = JSON.parse(line) as ObjectFound;
					found.set(each.key, each);
				} else if (line.startsWith("- ")) progress(line);
				else process.stderr.write(`${line}\n`);
			},
		});
		try {
			await program.finished(LIMIT_MS);
		} finally {
			await program.stop();
		}
	} finally {
		lan.remove();
	}
	return wanted.map((each): Figure => {
		const { values = [], note = "not measured" } = found.get(each.key) ?? {};
		return { ...each, against: "", value: values.length === 0 ? undefined : spread(values), note };
	});
}
