/**
 * What is kept of volumes' pasts, and how much they may hold: the values that files, commands and programs give, read and written. Used by
 * `schema.ts` and `lib/pool/`. Pure.
 */

import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { sizeBytes } from "./values.js";

/** How often a schedule makes snapshots. */
export const PERIODS = ["hourly", "daily", "weekly"] as const;
export type Period = (typeof PERIODS)[number];

/** By period: for how long, in seconds. */
export type Schedule = Partial<Readonly<Record<Period, number>>>;

/** How far back moments are kept of which nothing else is said, and what that may take. */
export const HISTORY_SECONDS = 3600;
export const HISTORY_SPACE: HistorySpace = { percent: 10 };

/** Of a volume; what is left out is as the pool has it, and there is no quota without one. */
export interface VolumeSettings {
	readonly historySeconds?: number;
	readonly keep?: Schedule;
	readonly quotaBytes?: number;
}

/** A share of the pool, or bytes. */
export type HistorySpace = { readonly percent: number } | { readonly bytes: number };

/** Of a pool: what holds for volumes of which nothing else is set. */
export interface PoolSettings {
	readonly historySeconds?: number;
	/** What all history may take, at most: the oldest goes first. */
	readonly historySpace?: HistorySpace;
	/** So much of it stays even if writes must be refused for it. */
	readonly historyMinSeconds?: number;
	readonly keep?: Schedule;
}

/** What is left out stays as it is; null takes it away. Of `keep` the same holds period by period. */
export interface SettingsChange {
	readonly historySeconds?: number | null;
	readonly keep?: { readonly [Each in Period]?: number | null | undefined } | null;
	readonly quotaBytes?: number | null;
}

export function changedSettings(settings: VolumeSettings, change: SettingsChange): VolumeSettings {
	const keep = change.keep && given({ ...settings.keep, ...change.keep });
	return given({ ...settings, ...change, ...(keep !== undefined && { keep }) }) as VolumeSettings;
}

/** Without what is taken away. */
function given(table: object): object {
	return Object.fromEntries(
		Object.entries(table).filter(([, value]) => value !== null && value !== undefined),
	);
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
/** Ten years. */
const SECONDS_MAX = 3650 * 86_400;

/** The seconds that `90s`, `1h`, `7d` or `0` mean. Throws an OperatorError. */
export function readDuration(what: string, text: string): number {
	const [, digits, unit = "s"] = /^([0-9]+)([smhd])$/.exec(text === "0" ? "0s" : text) ?? [];
	const seconds = Number(digits) * UNIT_SECONDS[unit]!;
	if (seconds <= SECONDS_MAX) return seconds;
	throw new OperatorError(
		`${what} ${quote(text)}: a time is allowed, such as 30m, 1h or 7d, at most 3650d; 0 is none`,
	);
}

/** Longest pause before a remote disk is asked again. */
const INTERVAL_SECONDS_MAX = 3600;

/** The seconds that `5s` or `1m` mean, at least one. Throws an OperatorError. */
export function readInterval(text: string): number {
	return readWait("interval", text);
}

/** For how many seconds a mirror waits for one of its disks. Throws an OperatorError. */
export function readDiskTimeout(text: string): number {
	return readWait("disk_timeout", text);
}

function readWait(name: string, text: string): number {
	const seconds = readDuration(name, text);
	if (seconds >= 1 && seconds <= INTERVAL_SECONDS_MAX) return seconds;
	throw new OperatorError(`${name} ${quote(text)}: from 1s to 1h is allowed`);
}

/** As it would be written. */
export function durationText(seconds: number): string {
	if (seconds === 0) return "0";
	const [unit = "s", length = 1] =
		Object.entries(UNIT_SECONDS)
			.reverse()
			.find(([, each]) => seconds % each === 0) ?? [];
	return `${seconds / length}${unit}`;
}

/** What `10%` or `20G` mean. Throws an OperatorError. */
export function readHistorySpace(text: string): HistorySpace {
	const [, percent] = /^([0-9]{1,3})%$/.exec(text) ?? [];
	if (percent !== undefined && Number(percent) <= 100) return { percent: Number(percent) };
	const bytes = sizeBytes(text);
	if (bytes !== undefined && percent === undefined) return { bytes };
	throw new OperatorError(
		`history_space ${quote(text)}: a share of the pool is allowed, as 10%, or a number, with K, M, G or T if it is more than bytes`,
	);
}

/** As it would be written. */
export function historySpaceText(space: HistorySpace): string {
	return "percent" in space ? `${space.percent}%` : String(space.bytes);
}

/** The bytes of a quota. Throws an OperatorError. */
export function readQuota(text: string): number {
	const bytes = sizeBytes(text);
	if (bytes !== undefined && bytes > 0) return bytes;
	throw new OperatorError(
		`quota ${quote(text)}: a number above 0 is allowed, with K, M, G or T if it is more than bytes`,
	);
}

/** By period, as it would be written. */
export type ScheduleText = Partial<Readonly<Record<Period, string>>>;

export function scheduleText(keep: Schedule): ScheduleText {
	return Object.fromEntries(Object.entries(keep).map(([period, seconds]) => [period, durationText(seconds)]));
}

/** What holds of a pool, as it would be written. */
export interface PoolSettingsText {
	readonly history: string;
	readonly historySpace: string;
	readonly historyMin: string;
	readonly keep: ScheduleText;
}

export function settingsText(settings: PoolSettings): PoolSettingsText {
	const { historySeconds = HISTORY_SECONDS, historySpace = HISTORY_SPACE } = settings;
	const { historyMinSeconds = 0, keep = {} } = settings;
	return {
		history: durationText(historySeconds),
		historySpace: historySpaceText(historySpace),
		historyMin: durationText(historyMinSeconds),
		keep: scheduleText(keep),
	};
}

/** Whether a value that was kept somewhere is one of these. */
export function areVolumeSettings(value: unknown): value is VolumeSettings {
	if (typeof value !== "object" || value === null) return false;
	const { historySeconds, keep, quotaBytes, ...others } = value as Record<string, unknown>;
	return (
		Object.keys(others).length === 0 &&
		isCountOrNothing(historySeconds) &&
		isCountOrNothing(quotaBytes) &&
		(keep === undefined || isSchedule(keep))
	);
}

/** The same of a pool. */
export function arePoolSettings(value: unknown): value is PoolSettings {
	if (typeof value !== "object" || value === null) return false;
	const { historySeconds, historySpace, historyMinSeconds, keep, ...others } = value as Record<
		string,
		unknown
	>;
	return (
		Object.keys(others).length === 0 &&
		isCountOrNothing(historySeconds) &&
		isCountOrNothing(historyMinSeconds) &&
		(historySpace === undefined || isHistorySpace(historySpace)) &&
		(keep === undefined || isSchedule(keep))
	);
}

function isHistorySpace(value: unknown): boolean {
	if (typeof value !== "object" || value === null || Object.keys(value).length !== 1) return false;
	const { percent, bytes } = value as Record<string, unknown>;
	return percent === undefined
		? bytes !== undefined && isCountOrNothing(bytes)
		: isCountOrNothing(percent) && Number(percent) <= 100;
}

function isSchedule(value: unknown): value is Schedule {
	if (typeof value !== "object" || value === null) return false;
	return Object.entries(value).every(
		([period, seconds]) => PERIODS.some((each) => each === period) && isCountOrNothing(seconds),
	);
}

function isCountOrNothing(value: unknown): boolean {
	return value === undefined || (Number.isSafeInteger(value) && Number(value) >= 0);
}
