/** Clients of the hosts of a test that write one page after the other, and know what was acknowledged: by AoE, of whoever answers, or by NBD, of one host. */

import { BlockOp } from "../../lib/block/request.js";
import { openFarDisk } from "../../lib/client/far-disk.js";
import { systemClock } from "../../lib/clock.js";
import { OperatorError } from "../../lib/errors.js";
import { PacketLink } from "../../lib/link/packet.js";
import { nativeMemory } from "../../lib/native.js";
import { NbdDevice } from "../../lib/nbd/remote/device.js";
import { Pump } from "../../lib/pump.js";
import { connectTo } from "../../lib/stream/connect.js";
import { request } from "../nbd/remote-bench.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import type { Host } from "./store-hosts.js";

const PAGE_BYTES = 4096;

function unlessSilent(error: unknown): undefined {
	if (!(error instanceof OperatorError) || !/^nobody answers/.test(error.message)) throw error;
}

const INTERVAL_MS = 1000;
const RESENDS = 60;

/** An initiator of AoE that writes one page after the other, and flushes each. */
export class Writer {
	readonly #pump: Pump;
	readonly #device: NbdDevice;
	#first = 0;
	/** Number of the page that is next. */
	next = 0;
	/** From one acknowledgement to the next, at most, since it was last asked. */
	#pauseMs = 0;
	/** When something was acknowledged last. */
	lastMs = performance.now();
	#isStopped = false;
	#betweenMs = 0;
	#running: Promise<void> = Promise.resolve();

	private constructor(device: NbdDevice, pump: Pump) {
		this.#device = device;
		this.#pump = pump;
	}

	/** Of whoever answers for e9.0: a pool may be on its way from one host to another just then. */
	static async open(netif: string): Promise<Writer> {
		const pump = new Pump();
		let device: NbdDevice | undefined;
		const isOpen = async (): Promise<boolean> => {
			device = await openFarDisk({
				...{ link: new PacketLink(netif, pump, { framesInFlight: 64 }), shelf: 9, slot: 0 },
				...{ clock: systemClock, pump, readOnly: false, resend: RESENDS, intervalMs: INTERVAL_MS },
				allocate: nativeMemory,
			}).catch(unlessSilent);
			return device !== undefined;
		};
		await until("somebody answers for e9.0", isOpen, LIMIT_MS);
		return new Writer(device as NbdDevice, pump);
	}

	/** The same by NBD, of a disk of a host: its connection is never made anew. */
	static async openNbd({ tree }: Pick<Host, "tree">, disk = "web", firstPage = 0): Promise<Writer> {
		const pump = new Pump();
		const server = { kind: "unix", path: tree.path("nbd.sock") } as const;
		let isConnected = false;
		const device = await NbdDevice.open({
			...{ clock: systemClock, pump, readOnly: false, resend: RESENDS, intervalMs: INTERVAL_MS, name: disk },
			allocate: nativeMemory,
			connect: async () => {
				if (isConnected) throw new OperatorError("the connection has ended");
				isConnected = true;
				return connectTo(server, LIMIT_MS);
			},
		});
		const writer = new Writer(device, pump);
		writer.#first = firstPage;
		return writer;
	}

	static pattern(page: number): number {
		return (page % 251) + 1;
	}

	/** `failed`: its host may go. With so long a pause after each page: it may be asked for so little that a pool of two hosts stays where it is. */
	begin(failed?: (error: unknown) => void, pauseMs = 0): void {
		this.#isStopped = false;
		this.#betweenMs = pauseMs;
		this.lastMs = performance.now();
		this.#running = failed === undefined ? this.#run() : this.#run().catch(failed);
	}

	async #run(): Promise<void> {
		while (!this.#isStopped) {
			const memory = nativeMemory(PAGE_BYTES);
			memory.bytes.fill(Writer.pattern(this.next));
			const offsetBytes = (this.#first + this.next) * PAGE_BYTES;
			const write = { op: BlockOp.write, offsetBytes, lengthBytes: PAGE_BYTES, memory };
			for (const what of [write, { op: BlockOp.flush }]) {
				const { status } = await request(this.#device, this.#pump, what);
				if (status !== 0) throw new Error(`page ${this.next}: status ${status}`);
			}
			this.next += 1;
			const nowMs = performance.now();
			this.#pauseMs = Math.max(this.#pauseMs, nowMs - this.lastMs);
			this.lastMs = nowMs;
			if (this.#betweenMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#betweenMs));
		}
	}

	/** So many more are acknowledged. */
	async more(count: number): Promise<void> {
		const goal = this.next + count;
		await Promise.race([until(`page ${goal}`, () => this.next >= goal, LIMIT_MS), this.#running]);
	}

	/** The longest pause since it was last asked. */
	takePauseMs(): number {
		const pauseMs = Math.round(this.#pauseMs);
		this.#pauseMs = 0;
		return pauseMs;
	}

	/** Pages that are not what was acknowledged. */
	async wrong(): Promise<number[]> {
		this.#isStopped = true;
		await this.#running;
		const wrong: number[] = [];
		for (let page = 0; page < this.next; page++) {
			const memory = nativeMemory(PAGE_BYTES);
			const offsetBytes = (this.#first + page) * PAGE_BYTES;
			const what = { op: BlockOp.read, offsetBytes, lengthBytes: PAGE_BYTES, memory };
			const { status } = await request(this.#device, this.#pump, what);
			if (status !== 0 || memory.bytes.some((byte) => byte !== Writer.pattern(page))) wrong.push(page);
		}
		return wrong;
	}

	async close(): Promise<void> {
		this.#isStopped = true;
		// (What is under way may have nobody left who answers.)
		const ended = this.#running.catch(() => undefined);
		await this.#device.close(1000);
		await ended;
	}
}
