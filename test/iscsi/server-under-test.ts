/** An iSCSI server with one disk, and initiators at the other ends of socket pairs. */

import { Socket } from "node:net";
import type { BlockDevice } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { Disk, makeIdentity } from "../../lib/disk.js";
import { IscsiServer, type IscsiServerOptions } from "../../lib/iscsi/server.js";
import type { Refused } from "../../lib/iscsi/talk.js";
import type { IscsiTarget } from "../../lib/iscsi/target.js";
import { native, nativeMemory } from "../../lib/native.js";
import { Pump } from "../../lib/pump.js";
import { ScsiTarget } from "../../lib/scsi/target.js";
import { LogicalUnit } from "../../lib/scsi/unit.js";
import { SocketStream } from "../../lib/stream/socket-stream.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { Initiator } from "../support/iscsi/initiator.js";
import type { Pairs } from "../support/iscsi/pdus.js";

export const MIB = 1024 * 1024;
export const BLOCK = 512;
export const TARGET_NAME = "iqn.2026-11.org.example:web";
export const INITIATOR_NAME = "iqn.1993-08.org.debian:01:abc";

export class ServerUnderTest {
	readonly pump = new Pump();
	readonly clock = new VirtualClock();
	/** Whatever was said of connections that were cut off, and of logins that were refused. */
	readonly troubles: string[] = [];
	readonly refused: Refused[] = [];
	readonly disk: Disk;
	readonly scsi = new ScsiTarget(TARGET_NAME);
	readonly target: IscsiTarget;
	readonly server: IscsiServer;
	mayUse = true;
	#initiators = 0;

	constructor(device: BlockDevice = new MemoryDevice(64 * MIB), options: Partial<IscsiServerOptions> = {}) {
		this.disk = new Disk("web", makeIdentity("web", "1"), device);
		this.scsi.add(0, LogicalUnit.of(this.disk));
		this.server = new IscsiServer({
			pump: this.pump,
			allocate: nativeMemory,
			// (However slow the machine, no limit is over unless a test says so.)
			clock: this.clock,
			portals: () => ["192.0.2.1:3260", "[2001:db8::1]:3260"],
			onEnd: (_, __, why) => {
				if (why !== null) this.troubles.push(why);
			},
			onRefused: (_, refused) => this.refused.push(refused),
			...options,
		});
		const open = { chap: null, wantedUser: null, unavailable: null };
		this.target = {
			scsi: this.scsi,
			alias: "",
			shutsOut: () => (this.mayUse ? null : "it is not among those who may have that target"),
			...open,
		};
		this.server.add(this.target);
	}

	/** `peer`: who it is; by default each is another one. */
	connect(peer = `test ${++this.#initiators}`): Initiator {
		const [ours, theirs] = native.socketPair();
		this.server.accept(new SocketStream(theirs, peer));
		return new Initiator(new Socket({ fd: ours, readable: true, writable: true }));
	}

	/** In the full feature phase, with the first unit attention taken. `isid`: of its port; by default each is another one. */
	async session(keys: Pairs = {}, isid = isidOf(this.#initiators + 1)): Promise<Initiator> {
		const initiator = this.connect();
		const { status } = await initiator.login({
			name: INITIATOR_NAME,
			target: TARGET_NAME,
			keys,
			isid,
		});
		if (status !== 0) throw new Error(`refused with ${status}`);
		const { sense } = await initiator.command({ cdb: [0, 0, 0, 0, 0, 0] });
		if (sense?.key !== 6) throw new Error("no unit attention was told");
		return initiator;
	}

	/** Another way in to the same, for those who log in from now on. */
	replace(target: IscsiTarget): void {
		this.server.retire(target);
		this.server.add(target);
	}

	close(): void {
		this.server.close();
	}
}

export function isidOf(number: number): string {
	return `00023d${number.toString(16).padStart(6, "0")}`;
}
