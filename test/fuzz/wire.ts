/**
 * An arena of real sockets: a target on a packet socket at one end of a cable, with disks in files, and the fuzzer at the
 * other end. Frames go through the kernel, the ring (`native/net/packet.c`) and the storage engine (`native/storage/engine.c`), which
 * `npm run fuzz:native` builds with AddressSanitizer. Run it in a namespace of its own.
 */

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Blade } from "../../lib/aoe/blade.js";
import { Registry } from "../../lib/aoe/registry.js";
import { TargetStats } from "../../lib/aoe/stats.js";
import { AoeTarget } from "../../lib/aoe/target.js";
import { StorageEngine } from "../../lib/block/engine.js";
import { FileDevice } from "../../lib/block/file.js";
import { GroupCommit } from "../../lib/block/group-commit.js";
import { layersOn } from "../../lib/block/stack.js";
import { PacketLink } from "../../lib/link/packet.js";
import { Pump } from "../../lib/pump.js";
import { strictly } from "../../lib/testing/strict-layer.js";
import { formatMac } from "../../lib/wire/mac.js";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { scratchDirectory } from "../support/cleanup.js";
import { configFrame } from "../support/frames.js";
import { LIMIT_MS } from "../support/limit.js";
import { ip } from "../support/netns.js";
import { RawPort } from "../support/raw-port.js";
import { makeBlade } from "../support/target-bench.js";
import { expect, Referee } from "./referee.js";
import { ADDRESSES, type Address, DISK_SECTORS, INITIATORS, stamped, VICTIM } from "./stamps.js";
import type { Arena } from "./storm.js";

/** A blade that no frame of the fuzzer's is for: it says when all before it has been looked at. */
const LAST: Address = [12, 200];
const FIRMWARE = 0x0102;
/** Sectors before and behind what is exported of a file: somebody else's. */
const MARGIN_SECTORS = 8;

/** Lays a cable with the ends `va`, for the target, and `vb`. */
export function layCable(mtu: number): void {
	ip("link", "add", "va", "type", "veth", "peer", "name", "vb");
	for (const name of ["va", "vb"]) ip("link", "set", name, "mtu", String(mtu), "up");
}

export function cutCable(): void {
	ip("link", "delete", "va");
}

export class WireArena implements Arena {
	readonly aim;
	readonly referee: Referee;
	readonly #pump = new Pump();
	readonly #engine = new StorageEngine(this.#pump);
	readonly #commits = new GroupCommit(this.#pump);
	readonly #link: PacketLink;
	readonly #port: RawPort;
	readonly #blades: Blade[] = [];
	readonly #files: string[] = [];
	#tag = 0;
	#lastTag = -1;
	#lastSeen = false;
	#failure: unknown;
	#wake = (): void => undefined;

	/** `weaken` does to a blade what a defect of its access lists could do. */
	constructor(mtu: number, weaken?: (blade: Blade) => void) {
		// Both ways to send are tried.
		this.#link = new PacketLink("va", this.#pump, { framesInFlight: 256, xdp: mtu > 1500 });
		const addresses = [...ADDRESSES, LAST];
		const target = formatMac(this.#link.mac);
		this.aim = { target, mtu };
		const registry = new Registry();
		for (const [shelf, slot] of addresses) registry.add(this.#makeBlade(shelf, slot));
		for (const blade of this.#blades) weaken?.(blade);
		new AoeTarget({
			link: this.#link,
			registry,
			stats: new TargetStats(),
			firmwareVersion: FIRMWARE,
			ownMacs: () => new Set([this.#link.mac]),
			onConflict: () => undefined,
		}).start();
		this.#port = new RawPort("vb", mtu + 14, (frame) => this.#heard(frame));
		this.referee = new Referee({
			mtu,
			target: target.replaceAll(":", ""),
			addresses,
			diskSectors: DISK_SECTORS,
			bufferCount: 16,
			firmware: FIRMWARE,
			isRoomy: true,
		});
	}

	async play(frames: readonly Buffer[]): Promise<void> {
		const window = frames.map((frame) => this.#ask(frame));
		const header = { dst: this.aim.target, src: VICTIM, shelf: LAST[0], slot: 0xff };
		// To all slots: such questions wait behind each other, so this one is answered behind all others.
		window.push(this.#ask(configFrame(header, 0)));
		this.#lastTag = this.#tag;
		this.#lastSeen = false;
		this.#port.send(window);
		await this.#over();
		expect(this.#port.drops === 0, "the fuzzer hears every reply");
		this.referee.settle();
		this.#unlock();
	}

	/** Nothing before or behind what is exported has changed. Gives everything back. */
	async close(): Promise<void> {
		await Promise.all(this.#blades.map(({ disk }) => disk.close()));
		await this.#link.close();
		this.#port.close();
		this.#engine.close();
		this.#pump.remove(this.#commits);
		for (const file of this.#files) {
			const bytes = readFileSync(file);
			const margin = foreign();
			expect(bytes.length === (DISK_SECTORS + 2 * MARGIN_SECTORS) * SECTOR_BYTES, "files keep their size");
			expect(bytes.subarray(0, margin.length).equals(margin), "what is before the offset is not written");
			expect(bytes.subarray(-margin.length).equals(margin), "what is behind the length is not written");
		}
	}

	#makeBlade(shelf: number, slot: number): Blade {
		const file = path.join(scratchDirectory(), `${shelf}.${slot}.img`);
		this.#files.push(file);
		writeFileSync(file, Buffer.concat([foreign(), Buffer.alloc(DISK_SECTORS * SECTOR_BYTES), foreign()]));
		const unexpected = (): void => {
			throw new Error("the storage failed");
		};
		const part = { offsetSectors: MARGIN_SECTORS, lengthSectors: DISK_SECTORS };
		const opened = new FileDevice(this.#engine, file, {
			readOnly: false,
			direct: false,
			offsetBytes: MARGIN_SECTORS * SECTOR_BYTES,
			lengthBytes: DISK_SECTORS * SECTOR_BYTES,
		});
		const durability = slot === 0 ? "none" : "flush";
		const device = layersOn(opened, file, { ...part, durability, between: strictly }, this.#commits);
		device.listen({ degraded: unexpected });
		const blade = makeBlade(shelf, slot, device);
		this.#blades.push(blade);
		return blade;
	}

	#ask(frame: Buffer): Buffer {
		const request = Buffer.from(frame);
		this.#tag += 1;
		if (request.length >= 24) request.writeUInt32BE(this.#tag, 20);
		this.referee.asks(request);
		return request;
	}

	#heard(frame: Buffer): void {
		try {
			this.referee.answers(frame);
		} catch (error) {
			this.#failure ??= error;
		}
		this.#lastSeen ||= frame.readUInt32BE(20) === this.#lastTag;
		if (this.#failure !== undefined || (this.#lastSeen && this.referee.owed === 0)) this.#wake();
	}

	/** Every reply that must come has come, and with the last one all else that may. */
	async #over(): Promise<void> {
		const limit = new Promise<void>((resolve, reject) => {
			const late = (): void => reject(new Error(`broken: ${this.referee.owed} replies did not come`));
			const timer = setTimeout(late, LIMIT_MS);
			this.#wake = () => {
				clearTimeout(timer);
				resolve();
			};
		});
		await limit;
		if (this.#failure !== undefined) throw this.#failure;
	}

	#unlock(): void {
		for (const blade of this.#blades) {
			blade.access.mask.clear();
			blade.access.reserved = new Set();
			blade.configString = new Uint8Array(0);
		}
		this.referee.reset();
	}
}

function foreign(): Buffer {
	return stamped(INITIATORS.indexOf(VICTIM), 0, MARGIN_SECTORS * SECTOR_BYTES);
}
