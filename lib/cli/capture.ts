/**
 * `vblade capture`: the AoE frames that pass an interface, to a file that tcpdump and Wireshark read. Called by `commands.ts` with
 * the arguments after the word "capture"; the frames come from `lib/link/sniffer.ts`.
 */

import { createWriteStream, readFileSync, type WriteStream } from "node:fs";
import { anyAoeFilter } from "../aoe/filter.js";
import { OperatorError } from "../errors.js";
import { type InterfaceInfo, interfaceInfo, interfaceName, interfaceNames } from "../link/interfaces.js";
import { pcapFileHeader, pcapRecord } from "../link/pcap-file.js";
import { ETHERTYPE_ALL, type SniffedFrame, Sniffer } from "../link/sniffer.js";
import { readNumber } from "../spec/values.js";
import { counted, oneLine, quote } from "../text.js";
import { EXIT_FAILED, type Output, processOutput, understand } from "./client.js";
import { CAPTURE } from "./options.js";
import { stopSignal } from "./signals.js";

const COUNT_MAX = 2 ** 32;
const SECONDS_MAX = 366 * 24 * 3600;
/** What may wait for a file, or a reader, that is slow. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024;
/** How often it is looked whether the interface is still there. */
const LOOK_MS = 1000;
/** How long the last frames may take to be written. */
const LAST_FRAMES_MS = 5000;

/** What is on disks is in the frames. */
const OWNER_ALONE = 0o600;

/** Why a capture is over. */
type Reason = "asked" | "gone" | "unwritable";

/**
 * Writes frames until there are enough, the time is over, or a signal asks for the end. Resolves to the exit status: 0, or 1 if
 * the interface is gone or the file can't be written. Throws an OperatorError for what the operator got wrong.
 */
export async function captureCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(CAPTURE, argv, output);
	if (line === undefined) return 0;
	const [netif = "", file = ""] = line.positionals;
	const most = readNumber("count", line.last("count") ?? String(COUNT_MAX), { min: 1, max: COUNT_MAX });
	const seconds = line.last("seconds");
	const limitMs =
		seconds === undefined
			? undefined
			: readNumber("seconds", seconds, { min: 0.1, max: SECONDS_MAX, fraction: true }) * 1000;
	const info = ethernetInterface(netif);
	const capture = new Capture(info, netif, file, most, output);
	return capture.run(limitMs);
}

/** The interface of this name. Throws an OperatorError if there is none, or it has no Ethernet frames. */
function ethernetInterface(name: string): InterfaceInfo {
	const info = interfaceInfo(name);
	if (info === undefined)
		throw new OperatorError(
			`${quote(name)}: there is no such network interface; there are ${interfaceNames().join(", ")}`,
		);
	if (!isEthernet(info)) throw new OperatorError(`${quote(name)}: this is no Ethernet interface`);
	return info;
}

/** ARPHRD_ETHER and ARPHRD_LOOPBACK of linux/if_arp.h: what has frames with an Ethernet header. */
const TYPES = ["1", "772"];

function isEthernet({ names: [name = ""] }: InterfaceInfo): boolean {
	try {
		return TYPES.includes(readFileSync(`/sys/class/net/${name}/type`, "utf8").trim());
	} catch {
		// What can't be told is not refused.
		return true;
	}
}

class Capture {
	readonly #netif: string;
	readonly #file: string;
	readonly #most: number;
	readonly #output: Output;
	readonly #sniffer: Sniffer;
	readonly #stream: WriteStream | NodeJS.WriteStream;
	#captured = 0;
	#unwritten = 0;
	#waiting: Buffer[] = [pcapFileHeader()];
	#over: (reason: Reason) => void = () => {};
	readonly #end = new Promise<Reason>((resolve) => {
		this.#over = resolve;
	});

	constructor(info: InterfaceInfo, netif: string, file: string, most: number, output: Output) {
		this.#netif = netif;
		this.#file = file;
		this.#most = most;
		this.#output = output;
		this.#sniffer = new Sniffer(info, {
			etherType: ETHERTYPE_ALL,
			filter: anyAoeFilter(),
			frame: (frame) => this.#keep(frame),
			drained: () => this.#write(),
		});
		this.#stream = file === "-" ? process.stdout : createWriteStream(file, { mode: OWNER_ALONE });
		this.#stream.on("error", (error) => this.#unwritable(error));
	}

	async run(limitMs: number | undefined): Promise<number> {
		const timer = limitMs === undefined ? undefined : setTimeout(() => this.#over("asked"), limitMs);
		const look = setInterval(() => {
			if (interfaceName(this.#sniffer.info.index) === undefined) this.#over("gone");
		}, LOOK_MS);
		void stopSignal().then(() => this.#over("asked"));
		this.#write();
		this.#output.err(`vblade: capturing on ${this.#netif}\n`);
		if (isServedHere(this.#sniffer.info.index))
			this.#output.err(
				`vblade: ${this.#netif} is used by an AoE server of this machine: answers that it sends by an XDP socket are not seen here (vblade --no-xdp sends none)\n`,
			);
		const reason = await this.#end;
		clearTimeout(timer);
		clearInterval(look);
		const { dropped } = this.#sniffer;
		this.#sniffer.close();
		this.#write();
		const isWritten = reason !== "unwritable" && (await this.#finish());
		if (reason === "gone") this.#output.err(`vblade: ${this.#netif}: the interface is gone\n`);
		const lost = dropped + this.#unwritten;
		this.#output.err(`vblade: ${counted(this.#captured, "frame")} captured, ${lost} dropped\n`);
		return reason === "asked" && isWritten ? 0 : EXIT_FAILED;
	}

	#keep(frame: SniffedFrame): void {
		if (this.#captured === this.#most) return;
		if (this.#stream.writableLength > WAITING_BYTES_MAX) {
			this.#unwritten += 1;
			return;
		}
		this.#waiting.push(pcapRecord(frame));
		this.#captured += 1;
		if (this.#captured === this.#most) this.#over("asked");
	}

	#write(): void {
		if (this.#waiting.length === 0) return;
		this.#stream.write(Buffer.concat(this.#waiting));
		this.#waiting = [];
	}

	/** Waits until all is written, for a while. False if it is not. */
	#finish(): Promise<boolean> {
		return new Promise((resolve) => {
			const timer = setTimeout(() => {
				this.#output.err(`vblade: ${oneLine(this.#file)}: not all could be written in time\n`);
				resolve(false);
			}, LAST_FRAMES_MS);
			const done = (isWritten: boolean): void => {
				clearTimeout(timer);
				resolve(isWritten);
			};
			this.#stream.once("error", () => done(false));
			// Standard output is not ours to end.
			if (this.#file === "-") this.#stream.write("", () => done(true));
			else this.#stream.end(() => done(true));
		});
	}

	#unwritable(error: NodeJS.ErrnoException): void {
		// Whoever read has seen enough.
		if (error.code === "EPIPE") this.#over("asked");
		else {
			this.#output.err(`vblade: ${oneLine(this.#file)}: can't be written (${error.code})\n`);
			this.#over("unwritable");
		}
	}
}

/** True if a socket of this machine is open for AoE frames of the interface. */
function isServedHere(index: number): boolean {
	try {
		return readFileSync("/proc/net/packet", "utf8")
			.split("\n")
			.some((line) => {
				const [, , , protocol, iface] = line.trim().split(/\s+/);
				return protocol === "88a2" && Number(iface) === index;
			});
	} catch {
		return false;
	}
}
