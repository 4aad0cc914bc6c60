/**
 * The package as others have it: packed by npm, unpacked into an empty folder, and imported by a program in TypeScript that
 * knows nothing but its types. Without a network: what the package depends on is linked to where it is installed here, and
 * the addon is copied instead of built.
 */

import {
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { scratchDirectory } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { sourceFile } from "../support/paths.js";
import { run } from "../support/process.js";

/** Far below the 40 MB that all that is installed may take. */
const UNPACKED_MAX_BYTES = 12_000_000;

interface Manifest {
	readonly version: string;
	readonly dependencies: Readonly<Record<string, string>>;
	readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
}

interface Packed {
	readonly filename: string;
	readonly unpackedSize: number;
	readonly files: readonly { readonly path: string }[];
}

const manifest = JSON.parse(readFileSync(sourceFile("package.json"), "utf8")) as Manifest;
const folder = scratchDirectory();
const installed = path.join(folder, "node_modules/vblade");

async function succeed(t: Test, argv: readonly string[], cwd: string): Promise<string> {
	const { code, stdout, output } = await run([...argv], 2 * LIMIT_MS, {
		cwd,
		// npm writes its log and looks for a newer npm, unless it is told otherwise.
		env: { npm_config_cache: path.join(folder, "npm"), npm_config_update_notifier: "false" },
	});
	t.equal(code, 0, `${argv.slice(0, 2).join(" ")}${code === 0 ? "" : `: ${output}`}`);
	return stdout;
}

/** The paths that `exports` leads to. */
function exported(): string[] {
	return Object.values(manifest.exports).flatMap((to) =>
		typeof to === "string" ? [to] : [to.types, to.default],
	);
}

async function pack(t: Test): Promise<Packed> {
	const argv = ["npm", "pack", "--ignore-scripts", "--offline", "--json", "--pack-destination", folder];
	const told = JSON.parse(await succeed(t, argv, sourceFile())) as Packed[] | Record<string, Packed>;
	// A list until npm 11, by name later.
	const [packed] = Object.values(told);
	if (packed === undefined) throw new Error("npm packed nothing");
	return packed;
}

async function install(t: Test, { filename }: Packed): Promise<void> {
	mkdirSync(installed, { recursive: true });
	await succeed(t, ["tar", "-xzf", path.join(folder, filename), "--strip-components=1"], installed);
	for (const name of Object.keys(manifest.dependencies)) {
		const link = path.join(folder, "node_modules", name);
		mkdirSync(path.dirname(link), { recursive: true });
		symlinkSync(sourceFile("node_modules", name), link);
	}
	for (const addon of ["native/build/Release/vblade.node", "native/bench/build/Release/vblade_load.node"])
		cpSync(sourceFile(addon), path.join(installed, addon));
}

t.test("what is packed is what people need, and no more", async (t) => {
	const packed = await pack(t);
	const files = new Set(packed.files.map((file) => file.path));
	const wanted = [
		"LICENSE",
		"README.md",
		"man/vblade.8",
		"vbladed",
		"build/bin/vblade.js",
		"build/bin/page/index.html",
		"build/bin/page/uplot/uPlot.esm.js",
		"build/bin/page/uplot/LICENSE",
		"native/binding.gyp",
		"native/bench/binding.gyp",
		"native/flags.gypi",
	];
	for (const file of [...wanted, ...exported().map((file) => path.normalize(file))])
		t.ok(files.has(file), `${file} is in it`);
	const waste = [...files].filter((file) =>
		/^(build\/test|native\/(bench\/)?(build|test)|test|lib)\/|\.map$/.test(file),
	);
	t.strictSame(waste, [], "no tests, sources of TypeScript, or maps to them");
	t.ok(packed.unpackedSize < UNPACKED_MAX_BYTES, `${packed.unpackedSize} bytes`);
	await install(t, packed);
});

t.test("vblade starts from it", async (t) => {
	const cli = path.join(installed, "build/bin/vblade.js");
	t.equal(await succeed(t, [process.execPath, cli, "--version"], folder), `vblade ${manifest.version}\n`);
});

t.test("suites, devices and the client can be imported with types, and work", async (t) => {
	writeFileSync(path.join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
	const compilerOptions = {
		module: "NodeNext",
		target: "ES2023",
		lib: ["ES2023"],
		types: [],
		strict: true,
		exactOptionalPropertyTypes: true,
		noUncheckedIndexedAccess: true,
		skipLibCheck: false,
		// What comes with the compiler is true; checking it takes longer than all the rest.
		skipDefaultLibCheck: true,
		outDir: "out",
	};
	const settings = { compilerOptions, files: ["consumer.ts"] };
	writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify(settings));
	cpSync(sourceFile("test/package/consumer.ts"), path.join(folder, "consumer.ts"));
	await succeed(t, [process.execPath, sourceFile("node_modules/typescript/bin/tsc"), "-p", "."], folder);
	t.strictSame(readdirSync(path.join(folder, "out")), ["consumer.js"], "nothing else was compiled");
	const say = 'const { summary } = await import("./out/consumer.js"); console.log(summary);';
	const told = await succeed(t, [process.execPath, "--input-type=module", "-e", say], folder);
	t.match(told, /^[1-9]\d+ cases, answers$/m);
});

t.test("everything else is private", async (t) => {
	t.ok(existsSync(path.join(installed, "build/lib/pump.js")));
	const names = ["vblade", "vblade/build/lib/pump.js", "vblade/lib/pump.js"];
	const say = `for (const name of ${JSON.stringify(names)})
		await import(name).catch(({ code }) => console.log(code));`;
	const told = await succeed(t, [process.execPath, "--input-type=module", "-e", say], folder);
	t.equal(told, "ERR_PACKAGE_PATH_NOT_EXPORTED\n".repeat(names.length));
});
