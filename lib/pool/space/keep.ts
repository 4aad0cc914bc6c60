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
}

/** What a schedule asks for now, of a volume with snapshots that are called so. */
export function due(schedule: Schedule, names: readonly string[], nowUs: number): Due {
	const now = Math.floor(nowUs / SECOND_US);
	const made = names
		.map((name) => ({ name, time: timeOf(name) ?? Number.NaN }))
		.filter(({ time }) => time <= now)
		.sort((a, b) => a.time - b.time);
	const kept = new Set<string>();
	let isMissing = false;
	for (const period of PERIODS) {
		const forSeconds = schedule[period] ?? 0;
		if (forSeconds === 0) continue;
		const length = LENGTHS[period];
		let last = Number.NaN;
		for (const { name, time } of made) {
			const isFirst = Math.floor(time / length) !== last;
			last = Math.floor(time / length);
			if (isFirst && now - time <= forSeconds) kept.add(name);
		}
		// (One that is later was made before the clock was set back.)
		isMissing ||= !names.some(
			(name) => Math.floor((timeOf(name) ?? Number.NaN) / length) === Math.floor(now / length),
		);
	}
	const forget = made.map(({ name }) => name).filter((name) => !kept.has(name));
	return isMissing ? { make: scheduledName(nowUs), forget } : { forget };
}
