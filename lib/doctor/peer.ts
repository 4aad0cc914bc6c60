/**
 * The longest frame that passes between here and the host of an initiator, which `--peer` names by its IPv4 address: an initiator
 * answers nothing of AoE's, but its host answers echo requests of ICMP, which may not be cut into pieces. Sent and read as frames,
 * so that they take the way that AoE's take: no router in between, whatever the routing tables say.
 */

import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { OperatorError } from "../errors.js";
import { BPF_KEEP_ALL, BpfProgram } from "../link/bpf.js";
import type { InterfaceInfo } from "../link/interfaces.js";
import { type SniffedFrame, Sniffer } from "../link/sniffer.js";
import { ETH_HEADER_BYTES } from "../wire/ethernet.js";
import { formatMac } from "../wire/mac.js";
import { largest, nameOf } from "./ask.js";
import { type Check, type Context, type Finding, note, warn } from "./check.js";
import { verdict } from "./frames.js";
import {
	arpRequest,
	ECHO_LEAST_BYTES,
	ETHERTYPE_ARP,
	ETHERTYPE_IPV4,
	echoRequest,
	readArpReply,
	readEchoReply,
} from "./icmp.js";

const ATTEMPTS = 3;
const ANSWER_MS = 200;

export const peer: Check = {
	name: "peer",
	limitMs: 30_000,
	async run(context) {
		if (context.peer === undefined) return [];
		const info = wayTo(context, context.peer);
		if (info === undefined)
			return [
				warn(
					`${context.peer} could not be tried`,
					"no interface that was looked at has an IPv4 address in the same network",
				),
			];
		try {
			return [await tryPeer(info, context.peer)];
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			return [note(`${context.peer} could not be tried`, error.message)];
		}
	},
};

/** An interface of this machine with an address in the network of another one's. */
interface Way {
	readonly info: InterfaceInfo;
	readonly address: string;
}

function wayTo(context: Context, other: string): Way | undefined {
	const all = networkInterfaces();
	for (const info of context.interfaces)
		for (const own of all[nameOf(info)] ?? [])
			if (isNeighbour(own, other)) return { info, address: own.address };
	return undefined;
}

function isNeighbour(own: NetworkInterfaceInfo, other: string): boolean {
	if (own.family !== "IPv4") return false;
	const mask = ipNumber(own.netmask);
	return (ipNumber(own.address) & mask) === (ipNumber(other) & mask);
}

function ipNumber(text: string): number {
	return text.split(".").reduce((number, part) => (number << 8) | Number(part), 0);
}

async function tryPeer({ info, address }: Way, other: string): Promise<Finding> {
	const name = nameOf(info);
	const mac = await macOf(info, address, other);
	if (mac === undefined) return warn(`${name}: ${other} is not there`, "nobody answers for it (ARP)");
	const most = info.mtu + ETH_HEADER_BYTES;
	let sequence = 0;
	const conversation = new Conversation(info, ETHERTYPE_IPV4, (frame) => readEchoReply(frame, other));
	try {
		const longest = await largest(ECHO_LEAST_BYTES, most, async (frameBytes) => {
			sequence += 1;
			const wanted = `${sequence} ${frameBytes}`;
			const request = echoRequest({
				from: info.mac,
				to: mac,
				source: address,
				target: other,
				sequence,
				frameBytes,
			});
			return conversation.isAnswered(request, wanted);
		});
		const host = `${other} (${formatMac(mac)})`;
		if (longest === undefined)
			return warn(
				`${name}: ${host} is there, but answers no echo request`,
				"its firewall, perhaps; nothing is proved of how long frames may be",
			);
		return verdict(name, `to ${host} and back`, info.mtu, longest, most);
	} finally {
		conversation.close();
	}
}

async function macOf(info: InterfaceInfo, own: string, other: string): Promise<number | undefined> {
	let mac: number | undefined;
	const conversation = new Conversation(info, ETHERTYPE_ARP, (frame) => {
		const found = readArpReply(frame, other);
		mac ??= found;
		return found === undefined ? undefined : "found";
	});
	try {
		await conversation.isAnswered(arpRequest(info.mac, own, other), "found");
		return mac;
	} finally {
		conversation.close();
	}
}

/** Requests that are sent until an answer comes, or so often. */
class Conversation {
	readonly #sniffer: Sniffer;
	#wanted = "";
	#answered: (isAnswered: boolean) => void = () => {};

	/** `read`: what a frame answers, undefined if nothing. */
	constructor(info: InterfaceInfo, etherType: number, read: (bytes: Buffer) => string | undefined) {
		this.#sniffer = new Sniffer(info, {
			etherType,
			filter: new BpfProgram().return(BPF_KEEP_ALL).assemble(),
			frame: (frame) => {
				if (this.#wanted !== "" && read(bytesOf(frame)) === this.#wanted) this.#answered(true);
			},
		});
	}

	async isAnswered(request: Uint8Array, wanted: string): Promise<boolean> {
		this.#wanted = wanted;
		for (let attempt = 0; attempt < ATTEMPTS; attempt++) if (await this.#attempt(request)) return true;
		return false;
	}

	close(): void {
		this.#sniffer.close();
	}

	#attempt(request: Uint8Array): Promise<boolean> {
		return new Promise((resolve) => {
			const timer = setTimeout(() => resolve(false), ANSWER_MS);
			this.#answered = (isAnswered) => {
				clearTimeout(timer);
				resolve(isAnswered);
			};
			if (this.#sniffer.send(request) !== 0) this.#answered(false);
		});
	}
}

function bytesOf({ memory, offset, capturedBytes }: SniffedFrame): Buffer {
	return Buffer.from(memory.bytes.buffer, memory.bytes.byteOffset + offset, capturedBytes);
}
