/**
 * `vblade nbd`: one disk over NBD, as the default export, from the start-up line to the last signal. Called by `commands.ts`; hands what
 * that asks for to `serve.ts`, as a spec of one disk and one export.
 */

import { createLog } from "../log.js";
import type { CommandLine } from "../spec/getopt.js";
import { NUMBERS } from "../spec/ranges.js";
import { NBD_PORT } from "../spec/remote.js";
import type { NbdTlsSpec, Spec, TlsSpec } from "../spec/spec.js";
import { nbdTlsOf, readTlsMode, type TlsWords } from "../spec/tls.js";
import { readNumber, readSocket, readStorage, readUser } from "../spec/values.js";
import { type Output, processOutput, understand } from "./client.js";
import { diskOf, withActivated } from "./one-disk.js";
import type { OptionName } from "./options.js";
import { serve } from "./serve.js";
import { NBD } from "./stream-options.js";

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
	const user = line.last("user");
	const tls = tlsOf(line);
	return {
		disks: [diskOf(line, NAME, storage)],
		exports: [
			{
				protocol: "nbd",
				name: NAME,
				disk: NAME,
				exportName: "",
				description: line.last("description") ?? "",
				...(tls && { tls }),
				listen: withActivated([readSocket("address", address, NBD_PORT)]),
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
