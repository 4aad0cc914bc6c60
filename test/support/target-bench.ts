/**
 * A target on a recording link with whatever blades a test wants, and ways to talk to it in hexadecimal.
 */

import { type AtaExecutor, Blade } from "../../lib/aoe/blade.js";
import { Registry } from "../../lib/aoe/registry.js";
import { type RejectReason, TargetStats } from "../../lib/aoe/stats.js";
import { AoeTarget } from "../../lib/aoe/target.js";
import type { AtaCommand } from "../../lib/ata/command.js";
import { AtaDisk } from "../../lib/ata/disk.js";
import type { BlockDevice } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import type { Departures } from "../../lib/departures.js";
import { Disk, makeIdentity } from "../../lib/disk.js";
import { Random } from "../../lib/random.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { RecordingLink, type RecordingLinkOptions } from "./recording-link.js";

/** Bytes written in hexadecimal, spaces and line breaks wherever they help. Padded with zeros to 60 bytes, as Ethernet does. */
export function frame(hex: string): Buffer {
	return padded(bytes(hex));
}

/** The same, not padded. */
export function bytes(hex: string): Buffer {
	return Buffer.from(hex.replace(/\s/g, ""), "hex");
}

export function padded(frame: Buffer): Buffer {
	return frame.length >= 60 ? frame : Buffer.concat([frame, Buffer.alloc(60 - frame.length)]);
}

/** Keeps the commands it is given; each is answered when the test says so, or by `reply` at once. */
export class StubDisk implements AtaExecutor {
	readonly commands: AtaCommand[] = [];
	/** Sets the reply fields. */
	reply: ((command: AtaCommand) => void) | undefined = () => {};

	readonly blade: Blade;

	constructor(
		shelf: number,
		slot: number,
		force = false,
		readonly disk = makeDisk(shelf, slot),
	) {
		this.blade = new Blade(shelf, slot, this, 16, force);
	}

	execute(command: AtaCommand): void {
		command.replyStatus = 0x40;
		command.replyError = 0;
		command.replyCount = 0;
		command.replyLba = command.lba;
		command.dataInBytes = 0;
		command.request.borrowedAddress = 0;
		this.commands.push(command);
		if (this.reply === undefined) return;
		this.reply(command);
		command.answer();
	}
}

function macHex(mac: number): string {
	return mac.toString(16).padStart(12, "0");
}

function makeDisk(shelf: number, slot: number, device: BlockDevice = new MemoryDevice(512 * 2048)): Disk {
	return new Disk(`e${shelf}.${slot}`, makeIdentity(`test ${shelf}.${slot}`, "1.0"), device);
}

/** A real ATA disk of 1 MiB, or on `device`, at an address. */
export function makeBlade(shelf: number, slot: number, device?: BlockDevice): Blade {
	return new Blade(shelf, slot, AtaDisk.of(makeDisk(shelf, slot, device)), 16);
}

export interface BenchOptions extends RecordingLinkOptions {
	readonly ownMacs?: readonly number[];
	/** Of stubs that are claimed. */
	readonly force?: boolean;
	/** Default: 0x4019, as vblade 25 says. */
	readonly firmwareVersion?: number;
	readonly departures?: Departures;
	/** Instead of a link of its own, made from the options above. */
	readonly link?: RecordingLink;
}

export class Bench {
	readonly link: RecordingLink;
	readonly registry = new Registry();
	readonly stats = new TargetStats();
	readonly clock = new VirtualClock();
	readonly target: AoeTarget;
	readonly conflicts: string[] = [];
	/** What has become of claims: `e9.0 silent: 0200000000bb ...`, `e9.0 again: 0200000000bb`. */
	readonly turns: string[] = [];

	readonly #force: boolean;

	constructor(options: BenchOptions = {}) {
		this.#force = options.force ?? false;
		this.link = options.link ?? new RecordingLink(options);
		const ownMacs = new Set([this.link.mac, ...(options.ownMacs ?? [])]);
		this.target = new AoeTarget({
			link: this.link,
			registry: this.registry,
			stats: this.stats,
			firmwareVersion: options.firmwareVersion ?? 0x4019,
			ownMacs: () => ownMacs,
			onConflict: (blade, mac) => this.conflicts.push(`${blade.name} ${macHex(mac)}`),
			onSilenced: (blade, mac, why) => this.turns.push(`${blade.name} silent: ${macHex(mac)} ${why}`),
			onServedAgain: (blade, mac) => this.turns.push(`${blade.name} again: ${macHex(mac)}`),
			clock: this.clock,
			...(options.departures && { departures: options.departures }),
			random: new Random(1),
		});
		this.target.start();
	}

	/** Claims an address for a stub, which is served there once `target.serveClaims` has been called and if all is well. */
	claim(shelf = 9, slot = 0): Promise<number | undefined> {
		return this.target.claim(new StubDisk(shelf, slot, this.#force).blade);
	}

	/** Serves a stub at an address. */
	stub(shelf = 9, slot = 0): StubDisk {
		const stub = new StubDisk(shelf, slot);
		this.add(stub.blade);
		return stub;
	}

	/** Serves a real ATA disk of 1 MiB, or on `device`, at an address. */
	disk(shelf = 9, slot = 0, device?: BlockDevice): Blade {
		return this.add(makeBlade(shelf, slot, device));
	}

	add(blade: Blade): Blade {
		this.registry.add(blade);
		this.target.registryChanged();
		return blade;
	}

	/** Lets a frame in and returns what is sent before the clock moves. */
	ask(request: Uint8Array): Buffer[] {
		this.link.receive(request);
		return this.link.take();
	}

	/** Lets a frame in and returns the one reply in hexadecimal, "" if there is none. */
	askHex(request: Uint8Array): string {
		return this.ask(request)
			.map((reply) => reply.toString("hex"))
			.join(" and ");
	}

	/** The reject reasons that have been counted, and how often. */
	get rejected(): Partial<Record<RejectReason, number>> {
		return Object.fromEntries(this.stats.rejections());
	}
}
