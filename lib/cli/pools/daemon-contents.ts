/**
 * What volumes of a running daemon hold, or held: asked by its API, as a device that can only be read; and such as are being filled, which can be
 * written, too. Used by `daemon-place.ts`.
 */

import type { z } from "zod";
import { type BlockDevice, type DeviceInfo, deviceInfo, refuse } from "../../block/device.js";
import { addExtent, ExtentFlag } from "../../block/extents.js";
import { BlockOp, type BlockRequest } from "../../block/request.js";
import {
	Nothing,
	VolumeAbout,
	VolumeChanges,
	VolumeRuns,
	WRITTEN_BYTES_MAX,
	type WrittenPieces,
} from "../../control/model.js";
import { FailedError, StorageStatus, unreachable } from "../../errors.js";
import { queryOf } from "../asking/asking.js";
import { AskError, type DaemonClient } from "../asking/client.js";
import type { Contents } from "./contents.js";

export function contentsOf(pool: string, daemon: DaemonClient, failures: Failures): Contents {
	const at = (name: string): string => `/api/v1/volumes/${encodeURIComponent(`${pool}/${name}`)}`;
	/** By name: what it stood for when it was first asked about. */
	const ids = new Map<string, string>();
	const about = async (text: string) => {
		const found = await daemon.get(`${at(text)}/about`, VolumeAbout);
		const name = found.name.slice(pool.length + 1);
		if (!ids.has(name)) ids.set(name, found.id);
		return { ...found, name };
	};
	return {
		async about(text) {
			const { name, pageBytes, id } = await about(text);
			return { name, pageBytes, id };
		},
		async open(text) {
			const { name, sizeBytes } = await about(text);
			return new DaemonVolume(daemon, at(name), sizeBytes, failures, ids.get(name));
		},
		async *changes(before, after, begin) {
			for (let offset = begin; ; ) {
				const query = queryOf({ before, id: ids.get(after), before_id: ids.get(before), offset });
				const { ranges } = await daemon.get(`${at(after)}/changes?${query}`, VolumeChanges);
				yield* ranges;
				const last = ranges.at(-1);
				if (last === undefined) return;
				offset = last.offsetBytes + last.lengthBytes;
			}
		},
	};
}

/** One that is being filled. */
export function openDaemonVolume(
	daemon: DaemonClient,
	at: string,
	sizeBytes: number,
	failures: Failures,
): BlockDevice {
	return new DaemonVolume(daemon, at, sizeBytes, failures);
}

class DaemonVolume implements BlockDevice {
	readonly info: DeviceInfo;
	readonly #underWay = new Set<Promise<void>>();

	constructor(
		readonly daemon: DaemonClient,
		readonly at: string,
		sizeBytes: number,
		readonly failures: Failures,
		/** Of what is read and not written. */
		readonly id?: string,
	) {
		this.info = deviceInfo({ sizeBytes, readOnly: id !== undefined, knowsExtents: true });
	}

	submit(request: BlockRequest): void {
		const refusal = refuse(this.info, request);
		if (refusal !== undefined) {
			request.complete(refusal);
			return;
		}
		const done = this.#carryOut(request).then(
			() => request.complete(StorageStatus.ok),
			(error: unknown) => {
				if (!(error instanceof AskError)) throw error;
				this.failures.note(error);
				request.complete(StorageStatus.mediumError);
			},
		);
		this.#underWay.add(done);
		void done.finally(() => this.#underWay.delete(done));
	}

	#carryOut(request: BlockRequest): Promise<void> {
		const { op, offsetBytes, lengthBytes, memory } = request;
		switch (op) {
			case BlockOp.read:
				return this.#read(request);
			case BlockOp.extents:
				return this.#tellExtents(request);
			case BlockOp.write:
				return this.#write(memory.bytes, offsetBytes, lengthBytes);
			case BlockOp.writeZeroes:
				return this.#send([{ offsetBytes, lengthBytes }], false);
			case BlockOp.flush:
				return this.#send([], true);
			case BlockOp.trim:
				return Promise.resolve();
			default:
				return unreachable(op);
		}
	}

	async #read({ offsetBytes: offset, lengthBytes: length, memory }: BlockRequest): Promise<void> {
		memory.bytes.set(await this.daemon.bytes(`${this.at}/data?${queryOf({ offset, length, id: this.id })}`));
	}

	async #tellExtents(request: BlockRequest): Promise<void> {
		const query = queryOf({ offset: request.offsetBytes, length: request.lengthBytes, id: this.id });
		const { runs } = await this.daemon.get(`${this.at}/runs?${query}`, VolumeRuns);
		for (const { kind, lengthBytes: length } of runs)
			if (!addExtent(request, length, kind === "hole" ? ExtentFlag.zero : 0)) return;
	}

	/** (The memory is the caller's again when the request is complete.) */
	async #write(bytes: Uint8Array, offsetBytes: number, lengthBytes: number): Promise<void> {
		for (let at = 0; at < lengthBytes; at += WRITTEN_BYTES_MAX) {
			const piece = Buffer.from(bytes.subarray(at, Math.min(lengthBytes, at + WRITTEN_BYTES_MAX)));
			const data = piece.toString("base64");
			await this.#send([{ offsetBytes: offsetBytes + at, lengthBytes: piece.length, data }], false);
		}
	}

	async #send(pieces: z.output<typeof WrittenPieces>["pieces"], sync: boolean): Promise<void> {
		const body = { pieces, sync } satisfies z.output<typeof WrittenPieces>;
		await this.daemon.send("POST", `${this.at}/data`, Nothing, { body });
	}

	setWriteCache(): boolean {
		return false;
	}

	cancel(): void {}

	listen(): () => void {
		return () => {};
	}

	/** After what has been asked for: a write that came later would have it opened again. */
	async close(): Promise<"closed"> {
		await Promise.all(this.#underWay);
		if (!this.info.readOnly) await this.daemon.send("POST", `${this.at}/release`, Nothing, { body: {} });
		return "closed";
	}
}

/** Why a device of a daemon could not be read, in the daemon's words; else what is thrown. */
export class Failures {
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
