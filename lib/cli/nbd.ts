/**
 * `vblade nbd`: one disk over NBD, as the default export, from the start-up line to the last signal. Called by `commands.ts`; hands what
 * that asks for to `serve.ts`, as a spec of one disk and one export.
 */

import { closeSync } from "node:fs";
import { createLog } from "../log.js";
import { native } from "../native.js";
import { type ActivatedSocket, activatedSockets } from "../notify.js";
import type { CommandLine } from "../spec/getopt.js";
import { NUMBERS } from "../spec/ranges.js";
import type { NbdTlsSpec, SocketSpec, Spec, StorageSpec, TlsSpec } from "../spec/spec.js";
import { nbdTlsOf, readTlsMode, type TlsWords } from "../spec/tls.js";
import { readDurability, readNumber, readSocket, readStorage, readUser } from "../spec/values.js";
import { checkScratch } from "./arguments.js";
import { type Output, processOutput, understand } from "./client.js";
import { NBD, type OptionName } from "./options.js";
import { serve } from "./serve.js";

/** The disk, and its export. */
const NAME = "disk";

/** Resolves to the exit status; throws an OperatorError for a mistake. */
export async function nbdCommand(argv: readonly string[], output: Output = processOutput): Promise<number> {
	const line = await understand(NBD, argv, output);
	if (line === undefined) return 0;
	return serve(specOf(line), createLog(line.has("verbose")));
}

function specOf(line: CommandLine<OptionName<typeof NBD>>): Spec {
	const [address = "", filename = ""] = line.positionals;
	const storage = readStorage(filename);
	const length = line.last("length");
	const user = line.last("user");
	const tls = tlsOf(line);
	return {
		disks: [
			{
				name: NAME,
				called: storage.name,
				storage,
				offsetSectors: readNumber("offset", line.last("offset") ?? "", NUMBERS.offset),
				lengthSectors: length === undefined ? undefined : readNumber("length", length, NUMBERS.length),
				direct: line.has("direct"),
				durability: readDurability(line.last("durability") ?? "", line.has("sync")),
				...writingOf(line, storage),
			},
		],
		exports: [
			{
				protocol: "nbd",
				name: NAME,
				disk: NAME,
				exportName: "",
				description: line.last("description") ?? "",
				...(tls && { tls }),
				listen: [withActivated(readSocket("address", address), activatedSockets())],
			},
		],
		links: [],
		process: { user: user === undefined ? undefined : readUser(user) },
	};
}

const TLS_WORDS: TlsWords = {
	mode: "--tls",
	certificate: "--tls-certificate",
	keyFile: "--tls-key",
	ca: "--tls-ca",
	pskFile: "--tls-psk",
};

function tlsOf(line: CommandLine<OptionName<typeof NBD>>): NbdTlsSpec | undefined {
	const mode = line.has("tls") ? line.last("tls") : undefined;
	const threads = line.last("tls-threads");
	const given = {
		certificate: line.last("tls-certificate"),
		keyFile: line.last("tls-key"),
		ca: line.last("tls-ca"),
		pskFile: line.last("tls-psk"),
		ciphers: line.last("tls-ciphers"),
	};
	const spec = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
	return nbdTlsOf(
		mode === undefined ? undefined : readTlsMode("tls", mode),
		spec as TlsSpec,
		threads === undefined ? undefined : readNumber("tls-threads", threads, NUMBERS["tls-threads"]),
		TLS_WORDS,
	);
}

/** What the service manager has opened there is used; whatever else it has opened nobody wants. */
function withActivated(socket: SocketSpec, activated: readonly ActivatedSocket[]) {
	const isThere = ({ descriptor }: ActivatedSocket): boolean =>
		native.socketName(descriptor, false) === socket.name;
	const found = activated.find(isThere);
	for (const each of activated) if (each !== found) closeSync(each.descriptor);
	return found === undefined ? socket : { ...socket, descriptor: found.descriptor };
}

function writingOf(line: CommandLine<OptionName<typeof NBD>>, storage: StorageSpec) {
	const readOnly = line.has("read-only");
	if (!line.has("scratch")) return { readOnly };
	checkScratch([storage], readOnly);
	return { readOnly, scratch: true };
}
