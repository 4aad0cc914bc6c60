/**
 * What volumes of a running daemon hold, or held: asked by its API, as a device that can only be read. Loaded by `reading.ts`.
 */

import { type BlockDevice, type DeviceInfo, deviceInfo, refuse } from "../../block/device.js";
import { addExtent, ExtentFlag } from "../../block/extents.js";
import { BlockOp, type BlockRequest } from "../../block/request.js";
import { VolumeAbout, VolumeChanges, VolumeRuns } from "../../control/model.js";
import { FailedError, StorageStatus } from "../../errors.js";
import { queryOf, withDaemon } from "../asking/asking.js";
import { AskError, type DaemonClient } from "../asking/client.js";
import type { Output } from "../client.js";
import type { Contents } from "./contents.js";

/** Resolves to the exit status. */
export function withDaemonContents(
	pool: string,
	socket: string,
	output: Output,
	work: (contents: Contents) => Promise<void>,
): Promise<number> {
	return withDaemon(socket, output, async (daemon) => {
		const failures = new Failures();
		await failures.instead(work(contentsOf(pool, daemon, failures)));
		return 0;
	});
}

function contentsOf(pool: string, daemon: DaemonClient, failures: Failures): Contents {
	const at = (name: string): string => `/api/v1/volumes/${encodeURIComponent(`${pool}/${name}`)}`;
	const about = (name: string) => daemon.get(`${at(name)}/about`, VolumeAbout);
	return {
		async about(text) {
			const { name, pageBytes, id } = await about(text);
			return { name: name.slice(pool.length + 1), pageBytes, id };
		},
		async open(name) {
			const { sizeBytes } = await about(name);
			return new DaemonVolume(daemon, at(name), sizeBytes, failures);
		},
		async *changes(before, after, begin) {
			for (let offset = begin; ; ) {
				const query = queryOf({ before, offset });
				const { ranges } = await daemon.get(`${at(after)}/changes?${query}`, VolumeChanges);
				yield* ranges;
				const last = ranges.at(-1);
				if (last === undefined) return;
				offset = last.offsetBytes + last.lengthBytes;
			}
		},
	};
}

class DaemonVolume implements BlockDevice {
	readonly info: DeviceInfo;

	constructor(
		readonly daemon: DaemonClient,
		readonly at: string,
		sizeBytes: number,
		readonly failures: Failures,
	) {
		this.info = deviceInfo({ sizeBytes, readOnly: true, knowsExtents: true });
	}

	submit(request: BlockRequest): void {
		const refusal = refuse(this.info, request);
		if (refusal !== undefined) request.complete(refusal);
		else
			this.#carryOut(request).then(
				() => request.complete(StorageStatus.ok),
				(error: unknown) => {
					if (!(error instanceof AskError)) throw error;
					this.failures.note(error);
					request.complete(StorageStatus.mediumError);
				},
			);
	}

	async #carryOut(request: BlockRequest): Promise<void> {
		const { op, offsetBytes, lengthBytes } = request;
		const query = queryOf({ offset: offsetBytes, length: lengthBytes });
		if (op === BlockOp.read) request.memory.bytes.set(await this.daemon.bytes(`${this.at}/data?${query}`));
		if (op !== BlockOp.extents) return;
		const { runs } = await this.daemon.get(`${this.at}/runs?${query}`, VolumeRuns);
		for (const { kind, lengthBytes: length } of runs)
			if (!addExtent(request, length, kind === "hole" ? ExtentFlag.zero : 0)) return;
	}

	setWriteCache(): boolean {
		return false;
	}

	cancel(): void {}

	listen(): () => void {
		return () => {};
	}

	async close(): Promise<"closed"> {
		return "closed";
	}
}

/** Why a device of a daemon could not be read, in the daemon's words; else what is thrown. */
class Failures {
	#first: Error | undefined;

	note(error: Error): void {
		this.#first ??= error;
	}

	/** Throws what has been noted in place of what came of it. */
	async instead<T>(work: Promise<T>): Promise<T> {
		try {
			return await work;
		} catch (error) {
			throw error instanceof FailedError && this.#first !== undefined ? this.#first : error;
		}
	}
}
