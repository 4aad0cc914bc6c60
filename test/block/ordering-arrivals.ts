/** Requests as the tests of the ordering layer choose them: wide ones, and lists of ranges. */

import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { fill, Noted, SECTOR } from "./devices.js";

export interface Arrival {
	readonly op: BlockOp;
	readonly sector: number;
	readonly sectorCount: number;
	/** A trim is a list of so many ranges of `sectorCount`, one sector or more apart. */
	readonly ranges: number;
	readonly apart: number;
}

export function requestOf({ op, sector, sectorCount, ranges, apart }: Arrival): BlockRequest {
	const { request } = fill(new Noted("", []), BlockOp.trim, sector * SECTOR, sectorCount * SECTOR);
	request.op = op;
	if (op !== BlockOp.trim || ranges === 1) return request;
	const stride = (sectorCount + apart) * SECTOR;
	const pairs = Array.from({ length: ranges }, (_, i) => [
		sector * SECTOR + i * stride,
		sectorCount * SECTOR,
	]);
	request.ranges = Float64Array.from(pairs.flat());
	request.lengthBytes = (ranges - 1) * stride + sectorCount * SECTOR;
	return request;
}
