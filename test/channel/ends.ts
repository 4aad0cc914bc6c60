/** What the tests of channels share: two ends of one, what has come to an end, and how many descriptors are open. */

import { fstatSync, openSync, readdirSync } from "node:fs";
import type { Test } from "tap";
import { Channel, type ChannelOptions, type ChannelUser } from "../../lib/channel/channel.js";
import type { Body, Passed } from "../../lib/channel/frames.js";
import { type ChannelHandle, native } from "../../lib/native.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";

/** Notes what comes; keeps descriptors only if `keep` says so. */
export class Notes implements ChannelUser {
	readonly bodies: Body[] = [];
	readonly kept: number[] = [];
	fileCount = 0;
	lost = 0;
	end: string | undefined;
	onMessage: ((body: Body) => void) | undefined;

	constructor(readonly keep = false) {}

	message(body: Body, files: Passed): void {
		this.bodies.push(body);
		this.fileCount += files.count;
		if (files.isLost) this.lost += 1;
		if (this.keep) this.kept.push(...files.take());
		this.onMessage?.(body);
	}

	ended(why: string): void {
		if (this.end !== undefined) throw new Error("ended twice");
		this.end = why;
	}

	/** Waits for so many messages. */
	async came(count: number): Promise<void> {
		await until(`${count} messages`, () => this.bodies.length >= count, LIMIT_MS);
	}

	async isOver(): Promise<string> {
		await until("the end", () => this.end !== undefined, LIMIT_MS);
		return this.end ?? "";
	}
}

export interface Ends {
	readonly near: Channel;
	readonly far: Channel;
	/** What came to each. */
	readonly atNear: Notes;
	readonly atFar: Notes;
}

export function ends(t: Test, options: ChannelOptions = {}, keep = false): Ends {
	const [one, other] = native.socketPair();
	const [atNear, atFar] = [new Notes(keep), new Notes(keep)];
	const near = new Channel(one, atNear, options);
	const far = new Channel(other, atFar, options);
	t.teardown(() => {
		near.close();
		far.close();
	});
	return { near, far, atNear, atFar };
}

/** A channel whose other end is in nobody's hands: whatever is to be sent there. */
export function halfRaw(t: Test, options: ChannelOptions = {}): { near: Channel; atNear: Notes; raw: Raw } {
	const [one, other] = native.socketPair();
	const atNear = new Notes();
	const near = new Channel(one, atNear, options);
	const raw = new Raw(native.channelOpen(other, () => {}));
	t.teardown(() => {
		near.close();
		raw.close();
	});
	return { near, atNear, raw };
}

export class Raw {
	constructor(readonly handle: ChannelHandle) {}

	send(bytes: Uint8Array, files: readonly number[] = []): number {
		return native.channelSend(this.handle, bytes, Int32Array.from(files));
	}

	close(): void {
		native.channelClose(this.handle);
	}
}

export function openDescriptors(): number {
	return readdirSync("/proc/self/fd").length;
}

/** A descriptor of its own of this file. */
export function descriptor(): number {
	return openSync("/dev/null", "r");
}

export function isSameFile(one: number, other: number): boolean {
	const [a, b] = [fstatSync(one), fstatSync(other)];
	return a.dev === b.dev && a.ino === b.ino;
}
