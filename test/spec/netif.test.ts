/** Globs of interface names, and what is none. Mirrors the end of lib/spec/netif.ts; all forms of netif are in arguments.test.ts. */

import t from "tap";
import { OperatorError } from "../../lib/errors.js";
import { parseNetif } from "../../lib/spec/netif.js";

const PRESENT = ["lo", ".x", "eth0", "eth{0,1}", "!a", "a+", "ab"];

function found(glob: string): string[] {
	return parseNetif(glob, () => PRESENT).map(({ name }) => name);
}

t.test("a dot is nothing special in the name of an interface", async (t) => {
	t.strictSame(found("*"), PRESENT);
	t.strictSame(found("?x"), [".x"]);
});

t.test("what some shells have beyond globs is taken as it is written", async (t) => {
	t.strictSame(found("!*"), ["!a"], "no negation");
	t.strictSame(found("eth{*"), ["eth{0,1}"], "no braces");
	t.strictSame(found("**"), PRESENT, "two stars are one");
	t.strictSame(found("a[+]"), ["a+"]);
	for (const none of ["@(lo)*", "+(a)?", "eth[", "[!]x"])
		t.throws(() => found(none), /^netif ".*": no interface matches; there are lo, /, none);
});

t.test("classes, ranges, and one that is upside down", async (t) => {
	t.strictSame(found("[a-b][!o]"), ["a+", "ab"]);
	t.strictSame(found("eth[0-1]"), ["eth0"]);
	t.throws(
		() => found("[1-0]"),
		new OperatorError('netif "[1-0]": not a glob that a shell would understand'),
	);
});
