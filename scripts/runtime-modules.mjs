// Copies those npm packages that the program needs to run, and of each what is needed then: no sources of addons, types or maps. What
// they are is read from package-lock.json; optional ones that are not installed are left out.
// usage: node scripts/runtime-modules.mjs FOLDER    Called by scripts/deb. Prints the licences.

import { cpSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const project = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [, , target] = process.argv;
if (target === undefined) throw new Error("usage: node scripts/runtime-modules.mjs FOLDER");

/** Of some packages only headers are used, when an addon is compiled, or types. */
const ONLY_TO_BUILD = /^node_modules\/(?:.*\/)?(?:nan|@types\/[^/]+)$/;
const WANTED = /(?:^package\.json|\.(?:[cm]?js|json|node))$/;
const UNWANTED =
	/(?:^|\/)(?:\.[^/]+|node-gyp-build\/(?:bin|build-test|optional)\.js|tests?|examples?|docs|benchmarks?|obj\.target|\.github|src\/build)$|\/(?:config\.gypi|.*\.target\.mk)$/;

const { packages } = JSON.parse(readFileSync(path.join(project, "package-lock.json"), "utf8"));
const needed = Object.entries(packages)
	.filter(([place, { dev }]) => place !== "" && !dev && !ONLY_TO_BUILD.test(place))
	.map(([place]) => place)
	.filter((place) => existsSync(path.join(project, place)));

/** One package, without those that lie in it. */
function copy(place) {
	const from = path.join(project, place);
	cpSync(from, path.join(target, place), {
		recursive: true,
		dereference: true,
		filter: (file) => {
			const inside = path.relative(from, file);
			if (inside === "") return true;
			if (inside.split(path.sep).includes("node_modules") || UNWANTED.test(`/${place}/${inside}`))
				return false;
			return statSync(file).isDirectory() || WANTED.test(inside);
		},
	});
}

/** What the Apache License wants kept. */
function readNotice(from) {
	const file = path.join(from, "NOTICE");
	return existsSync(file) ? `${readFileSync(file, "utf8").trim()}\n\n` : "";
}

/** What must go with every copy of it. */
function licenceOf(place) {
	const from = path.join(project, place);
	const { name, version, license, author } = JSON.parse(
		readFileSync(path.join(from, "package.json"), "utf8"),
	);
	const file = readdirSync(from).find((entry) => /^licen[cs]e/i.test(entry));
	const by = typeof author === "string" ? author : author?.name;
	// It is long, and on every Debian.
	if (license === "Apache-2.0")
		return `${name} ${version}: ${license}, by ${by ?? "its authors"}\n\n${readNotice(from)}/usr/share/common-licenses/Apache-2.0\n`;
	const text =
		file === undefined ? `by ${by ?? "its authors"}\n` : readFileSync(path.join(from, file), "utf8");
	return `${name} ${version}: ${typeof license === "string" ? license : "see below"}\n\n${text.trim()}\n`;
}

for (const place of needed) {
	copy(place);
	console.log(`${"-".repeat(70)}\n${licenceOf(place)}`);
}
