/**
 * Work that goes through all of a volume, a stretch at a time, so that whoever asks knows how far it is and can leave off: every page compared
 * with its checksum. Used by `worker-volumes.ts`.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { FailedError, OperatorError } from "../errors.js";
import { DATA_EXTENT_BYTES } from "../image/extent.js";
import { changedRanges } from "../pool/changed-ranges.js";
import type { Pool } from "../pool/pool.js";
import { DeviceReader } from "../send/device.js";
import type { OpenCopy } from "./open-copy.js";
import type { VolumeQuestion } from "./worker-messages.js";

/** Data of one stretch, and parts that it consists of. */
const STRETCH_BYTES = 16 * 1024 * 1024;
const STRETCH_PARTS = 512;
/** That are told of one stretch. */
const FINDINGS_MAX = 100;

export interface Stretch {
	/** Where the next one begins. */
	readonly reachedBytes: number;
	readonly findings: readonly { readonly offsetBytes: number; readonly what: string }[];
}

type Found = { offsetBytes: number; what: string };

/** What is found of one stretch: of a pool a disk of which is missing, pages that follow each other are one range, for they may be many. */
class Findings {
	readonly all: Found[] = [];
	readonly #inRanges: boolean;
	#rangeEnd = -1;

	constructor(inRanges: boolean) {
		this.#inRanges = inRanges;
	}

	/** A page, or the last part of one, that can't be read. */
	add(begin: number, end: number, what: string): void {
		const last = this.#inRanges && this.#rangeEnd === begin ? this.all.pop() : undefined;
		const offsetBytes = last?.offsetBytes ?? begin;
		this.#rangeEnd = end;
		const told = this.#inRanges ? `${end - offsetBytes} bytes can't be read` : what;
		this.all.push({ offsetBytes, what: told });
	}

	/** What is told of it. */
	get first(): readonly Found[] {
		return this.all.slice(0, FINDINGS_MAX);
	}
}

interface Part {
	readonly offsetBytes: number;
	readonly lengthBytes: number;
	readonly hasData: boolean;
}

type About<Ask> = Extract<VolumeQuestion, { readonly ask: Ask }>;

/** If what was looked at before is not there any more by its name, or this is not, all of it is looked at. */
export async function verify(copy: OpenCopy, pool: Pool, asked: About<"verify">): Promise<Stretch> {
	const question = isComparable(copy, pool, asked) ? asked : { ...asked, before: undefined };
	if (question.doPages) pool.readings.askAll(question.offsetBytes === 0 && question.before === undefined);
	const { sizeBytes } = copy.device.info;
	const findings = new Findings(pool.space.disks?.states.some(({ state }) => state === "missing") ?? false);
	let [doneBytes, parts, reachedBytes] = [0, 0, question.offsetBytes];
	try {
		for await (const { offsetBytes, lengthBytes, hasData } of partsFrom(copy, pool, question)) {
			const doPages = question.doPages && hasData;
			const end = Math.min(sizeBytes, offsetBytes + lengthBytes);
			for (let at = offsetBytes; at < end; at = reachedBytes) {
				reachedBytes = doPages ? Math.min(end, at + DATA_EXTENT_BYTES) : end;
				if (doPages) await findUnreadable(copy, at, reachedBytes, findings);
				doneBytes += doPages ? reachedBytes - at : 0;
				if (doneBytes >= STRETCH_BYTES || ++parts >= STRETCH_PARTS)
					return { reachedBytes, findings: findings.first };
			}
		}
	} catch (error) {
		// Where its pages are can't be read from there on.
		if (!(error instanceof FailedError || error instanceof OperatorError)) throw error;
		if (question.before !== undefined && !isComparable(copy, pool, question)) {
			const rest = await verify(copy, pool, { ...question, offsetBytes: reachedBytes });
			return { ...rest, findings: [...findings.first, ...rest.findings].slice(0, FINDINGS_MAX) };
		}
		findings.all.push({ offsetBytes: reachedBytes, what: error.message });
	}
	return { reachedBytes: sizeBytes, findings: findings.first };
}

/** Whether what is told by names is of these: either may have been removed, and made anew. */
function isComparable(copy: OpenCopy, pool: Pool, { before, beforeId }: About<"verify">): boolean {
	if (before === undefined) return false;
	try {
		const id = pool.readings.contentId(before);
		return copy.id === copy.idNow && id === (beforeId ?? id);
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		return false;
	}
}

/**
 * Where there is data, and stretches of holes, which count as parts although there is nothing to look at: a volume may be holes for
 * petabytes. If another one was looked at before, where there is other data than there.
 */
async function* partsFrom(
	{ device, name }: OpenCopy,
	pool: Pool,
	{ offsetBytes, before }: About<"verify">,
): AsyncGenerator<Part> {
	if (before === undefined) {
		for await (const { kind, ...run } of new DeviceReader(device, name).runs(
			offsetBytes,
			device.info.sizeBytes,
		)) {
			await nextTurn();
			yield { ...run, hasData: kind === "data" };
		}
		return;
	}
	for await (const range of changedRanges(pool, before, name, offsetBytes))
		if (range.offsetBytes < device.info.sizeBytes) yield { ...range, hasData: true };
}

/** Pages of a piece that can't be read. */
async function findUnreadable(copy: OpenCopy, begin: number, end: number, findings: Findings): Promise<void> {
	if ((await whyNot(copy, begin, end - begin)) === undefined) return;
	const { pageBytes } = copy;
	for (let at = begin; at < end; at += pageBytes) {
		const pageEnd = Math.min(end, at + pageBytes);
		const what = await whyNot(copy, at, pageEnd - at);
		if (what !== undefined) findings.add(at, pageEnd, what);
	}
}

async function whyNot(copy: OpenCopy, offsetBytes: number, lengthBytes: number): Promise<string | undefined> {
	try {
		await copy.verify(offsetBytes, lengthBytes);
		return undefined;
	} catch (error) {
		if (error instanceof OperatorError) return error.message;
		throw error;
	}
}
