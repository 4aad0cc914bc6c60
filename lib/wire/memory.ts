/**
 * Memory that both JavaScript and the addon can reach: the bytes, and where they are. Receive rings, rooms for replies and
 * bounce buffers are all of this kind, so a request can be served by a device in either language.
 * Made by `lib/native.ts` and, where no addon is involved, by `heapMemory`.
 */

export interface Memory {
	readonly bytes: Uint8Array;
	/** The same bytes, for reading and writing several at once: for the hot path, where fields are taken by the word. */
	readonly view: DataView;
	/** Address of `bytes[0]` in this process; 0 where it is not known, and then only devices in JavaScript can use it. */
	readonly address: number;
}

/** Describes bytes that exist already. `address` is that of the first one, 0 if it is not known. */
export function memoryOf(bytes: Uint8Array, address: number): Memory {
	return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), address };
}

/** Memory of the JavaScript heap, without an address: for tests, simulations and links that need no addon. */
export function heapMemory(byteLength: number): Memory {
	return memoryOf(new Uint8Array(byteLength), 0);
}
