/** A unit that two hosts serve, of which the test says where its storage is. Used by tests of that. */

import t from "tap";
import { type DeviceInfo, deviceInfo, type Partner, type Tenure } from "../../lib/block/device.js";
import type { Memo } from "../../lib/block/memo.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import type { BlockRequest } from "../../lib/block/request.js";
import { UnitKeeping } from "../../lib/daemon/unit-keeping.js";
import { StorageStatus } from "../../lib/errors.js";
import { Opcode } from "../../lib/scsi/opcodes.js";
import { hostNumber } from "../../lib/scsi/port-group.js";
import { SenseKey } from "../../lib/scsi/protocol.js";
import type { IscsiExportSpec } from "../../lib/spec/spec.js";
import { MIB, type TestHost, Under } from "./support.js";

export const SECTOR = 512;
export const [HERE, THERE] = [hostNumber("alpha"), hostNumber("beta")];
const REPORT_GROUPS = "a30a 0000 0000 00000100 0000";
export const EXCLUSIVE = 3;

export class Shared extends MemoryDevice {
	partner: Partner | undefined = { name: null, hasIt: false };
	isHandedOver = true;
	/** How often it was asked for here, and whether it comes. */
	brought = 0;
	comes = true;
	coming: Promise<boolean> = Promise.resolve(true);
	came: (isHere: boolean) => void = () => {};
	mayAnswer = true;
	/** How what is asked of the storage ends. */
	fail: StorageStatus = StorageStatus.ok;
	memo: Memo | undefined = memoOf("{}");
	readonly tenure: Tenure;
	#own: DeviceInfo | undefined;

	constructor() {
		super(4 * MIB);
		const partner = () => this.partner;
		const isHandedOver = () => this.isHandedOver;
		const mayAnswer = () => this.mayAnswer;
		this.tenure = {
			...{ epoch: 1, isNew: false },
			get mayAnswer() {
				return mayAnswer();
			},
			get partner() {
				return partner();
			},
			get isHandedOver() {
				return isHandedOver();
			},
		};
	}

	override get info(): DeviceInfo {
		return this.#own ?? super.info;
	}

	override submit(request: BlockRequest): void {
		if (this.fail === StorageStatus.ok) super.submit(request);
		else request.complete(this.fail);
	}

	/** The pool has gone to the other host, which makes nothing atomic that is asked of it from here. */
	leave(): void {
		const bring = () => {
			this.brought++;
			return this.comes ? this.coming : null;
		};
		this.coming = new Promise((resolve) => {
			this.came = resolve;
		});
		this.partner = { name: "beta", hasIt: true, bring };
		this.memo = undefined;
		this.#own = deviceInfo({ ...super.info, atomicBytes: 0 });
	}

	come(text: string): void {
		this.partner = { name: "beta", hasIt: false };
		this.memo = memoOf(text);
		this.#own = deviceInfo({ ...super.info, atomicBytes: MIB });
	}
}

function memoOf(text: string): Memo {
	const memo = {
		text,
		keep: async (kept: string) => {
			memo.text = kept;
		},
	};
	return memo;
}

export function stage() {
	const device = new Shared();
	const under = new Under(device);
	under.target.portNumber = HERE;
	const keeping = new UnitKeeping(undefined);
	keeping.begin({ name: "web" } as IscsiExportSpec, under.unit);
	const moved = (): void => {
		keeping.follow(under.unit);
		under.unit.look();
	};
	return { device, under, one: under.host("one"), two: under.host("two"), moved };
}

export async function groups(host: TestHost): Promise<[id: number, state: number, port: number][]> {
	const { data } = await host.run(REPORT_GROUPS, { dataInBytes: 256 });
	const found: [number, number, number][] = [];
	for (let at = 4; at < 4 + data.readUInt32BE(0); at += 12)
		found.push([data.readUInt16BE(at + 2), data[at]! & 0x0f, data.readUInt16BE(at + 10)]);
	return found;
}

export async function attentions(host: TestHost): Promise<number[]> {
	const told: number[] = [];
	for (;;) {
		const { sense } = await host.run("000000000000");
		if (sense === null) return told;
		t.equal(sense.key, SenseKey.unitAttention);
		told.push(sense.asc);
	}
}

export function out(host: TestHost, action: number, key: number, actionKey: number, type = 0, flags = 0) {
	const list = Buffer.alloc(24);
	list.writeBigUInt64BE(BigInt(key), 0);
	list.writeBigUInt64BE(BigInt(actionKey), 8);
	list[20] = flags;
	const cdb = Buffer.from([Opcode.persistentReserveOut, action, type, 0, 0, 0, 0, 0, 24, 0]);
	return host.run(cdb, { dataOut: list });
}

/** That one has all to itself until power is lost; what is kept of that. */
export async function reserved(device: Shared, host: TestHost): Promise<string> {
	await out(host, 0, 0, 7);
	await out(host, 1, 7, 0, EXCLUSIVE);
	return device.memo!.text ?? "";
}
