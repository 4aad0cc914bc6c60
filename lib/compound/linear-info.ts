/** What there is to know of a device that consists of others one behind the other: what all of them can do. Pure; used by `linear.ts`. */

import { type BlockDevice, type DeviceInfo, deviceInfo } from "../block/device.js";
import { SECTOR_BYTES } from "../wire/sector.js";

/** `starts`: where each begins, and behind them where the last one ends. */
export function joinedInfo(devices: readonly BlockDevice[], starts: Float64Array): DeviceInfo {
	const infos = devices.map(({ info }) => info);
	const most = (of: (info: DeviceInfo) => number): number => Math.max(...infos.map(of));
	const begins = starts.subarray(0, devices.length);
	const physicalBlockBytes = aligned(
		most((info) => info.physicalBlockBytes),
		begins,
	);
	return deviceInfo({
		sizeBytes: starts[devices.length]!,
		logicalBlockBytes: Math.min(
			physicalBlockBytes,
			aligned(
				most((info) => info.logicalBlockBytes),
				begins,
			),
		),
		physicalBlockBytes,
		readOnly: infos.some((info) => info.readOnly),
		canTrim: infos.every((info) => info.canTrim),
		...trimOf(infos, begins),
		fastZeroes: infos.every((info) => info.fastZeroes),
		// Of one that does not know all is data, which is not wrong.
		knowsExtents: infos.some((info) => info.knowsExtents),
		writeCache: infos.some((info) => info.writeCache),
		guarded: infos.every((info) => info.guarded === "above") ? "above" : "nobody",
		copies: most((info) => info.copies),
		nonRotational: infos.every((info) => info.nonRotational),
		bestTransferBytes: most((info) => info.bestTransferBytes),
		longestTransferBytes: Math.min(...infos.map((info) => info.longestTransferBytes)),
	});
}

/** The block size to claim: where one does not begin at a block, only smaller ones lie where whoever asks will think they do. */
function aligned(blockBytes: number, begins: Float64Array): number {
	let alignment = blockBytes;
	while (alignment > SECTOR_BYTES && begins.some((begin) => begin % alignment !== 0)) alignment /= 2;
	return alignment;
}

/** That of the coarsest: what fits its pieces fits those of others, as far as they are powers of two. */
function trimOf(
	infos: readonly DeviceInfo[],
	begins: Float64Array,
): Pick<DeviceInfo, "trimGranularityBytes" | "trimAlignmentBytes"> {
	const pieces = infos.map((info) => info.trimGranularityBytes);
	const trimGranularityBytes = Math.max(...pieces);
	const coarsest = pieces.indexOf(trimGranularityBytes);
	const trimAlignmentBytes = (begins[coarsest]! + infos[coarsest]!.trimAlignmentBytes) % trimGranularityBytes;
	return { trimGranularityBytes, trimAlignmentBytes };
}
