/**
 * Memory that both JavaScript and the addon can reach: the bytes, and where they are. Receive rings, reply slots and
 * bounce buffers are all of this kind, so a request can be served by a device in either language.
 * Made by `lib/native.ts` and, where no addon is involved, by `heapMemory`.
 */

export interface Memory {
	readonly bytes: Uint8Array;
	/** Address of `bytes[0]` in this process; 0 where it is not known, and then only devices in JavaScript can use it. */
	readonly address: number;
}

/** Memory of the JavaScript heap, without an address: for tests, simulations and links that need no addon. */
export function heapMemory(byteLength: number): Memory {
	return { bytes: new Uint8Array(byteLength), address: 0 };
}
