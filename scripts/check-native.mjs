// Runs the C code under sanitizers: its own tests without Node (native/test), once with AddressSanitizer, leak check and
// UndefinedBehaviorSanitizer and once with ThreadSanitizer; then the tests of the addon and of the rooms above it with an
// addon built with AddressSanitizer. Each sanitizer must first find an error made on purpose.
// usage: node scripts/check-native.mjs [--core | --fuzz]       Called by `npm run check:native` and `npm run fuzz:native`, which
// have compiled everything before.
//   --core   only the tests without Node, which take seconds
//   --fuzz   only the long fuzzing, a million frames of each family (FUZZ_FRAMES for another number): an hour or two
// Exits with 0 only if nothing was found.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const packageDir = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const inPackage = (...parts) => path.join(packageDir, ...parts);
const outDir = inPackage("build/sanitized");
const wantsFuzz = process.argv.includes("--fuzz");
const LIMIT_MS = wantsFuzz ? 4 * 3600_000 : 600_000;
/** As in test/fuzz/storm.ts, for all arenas. */
const FUZZ_FRAMES = process.env.FUZZ_FRAMES || "1000000";

/** What each kind of build must find when it is asked to do wrong. */
const VARIANTS = [
	{ name: "asan", flags: ["-fsanitize=address,undefined"], canaries: ["address", "leak", "undefined"] },
	{ name: "tsan", flags: ["-fsanitize=thread"], canaries: ["race"] },
];
/** Node itself is not built for leak checks. What was freed is kept for a while, but less than what counts as growth. */
const NODE_OPTIONS = "detect_leaks=0:alloc_dealloc_mismatch=0:abort_on_error=1:quarantine_size_mb=16";
/** Tests of the addon and of the rooms above it; of test/native all but the one that runs this script. */
const TESTS = wantsFuzz
	? /^fuzz\/(storm|wire)\.long\.js$/
	: /^(native\/(?!core)|link\/packet|block\/file|bench\/load|fuzz\/wire|nbd\/tls(-hostile|-damage)?\.).*\.test\.js$/;

let failures = 0;

function report(isGood, what, output) {
	console.log(`${isGood ? "ok" : "not ok"} - ${what}`);
	if (isGood) return;
	failures += 1;
	console.log(output.split("\n").slice(-60).join("\n"));
}

function run(command, args, env = {}) {
	const result = spawnSync(command, args, {
		cwd: packageDir,
		encoding: "utf8",
		env: { ...process.env, ...env },
		timeout: LIMIT_MS,
		killSignal: "SIGKILL",
		maxBuffer: 1 << 30,
	});
	const why = result.error ? `\n${result.error.message}` : "";
	return { isGood: result.status === 0, output: `${result.stdout}${result.stderr}${why}` };
}

function headers() {
	return readdirSync(inPackage("native"), { recursive: true })
		.filter((name) => name.endsWith(".h"))
		.map((name) => inPackage("native", name));
}

/** Compiled with sanitizers it takes longer than its tests do. */
function isNewer(program, sources) {
	const changedMs = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
	return sources.every((source) => changedMs(source) < changedMs(program));
}

function compile(program, flags) {
	const sources = ["storage", "net", "common", "bench", "test"].flatMap((folder) =>
		readdirSync(inPackage("native", folder))
			.filter((name) => name.endsWith(".c") && name !== "binding.c")
			.map((name) => inPackage("native", folder, name)),
	);
	const wrapped = [
		"pread",
		"pwritev2",
		"fdatasync",
		"mincore",
		"pthread_create",
		"io_uring_submit",
		"io_uring_queue_init",
	].map((name) => `-Wl,--wrap=${name}`);
	const uring = existsSync("/usr/include/liburing.h");
	if (isNewer(program, [...sources, ...headers(), fileURLToPath(import.meta.url)]))
		return { isGood: true, output: "" };
	const args = [
		...["-std=gnu11", "-g", "-O1", "-fno-omit-frame-pointer", "-Wall", "-Wextra", "-Werror", "-Wshadow"],
		`-I${inPackage("native")}`,
		...[...flags, "-fno-sanitize-recover=all", ...wrapped, "-o", program],
		...[...sources, "-pthread"],
		...(uring ? ["-DHAVE_LIBURING", "-l:liburing.a"] : []),
	];
	return run("cc", args);
}

function checkCore({ name, flags, canaries }) {
	const program = path.join(outDir, `core-${name}`);
	const compiled = compile(program, flags);
	report(compiled.isGood, `core, ${name}: builds without warnings`, compiled.output);
	if (!compiled.isGood) return;
	for (const canary of canaries) {
		const { isGood, output } = run(program, [`--canary=${canary}`]);
		report(!isGood && /Sanitizer|runtime error/.test(output), `core, ${name}: would find: ${canary}`, output);
	}
	const scratch = mkdtempSync(path.join(tmpdir(), `vb${process.pid}-`));
	const { isGood, output } = run(program, [scratch]);
	rmSync(scratch, { recursive: true, force: true });
	report(isGood, `core, ${name}: tests`, output);
}

function checkAddon() {
	const built = run(process.execPath, [inPackage("scripts/build-native.mjs"), "--sanitize"]);
	report(built.isGood, "addon: builds without warnings", built.output);
	if (!built.isGood) return;
	const library = (name) => run("cc", [`-print-file-name=${name}`]).output.trim();
	const env = {
		VBLADE_ADDON: inPackage("build/asan"),
		// The second one for programs in C++ that throw before anything else has loaded it.
		LD_PRELOAD: `${library("libasan.so")} ${library("libstdc++.so.6")}`,
		ASAN_OPTIONS: NODE_OPTIONS,
		UBSAN_OPTIONS: "print_stacktrace=1",
	};
	const nativeUrl = pathToFileURL(inPackage("build/lib/native.js")).href;
	const overrun = `const { native } = await import(${JSON.stringify(nativeUrl)});
		const bytes = new Uint8Array(1000), to = new Uint8Array(2000);
		native.copy(native.addressOf(to), native.addressOf(bytes), 1001);`;
	const canary = run(process.execPath, ["--input-type=module", "-e", overrun], env);
	report(
		!canary.isGood && /heap-buffer-overflow/.test(canary.output),
		"addon: would find: address",
		canary.output,
	);
	const tests = readdirSync(inPackage("build/test"), { recursive: true })
		.filter((name) => TESTS.test(name))
		.sort();
	report(tests.length > 0, `addon: ${tests.length} files of tests`, "none is compiled");
	for (const test of tests) {
		const { isGood, output } = run(process.execPath, [inPackage("build/test", test)], {
			...env,
			TAP_TIMEOUT: "300",
			...(wantsFuzz && { FUZZ_FRAMES, TAP_TIMEOUT: "0" }),
		});
		report(isGood, `addon: ${test}`, output);
	}
}

mkdirSync(outDir, { recursive: true });
if (!wantsFuzz) for (const variant of VARIANTS) checkCore(variant);
if (!process.argv.includes("--core")) checkAddon();
console.log(failures === 0 ? "native code: nothing found" : `native code: ${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;
