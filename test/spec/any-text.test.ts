/** Whatever stands in a file: it is understood wholly, or what is wrong is told with places; nothing in between, and no exception. */

import fc from "fast-check";
import t from "tap";
import { readText, texts } from "./trees.js";

const PLACED = /^vblade\.toml:[1-9][0-9]*:[1-9][0-9]*: \S/;

function isAnswered(text: string): boolean {
	const config = readText(text);
	if (!Array.isArray(config))
		return config.disks.every(({ exports, broken }) => !broken || exports.length === 0);
	return config.length > 0 && config.every((message) => PLACED.test(message) && !message.includes("\n"));
}

t.test("sound files that somebody has damaged", async (t) => {
	const damage = fc.tuple(
		fc.nat(),
		fc.nat(20),
		fc.oneof(fc.string(), fc.constantFrom("[", "]", "=", '"', "\n", "#", "1")),
	);
	fc.assert(
		fc.property(texts, fc.array(damage, { minLength: 1, maxLength: 3 }), (text, damages) => {
			const damaged = damages.reduce((now, [at, length, instead]) => {
				const from = at % (now.length + 1);
				return now.slice(0, from) + instead + now.slice(from + length);
			}, text);
			return isAnswered(damaged);
		}),
		{ numRuns: 500 },
	);
	t.pass();
});

t.test("values of any kind under keys that exist", async (t) => {
	const keys = fc.constantFrom(
		"file",
		"memory",
		"limit",
		"limit.iops",
		"aoe",
		"aoe.macs",
		"aoe.netif",
		"offset",
		"direct",
	);
	const values = fc.constantFrom(
		'"x"',
		"1",
		"-1",
		"1.5",
		"inf",
		"nan",
		"true",
		"[]",
		'["a", 1]',
		"[[1]]",
		"{ a = 1 }",
		"{}",
		"1979-05-27",
	);
	const lines = fc.array(
		fc.tuple(keys, values).map(([key, value]) => `${key} = ${value}`),
		{ maxLength: 4 },
	);
	fc.assert(
		fc.property(
			fc.constantFrom("[disk.a]", "[defaults]", "[[disk]]", "[[disk.a]]", "[daemon]", "disk = 1"),
			lines,
			(head, rest) => isAnswered([head, ...rest].join("\n")),
		),
		{ numRuns: 500 },
	);
	t.pass();
});
