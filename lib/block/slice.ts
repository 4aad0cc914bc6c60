/**
 * Part of a device as a device: `-o` and `-l` of the command line. Moves offsets on the way down and back on
 * the way up. Composed by `stack.ts`; everything above it knows nothing of what lies outside the slice.
 */

import { OperatorError, StorageStatus } from "../errors.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { type BlockDevice, type DeviceInfo, deviceInfo } from "./device.js";
import { DeviceLayer } from "./layer.js";
import type { Stall } from "./listeners.js";
import type { BlockRequest } from "./request.js";

export class SliceLayer extends DeviceLayer {
	#whole: DeviceInfo;
	#info: DeviceInfo;

	/**
	 * `offsetBytes` and `lengthBytes` are multiples of 512. Without a length the slice reaches to the end of
	 * the device and grows with it. Throws an OperatorError if the slice is empty, not of whole sectors or
	 * not all inside the device.
	 */
	constructor(
		device: BlockDevice,
		readonly offsetBytes: number,
		readonly lengthBytes?: number,
	) {
		super(device);
		this.#whole = device.info;
		checkSlice(this.#whole.sizeBytes, offsetBytes, lengthBytes);
		this.#info = this.#slice();
	}

	override get info(): DeviceInfo {
		if (this.device.info !== this.#whole) {
			this.#whole = this.device.info;
			this.#info = this.#slice();
		}
		return this.#info;
	}

	#slice(): DeviceInfo {
		const rest = this.#whole.sizeBytes - this.offsetBytes;
		const { logicalBlockBytes, physicalBlockBytes, trimAlignmentBytes, trimGranularityBytes } = this.#whole;
		const { atomicBytes, atomicUnitBytes } = this.#whole;
		const trimBegin = (trimAlignmentBytes - this.offsetBytes) % trimGranularityBytes;
		return deviceInfo({
			...this.#whole,
			sizeBytes: this.lengthBytes ?? rest - (rest % SECTOR_BYTES),
			logicalBlockBytes: commonAlignment(this.offsetBytes, logicalBlockBytes),
			physicalBlockBytes: commonAlignment(this.offsetBytes, physicalBlockBytes),
			atomicBytes: this.offsetBytes % atomicUnitBytes === 0 ? atomicBytes : 0,
			trimAlignmentBytes: trimBegin < 0 ? trimBegin + trimGranularityBytes : Math.abs(trimBegin),
		});
	}

	protected handle(request: BlockRequest): void {
		if (this.dealtWith(request)) return;
		request.offsetBytes += this.offsetBytes;
		if (request.ranges !== null) move(request.ranges, this.offsetBytes);
		request.push(this);
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.offsetBytes -= this.offsetBytes;
		if (request.ranges !== null) move(request.ranges, -this.offsetBytes);
		if (request.status !== StorageStatus.ok) request.failedOffsetBytes -= this.offsetBytes;
		request.resume();
	}

	override changed(): void {
		// A slice of fixed length has nothing to say about growth beyond its end.
		const before = this.#info.sizeBytes;
		if (this.info.sizeBytes !== before) super.changed();
	}

	override stalled(stall: Stall): void {
		super.stalled({ ...stall, offsetBytes: stall.offsetBytes - this.offsetBytes });
	}
}

function move(ranges: Float64Array, bytes: number): void {
	for (let i = 0; i < ranges.length; i += 2) ranges[i]! += bytes;
}

function checkSlice(sizeBytes: number, offsetBytes: number, lengthBytes: number | undefined): void {
	const isWhole = (bytes: number): boolean => Number.isSafeInteger(bytes) && bytes % SECTOR_BYTES === 0;
	if (!isWhole(offsetBytes) || offsetBytes < 0 || offsetBytes + SECTOR_BYTES > sizeBytes)
		throw new OperatorError(
			`offset ${offsetBytes} bytes must be a multiple of ${SECTOR_BYTES} inside the device, which has ${sizeBytes} bytes`,
		);
	if (lengthBytes === undefined) return;
	if (!isWhole(lengthBytes) || lengthBytes <= 0 || offsetBytes + lengthBytes > sizeBytes)
		throw new OperatorError(
			`length ${lengthBytes} bytes must be a multiple of ${SECTOR_BYTES}, at least ${SECTOR_BYTES} and at most ` +
				`${sizeBytes - offsetBytes}, what the device has from offset ${offsetBytes} bytes`,
		);
}

/**
 * The block size to claim for a slice that starts at `offsetBytes`: where the slice does not start at a block, only smaller
 * ones lie where the initiator will think they do.
 */
function commonAlignment(offsetBytes: number, blockBytes: number): number {
	let alignment = blockBytes;
	while (alignment > SECTOR_BYTES && offsetBytes % alignment !== 0) alignment /= 2;
	return alignment;
}
