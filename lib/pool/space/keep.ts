/**
 * Snapshots that are made and forgotten by a schedule, `keep = { hourly = "7d", daily = "30d" }`: one at the beginning of each hour, kept for
 * a week, and of each day for a month. The first one of an hour serves the day, too, if it is the day's first; so what has to be made
 * and what can go is found out of the times alone. Snapshots that somebody made himself, or holds, are none of its business. Pure: asked from time to time.
 */

import { PERIODS, type Period, type Schedule } from "../../spec/policy.js";

/** Periods in seconds; they begin at multiples of them since 1970, in UTC. Weeks begin on Thursdays, therefore, which nobody minds. */
const LENGTHS: Readonly<Record<Period, number>> = { hourly: 3_600, daily: 86_400, weekly: 604_800 };

/** What those that a schedule made are called: what they are of, to the second. */
const NAME = /^auto-(\d{4})-(\d{2})-(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;
const SECOND_US = 1e6;

export function scheduledName(timeUs: number): string {
	const text = new Date(Math.floor(timeUs / SECOND_US) * 1000).toISOString();
	return `auto-${text.slice(0, 19).replaceAll(":", "")}Z`;
}

/** Whether a schedule made one that is called so. */
export function isScheduled(name: string): boolean {
	return NAME.test(name);
}

/** When one was made that is called so; undefined if no schedule made it. */
function timeOf(name: string): number | undefined {
	const [, ...parts] = NAME.exec(name) ?? [];
	if (parts.length === 0) return undefined;
	const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number);
	return Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
}

export interface Due {
	/** The name of the one to be made now. */
	readonly make?: string;
	/** Those to be forgotten. */
	readonly forget: readonly string[];
	/** Before this nothing else is due. */
	readonly nextUs: number;
}

interface Made {
	readonly name: string;
	readonly time: number;
}

/** What a schedule asks for now, of a volume with snapshots that are called so. Found step by step: there may be thousands. */
export function* due(schedule: Schedule, names: readonly string[], nowUs: number): Generator<void, Due> {
	const now = Math.floor(nowUs / SECOND_US);
	const all: Made[] = [];
	for (const name of names) {
		const time = timeOf(name);
		if (time !== undefined) all.push({ name, time });
		yield;
	}
	const made = all.filter(({ time }) => time <= now).sort((a, b) => a.time - b.time);
	const kept = new Set<string>();
	let isMissing = false;
	let next = Number.POSITIVE_INFINITY;
	for (const period of PERIODS) {
		const forSeconds = schedule[period] ?? 0;
		if (forSeconds === 0) continue;
		const length = LENGTHS[period];
		let last = Number.NaN;
		for (const { name, time } of made) {
			yield;
			const isFirst = Math.floor(time / length) !== last;
			last = Math.floor(time / length);
			if (!isFirst || now - time > forSeconds) continue;
			kept.add(name);
			next = Math.min(next, time + forSeconds + 1);
		}
		const current = Math.floor(now / length);
		next = Math.min(next, (current + 1) * length);
		// (One that is later was made before the clock was set back.)
		isMissing ||= !all.some(({ time }) => Math.floor(time / length) === current);
	}
	const forget = made.map(({ name }) => name).filter((name) => !kept.has(name));
	const nextUs = next * SECOND_US;
	return isMissing ? { make: scheduledName(nowUs), forget, nextUs } : { forget, nextUs };
}
