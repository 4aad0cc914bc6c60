/**
 * NBD servers under measurement, ours and others', started alike: on a unix socket or on the loopback of a network namespace, with a disk of
 * the same size. Used by `nbd-figures.ts`.
 */

import { rmSync } from "node:fs";
import path from "node:path";
import { Certificates } from "../nbd/certificates.js";
import { until } from "../support/cleanup.js";
import type { Namespace } from "../support/netns.js";
import { vbladeCommand } from "../support/paths.js";
import { type Program, run } from "../support/process.js";

const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 15_000;
/** Connections that qemu-nbd takes. */
const QEMU_CLIENTS = 32;

/** Where servers are started. */
export interface NbdPlace {
	readonly namespace: Namespace;
	/** Of sockets: with a short name. */
	readonly folder: string;
	/** Left to the kernel if it is not said. */
	readonly core: number | undefined;
}

/** What a server listens on; `tls`: TCP, and who comes in has a certificate; `either`: or none. */
export type Transport = "unix" | "tcp" | "tls" | "either";

/** A server that runs, and those behind it. */
export interface NbdContender {
	/** What clients call it. */
	readonly uri: string;
	readonly pids: readonly number[];
	stop(): Promise<void>;
}

/** How a server is started that has nothing behind it but its storage; the name distinguishes its socket from others'. */
type Commands = (address: Address) => readonly string[];

/** One address, in the words of each program, and what it is asked to do there. */
interface Address {
	readonly uri: string;
	readonly ours: readonly string[];
	readonly nbdkit: readonly string[];
	readonly qemu: readonly string[];
}

let ports = 10_900;

function addressIn({ folder }: NbdPlace, transport: Transport): Address {
	const port = String(ports++);
	if (transport !== "unix") {
		const tcp = {
			uri: `nbd://127.0.0.1:${port}/`,
			ours: [`127.0.0.1:${port}`],
			nbdkit: ["-i", "127.0.0.1", "-p", port],
			qemu: ["-b", "127.0.0.1", "-p", port],
		};
		return transport === "tcp" ? tcp : overTls(tcp, certificatesIn(folder), transport);
	}
	const socket = path.join(folder, `${port}.sock`);
	rmSync(socket, { force: true });
	return {
		uri: `nbd+unix:///?socket=${socket}`,
		ours: [`unix:${socket}`],
		nbdkit: ["-U", socket],
		qemu: ["-k", socket],
	};
}

function overTls(address: Address, made: Certificates, transport: "tls" | "either"): Address {
	const [certificate, key] = ["server-cert.pem", "server-key.pem"].map((name) => made.file(name));
	const keys = [`--tls-certificate=${certificate}`, `--tls-key=${key}`, `--tls-ca=${made.ca}`];
	const isRequired = transport === "tls";
	return {
		...address,
		uri: isRequired ? secured(address.uri, made) : address.uri,
		ours: [`--tls=${isRequired ? "require" : "offer"}`, ...keys, ...address.ours],
		nbdkit: [
			...[`--tls=${isRequired ? "require" : "on"}`, "--tls-verify-peer"],
			...[`--tls-certificates=${made.endpoint("server", "server")}`, ...address.nbdkit],
		],
	};
}

/** The same server, asked for TLS. */
export function secured(uri: string, made: Certificates): string {
	return `${uri.replace("nbd:", "nbds:")}?tls-certificates=${made.endpoint("client", "client")}`;
}

const made = new Map<string, Certificates>();

/** A CA, and what server and client have of it, in a folder; made once. */
export function certificatesIn(folder: string): Certificates {
	const known = made.get(folder);
	if (known !== undefined) return known;
	const certificates = new Certificates(path.join(folder, "tls"));
	for (const name of ["server", "client"]) certificates.make(name);
	made.set(folder, certificates);
	return certificates;
}

/** Starts a server and waits until it answers. Throws with what it said if it doesn't. */
export async function startNbd(
	commands: Commands,
	place: NbdPlace,
	transport: Transport,
): Promise<NbdContender> {
	const { namespace, core } = place;
	const address = addressIn(place, transport);
	const pinned = core === undefined ? [] : ["taskset", "-c", String(core)];
	const program = namespace.start([...pinned, ...commands(address)]);
	try {
		await until(
			"an NBD server",
			async () => program.ended !== undefined || (await answers(address.uri, namespace)),
			START_LIMIT_MS,
		);
		if (program.ended !== undefined) throw new Error(program.output || "it ended at once, in silence");
	} catch (error) {
		await program.stop();
		throw error;
	}
	return { uri: address.uri, pids: [program.pid], stop: () => stopped(program) };
}

async function answers(uri: string, { name: namespace }: Namespace): Promise<boolean> {
	const { code } = await run(["nbdinfo", "--size", uri], START_LIMIT_MS, { namespace });
	return code === 0;
}

async function stopped(program: Program): Promise<void> {
	await program.stop("SIGTERM", STOP_LIMIT_MS);
}

/** `vblade nbd` of a file, a volume, or another server's disk. */
export const oursOf =
	(file: string, ...options: readonly string[]): Commands =>
	({ ours }) => [...vbladeCommand(), "nbd", ...options, ...ours, file];

/** nbdkit with a plugin and what that is told. */
export const nbdkitOf =
	(...plugin: readonly string[]): Commands =>
	({ nbdkit }) => ["nbdkit", "-f", ...nbdkit, ...plugin];

/** qemu-nbd: with `writethrough` writes are on stable storage when they are answered. */
export const qemuOf =
	(image: string, cache: "writethrough" | "writeback"): Commands =>
	({ qemu }) => [
		...["qemu-nbd", "-t", "-e", String(QEMU_CLIENTS), "-f", "qcow2", `--cache=${cache}`],
		...["--aio=threads", ...qemu, image],
	];

/** One in front of another: the first starts with the address of the second, which listens on TCP. */
export async function startChain(
	front: (uri: string) => Commands,
	back: Commands,
	place: NbdPlace,
): Promise<NbdContender> {
	const behind = await startNbd(back, place, "tcp");
	try {
		const before = await startNbd(front(behind.uri), place, "unix");
		return {
			uri: before.uri,
			pids: [...before.pids, ...behind.pids],
			stop: async () => {
				await before.stop();
				await behind.stop();
			},
		};
	} catch (error) {
		await behind.stop();
		throw error;
	}
}
