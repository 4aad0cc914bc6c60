/** Persistent reservations by bytes, for tests: the two commands as initiators send them. */

import assert from "node:assert";
import { ScsiStatus } from "../../lib/scsi/protocol.js";
import { TestDevice } from "../ata/bench.js";
import { type Answer, type TestHost, Under } from "./support.js";

interface OutOptions {
	readonly type?: number;
	readonly key?: number;
	readonly actionKey?: number;
	readonly flags?: number;
	/** TransportIDs and what is before them. */
	readonly rest?: Buffer;
}

export function out(host: TestHost, action: number, options: OutOptions = {}): Promise<Answer> {
	const { type = 0, key = 0, actionKey = 0, flags = 0, rest = Buffer.alloc(0) } = options;
	const dataOut = Buffer.concat([Buffer.alloc(24), rest]);
	dataOut.writeBigUInt64BE(BigInt(key), 0);
	dataOut.writeBigUInt64BE(BigInt(actionKey), 8);
	dataOut[20] = flags;
	const cdb = Buffer.from([0x5f, action, type, 0, 0, 0, 0, dataOut.length >> 8, dataOut.length & 0xff, 0]);
	return host.run(cdb, { dataOut });
}

export async function status(host: TestHost, action: number, options?: OutOptions): Promise<ScsiStatus> {
	return (await out(host, action, options)).status;
}

export async function read(host: TestHost, action: number, allocation = 0x1000): Promise<Buffer> {
	const cdb = Buffer.from([0x5e, action, 0, 0, 0, 0, 0, allocation >> 8, allocation & 0xff, 0]);
	const answer = await host.run(cdb, { dataInBytes: allocation });
	assert.equal(answer.status, ScsiStatus.good);
	return answer.data;
}

/** An initiator's TransportID (SPC-4, 7.6.4.6). */
export function idOf({ nexus }: TestHost): Buffer {
	const name = Buffer.from(nexus.initiator.port);
	const bytes = Buffer.alloc(4 + Math.max(20, 4 * Math.floor(name.length / 4 + 1)));
	bytes.set([0x45, 0, 0, bytes.length - 4]);
	bytes.set(name, 4);
	return bytes;
}

export function lengthBefore(ids: readonly Buffer[]): Buffer {
	const all = Buffer.concat(ids);
	const length = Buffer.alloc(4);
	length.writeUInt32BE(all.length);
	return Buffer.concat([length, all]);
}

export function three(): { under: Under; a: TestHost; b: TestHost; c: TestHost } {
	const under = new Under(new TestDevice());
	return { under, a: under.host("a"), b: under.host("b"), c: under.host("c") };
}
