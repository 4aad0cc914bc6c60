/**
 * The program: killed while things are put, again and again, and what it had said is there; a second one on the same directory; a
 * certificate that is renewed; whom it goes on as; what it refuses to begin with.
 */

import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { connect } from "node:tls";
import t from "tap";
import { textsIn } from "../../lib/object/xml.js";
import { Random } from "../../lib/random.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run } from "../support/process.js";
import { ObjectsProgram } from "./program.js";
import { KEYS } from "./stage.js";

const SEED = 20261129;
const ROUNDS = 6;
const WRITERS = 8;

function bytesOf(seed: number): Buffer {
	const random = new Random(seed);
	const bytes = Buffer.alloc(1 + random.below(600_000));
	for (let at = 0; at + 4 <= bytes.length; at += 4) bytes.writeUInt32LE(random.below(2 ** 32), at);
	return bytes;
}

const sumOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const served = new ObjectsProgram();
	const { stage } = served;
	t.teardown(() => served.program?.stop("SIGKILL", LIMIT_MS));

	t.test(
		"killed in the middle of PUTs: what was answered is there, whole, and the rest is whole or not there",
		async (t) => {
			const random = new Random(SEED);
			await served.start();
			await stage.ask("PUT", "/gold");
			const asked = new Map<string, string>();
			const answered = new Set<string>();
			let value = "";
			const values = new Set<string>();
			for (let round = 0; round < ROUNDS; round++) {
				let isOver = false;
				const writers = Array.from({ length: WRITERS }, async (_, writer) => {
					for (let count = 0; !isOver; count++) {
						const name = `${round}/${writer}/${count}`;
						const body = bytesOf(SEED + round * 1_000_000 + writer * 10_000 + count);
						asked.set(name, sumOf(body));
						const put = { body, headers: { "if-none-match": "*" } };
						const answer = await stage.ask("PUT", `/gold/${name}`, put).catch(() => undefined);
						if (answer?.status === 200) answered.add(name);
					}
				});
				const head = (async () => {
					for (let count = 0; !isOver; count++) {
						const next = `${round}.${count}`;
						values.add(next);
						const answer = await stage.ask("PUT", "/gold/head", { body: next }).catch(() => undefined);
						if (answer?.status !== 200) continue;
						value = next;
						values.clear();
					}
				})();
				const wanted = answered.size + 5 + random.below(20);
				await until("some answers", () => answered.size >= wanted, LIMIT_MS);
				await served.program.stop("SIGKILL", LIMIT_MS);
				isOver = true;
				await Promise.all([...writers, head]);
				await served.start();
				const found = (await stage.ask("GET", "/gold/head")).body.toString();
				t.ok(found === value || values.has(found), `${found}: what was answered last, or asked for since`);
				value = found;
				values.clear();
			}
			const names: string[] = [];
			for (let page = 0, isMore = true; isMore && page < 100; page++) {
				const query = { "list-type": "2", "start-after": names.at(-1) ?? "", prefix: "", "max-keys": "100" };
				const xml = (await stage.ask("GET", "/gold", { query })).body.toString();
				names.push(...textsIn(xml, "Key"));
				isMore = xml.includes("<IsTruncated>true<");
			}
			const lost = [...answered].filter((name) => !names.includes(name));
			t.strictSame(lost, [], `nothing of ${answered.size} that were answered is lost, seed ${SEED}`);
			let torn = 0;
			for (const name of names.filter((each) => each !== "head"))
				if (sumOf((await stage.ask("GET", `/gold/${name}`)).body) !== asked.get(name)) torn += 1;
			t.equal(torn, 0, `each of ${names.length} is what was put`);
			t.strictSame(readdirSync(path.join(stage.folder, ".vblade-objects")), ["lock"], "no halves are left");
		},
	);

	t.test("a second one on the same directory is refused, and the first one serves on", async (t) => {
		const again = served.command.map((word) => word.replace(":9472", ":9473"));
		const { code, stderr } = await run(again, LIMIT_MS);
		t.equal(code, 2);
		t.match(stderr, /another process serves it/);
		t.equal((await stage.ask("HEAD", "/gold")).status, 200);
		const same = await run(served.command, LIMIT_MS);
		t.match(same.stderr, /--listen "127.0.0.1:9472": can't be had \(EADDRINUSE\)/);
	});

	t.test("it goes on as an ordinary user", async (t) => {
		const status = readFileSync(`/proc/${served.program.pid}/status`, "utf8");
		t.notMatch(status, /^Uid:.*\b0\b/m);
		t.match(status, /^CapEff:\s+0+$/m);
	});

	t.test("a certificate is renewed by a signal, and one that is none changes nothing", async (t) => {
		const shown = (): Promise<string> =>
			new Promise((resolve, reject) => {
				const socket = connect({ port: 9472, host: "127.0.0.1", ca: stage.ca }, () => {
					resolve(new X509Certificate(socket.getPeerCertificate().raw).subject);
					socket.destroy();
				});
				socket.on("error", reject);
			});
		t.equal(await shown(), "CN=server");
		const renewed = stage.keys.make("renewed");
		copyFileSync(renewed.certificate, stage.own.certificate);
		served.program.signal("SIGHUP");
		await served.program.waitFor(/the certificate stays what it was: /, LIMIT_MS);
		t.equal(await shown(), "CN=server", "its key is another one's");
		copyFileSync(renewed.key, stage.own.key);
		execFileSync("chmod", ["644", stage.own.key], { timeout: LIMIT_MS });
		served.program.signal("SIGHUP");
		await served.program.waitFor(/the certificate was read again/, LIMIT_MS);
		t.equal(await shown(), "CN=renewed");
		t.equal((await stage.ask("HEAD", "/gold")).status, 200);
	});

	t.test("it ends in order, and says what it can't begin with", async (t) => {
		t.equal((await served.program.stop("SIGTERM", LIMIT_MS)).code, 0);
		const file = path.join(served.folder, "file");
		writeFileSync(file, "");
		const roots = path.join(served.folder, "roots");
		mkdirSync(roots, { mode: 0o755 });
		const around = path.join(served.folder, "around");
		mkdirSync(path.join(around, "bucket", ".vblade-objects"), { recursive: true });
		execFileSync("chown", ["nobody", around], { timeout: LIMIT_MS });
		const [, ...words] = served.command.slice(vbladeCommand().length);
		const without = (option: string): string[] => words.toSpliced(words.indexOf(option), 2);
		for (const [argv, wanted] of [
			[without("--listen"), /--listen is missing/],
			[without("--access-key"), /--access-key is missing/],
			[without("--secret-file"), /--secret-file is missing/],
			[without("--key-file"), /--key-file is missing/],
			[words.with(0, file), /can't be served \(ENOTDIR\)/],
			[words.with(0, roots), /roots": belongs to user 0; it has to belong to the one that serves it/],
			[words.with(0, path.join(stage.folder, "gold")), /is a part of ".*store", which is served as a whole/],
			[words.with(0, around), /has bucket in it, which is served as a directory of its own/],
			[words.with(words.indexOf("--secret-file") + 1, "/none"), /\/none: there is no such file/],
			[words.with(words.indexOf("--access-key") + 1, "a b"), /--access-key "a b": /],
			[words.with(words.indexOf("--listen") + 1, "localhost:9473"), /a number and a port are allowed/],
			[
				words.with(words.indexOf("--listen") + 1, "unix:/run/x"),
				/--listen "unix:\/run\/x": a number and a port are allowed/,
			],
		] as const) {
			const { code, stderr } = await run([...vbladeCommand(), "objects", ...argv], LIMIT_MS);
			t.match(stderr, wanted);
			t.equal(code, 2);
			t.notMatch(stderr, KEYS.secret);
		}
		t.strictSame(readdirSync(roots), [], "nothing is made there");
	});
}
