/** What the block suite is told of a device, and what it asks of a test runner. */

import type { BlockDevice } from "../block/device.js";
import type { Pump } from "../pump.js";
import type { Memory } from "../wire/memory.js";

export interface BlockAssertions {
	equal(found: unknown, wanted: unknown, message: string): unknown;
	ok(value: unknown, message: string): unknown;
	/** Deep equality. */
	same(found: unknown, wanted: unknown, message: string): unknown;
}

export interface BlockSuiteOptions {
	/** Makes the device in its read-only form, all zeros, if it has one. */
	readonly makeReadOnly?: () => BlockDevice | Promise<BlockDevice>;
	/** What drains the device's queue. Without one, `submit` itself must have taken a write's bytes. */
	readonly pump?: Pump;
	/** Memory for requests: a device in C needs some with an address. The heap's, unless said. */
	readonly allocate?: (byteLength: number) => Memory;
	/** The bytes at an address that a read was answered with. Without it, no read may borrow. */
	readonly borrowed?: (address: number, lengthBytes: number) => Uint8Array;
	/** The device promises that overlapping requests take effect in order of arrival. */
	readonly ordered?: boolean;
	/** For the random operations. Another one each time, unless said; printed with each test. */
	readonly seed?: number;
	/**
	 * Waits for a promise (a virtual clock has to be told to go on). Unless said, for ten seconds at most.
	 */
	readonly wait?: <T>(promise: Promise<T>) => Promise<T>;
}
