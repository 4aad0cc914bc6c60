/**
 * Measures what `object-figures.ts` wants, in a network namespace that it has been started in: one line of JSON for each figure, lines that begin with `- ` for
 * what is being done, others for what failed.
 */

import { measureBytes } from "./object-bytes.js";
import { measureClones } from "./object-clone.js";
import type { ObjectFound, ObjectTask } from "./object-figures.js";
import { measureLoads } from "./object-loads.js";
import { measureReplicas } from "./object-replica.js";
import { type Measuring, type MeasuringAlone, startServices } from "./object-stage.js";
import { measureTakeovers } from "./object-takeover.js";

interface Part {
	readonly keys: readonly string[];
	readonly act: (on: MeasuringAlone) => Promise<void>;
}

const PARTS: readonly Part[] = [
	{ keys: ["durable d16", "rate", "rate flush", "flush", "upload"], act: withServices(measureLoads) },
	{ keys: ["clone", "clone share", "clone trace"], act: withServices(measureClones) },
	{ keys: ["bytes"], act: withServices(measureBytes) },
	{ keys: ["takeover", "handover", "handover pause"], act: withServices(measureTakeovers) },
	{ keys: ["replica", "replica memory", "replica cross"], act: measureReplicas },
];

function withServices(act: (on: Measuring) => Promise<void>): Part["act"] {
	return async (on) => {
		const services = await startServices();
		try {
			await act({ ...on, services });
		} finally {
			await services.stop();
		}
	};
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(task: ObjectTask): Promise<void> {
	const found = new Map<string, { values: number[]; notes: string[] }>();
	const wants = (key: string): boolean => task.keys.includes(`objects ${key}`);
	const attempt = async (keys: readonly string[], act: () => Promise<void>): Promise<void> => {
		if (!keys.some(wants)) return;
		await act().catch((error: unknown) =>
			say(`objects ${keys.join()}: ${String(error)}`.replaceAll("\n", " ")),
		);
	};
	for (const { keys, act } of PARTS)
		await attempt(keys, async () => {
			try {
				await act({
					task,
					wants,
					add: (key, value, note) => {
						const each = found.get(key) ?? { values: [], notes: [] };
						found.set(key, each);
						each.values.push(value);
						each.notes.push(note);
					},
					progress: (text) => say(`- ${text}`),
					attempt,
				});
			} finally {
				for (const [key, { values, notes }] of found)
					say(
						JSON.stringify({ key: `objects ${key}`, values, note: notes.at(-1) ?? "" } satisfies ObjectFound),
					);
			}
		});
}

await main(JSON.parse(process.argv[2] ?? "") as ObjectTask);
