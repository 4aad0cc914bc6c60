/** What clients of S3 ask for, and what they are told: signatures, conditions, parts, lists, and all that is refused. */

import { createHash } from "node:crypto";
import { readdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { stampOf } from "../../lib/object/sigv4.js";
import { textIn, textsIn } from "../../lib/object/xml.js";
import { type Answered, type Asking, Stage } from "./stage.js";

const stage = new Stage();
await stage.start();
const RACERS = 100;
const MINUTE_MS = 60_000;

const ask = (method: string, where: string, asking?: Asking): Promise<Answered> =>
	stage.ask(method, where, asking);

/** Status, and code if it is an error. */
async function told(method: string, where: string, asking?: Asking): Promise<string> {
	const { status, code } = await ask(method, where, asking);
	return code === undefined ? String(status) : `${status} ${code}`;
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

t.before(async () => {
	await ask("PUT", "/gold");
});

t.test("a request is taken only if it is signed as it has to be", async (t) => {
	const put = (asking: Asking): Promise<string> => told("PUT", "/gold/signed", { body: "bytes", ...asking });
	const spoilt = (name: string, value: string | undefined): Promise<string> =>
		put({
			spoil: (sent) => {
				if (value === undefined) delete sent[name];
				else sent[name] = value;
			},
		});
	t.equal(await spoilt("authorization", undefined), "403 AccessDenied");
	t.equal(await spoilt("authorization", "Basic YTpi"), "501 NotImplemented");
	t.equal(await spoilt("authorization", "AWS4-HMAC-SHA256 nonsense"), "400 AuthorizationHeaderMalformed");
	t.equal(await put({ secret: "another" }), "403 SignatureDoesNotMatch");
	t.equal(await put({ accessKey: "another" }), "403 InvalidAccessKeyId");
	t.equal(await spoilt("x-amz-content-sha256", sha256("other")), "403 SignatureDoesNotMatch");
	t.equal(await spoilt("x-amz-meta-new", "a"), "403 AccessDenied", "a header that is not signed");
	t.equal(await spoilt("x-amz-date", "yesterday"), "403 AccessDenied");
	t.equal(
		await put({
			headers: { "if-none-match": "*" },
			spoil: (sent) => {
				sent["if-none-match"] = "x";
			},
		}),
		"403 SignatureDoesNotMatch",
		"a header that was changed",
	);
	for (const minutes of [-16, 16]) {
		const date = stampOf(new Date(Date.now() + minutes * MINUTE_MS));
		t.equal(await put({ headers: { "x-amz-date": date } }), "403 RequestTimeTooSkewed", `${minutes} min`);
	}
	const soon = stampOf(new Date(Date.now() + 14 * MINUTE_MS));
	t.equal(await put({ headers: { "x-amz-date": soon } }), "200", "a clock that is a bit off");
	const moved = await ask("GET", "/gold/signed", { raw: "/gold/signed?X-Amz-Signature=00" });
	t.equal(moved.code, "SignatureDoesNotMatch", "what is asked for is signed, too");
});

t.test("a body is what was signed, or nothing is changed", async (t) => {
	const put = (headers: Record<string, string>): Promise<string> =>
		told("PUT", "/gold/body", { body: "bytes", headers });
	t.equal(await put({ "x-amz-content-sha256": sha256("other") }), "400 XAmzContentSHA256Mismatch");
	t.equal(await put({ "content-md5": "AAAAAAAAAAAAAAAAAAAAAA==" }), "400 BadDigest");
	t.equal(await put({ "content-md5": "short" }), "400 InvalidDigest");
	t.equal(await put({ "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" }), "501 NotImplemented");
	t.equal(await told("GET", "/gold/body"), "404 NoSuchKey", "nothing of these");
	t.equal(await put({ "x-amz-content-sha256": "UNSIGNED-PAYLOAD" }), "200", "that is left to TLS");
	t.equal((await ask("GET", "/gold/body")).body.toString(), "bytes");
	t.strictSame(readdirSync(path.join(stage.folder, ".vblade-objects")), ["lock"], "nothing is left over");
});

t.test("of a hundred who create one name one does, and so of a hundred who change one value", async (t) => {
	// (What is changed to what it was has the ETag that it had.)
	let races = 0;
	const race = async (condition: Record<string, string>): Promise<string> => {
		races += 1;
		const racers = Array.from({ length: RACERS }, (_, index) => `${races}-${index}`);
		const all = await Promise.all(
			racers.map((body) => ask("PUT", "/gold/race", { body, headers: condition })),
		);
		const won = racers.filter((_, index) => all[index]?.status === 200);
		const lost = all.filter(({ status, code }) => status === 412 && code === "PreconditionFailed");
		t.equal(won.length, 1, "one has won");
		t.equal(lost.length, RACERS - 1, "all others are told that they have not");
		const { body, headers } = await ask("GET", "/gold/race");
		t.equal(body.toString(), won[0], "and it is his");
		return String(headers.etag);
	};
	const etag = await race({ "if-none-match": "*" });
	await race({ "if-match": etag });
	t.equal(await told("PUT", "/gold/none", { body: "a", headers: { "if-match": "*" } }), "404 NoSuchKey");
});

t.test("all of an object, or a part; what is known of it", async (t) => {
	const body = "0123456789";
	await ask("PUT", "/gold/part", { body, headers: { "content-type": "text/x", "x-amz-meta-own": "a  b" } });
	const part = async (range: string): Promise<string> => {
		const answer = await ask("GET", "/gold/part", { headers: { range } });
		return [answer.status, answer.headers["content-range"] ?? "-", answer.code ?? answer.body].join(" ");
	};
	t.equal(await part("bytes=2-4"), "206 bytes 2-4/10 234");
	t.equal(await part("bytes=7-"), "206 bytes 7-9/10 789");
	t.equal(await part("bytes=8-99"), "206 bytes 8-9/10 89");
	t.equal(await part("bytes=-3"), "206 bytes 7-9/10 789");
	t.equal(await part("bytes=-99"), "206 bytes 0-9/10 0123456789");
	t.equal(await part("bytes=10-"), "416 - InvalidRange");
	t.equal(await part("bytes=-0"), "416 - InvalidRange");
	for (const none of ["bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "lines=1-2", "bytes=1-2,4-5"])
		t.equal(await part(none), `200 - ${body}`, `${none} is no range`);
	const { status, headers, body: nothing } = await ask("HEAD", "/gold/part");
	t.match(headers, { "content-length": "10", "content-type": "text/x", "x-amz-meta-own": "a  b" });
	t.equal(status, 200);
	t.equal(nothing.length, 0);
	const etag = createHash("md5").update(body).digest("hex");
	t.equal(headers.etag, `"${etag}"`);
	t.equal((await ask("GET", "/gold/part", { headers: { "if-none-match": etag } })).status, 304);
	t.equal(await told("GET", "/gold/part", { headers: { "if-match": "other" } }), "412 PreconditionFailed");
	t.equal((await ask("HEAD", "/gold/gone")).status, 404);
});

t.test("names are names, and never paths", async (t) => {
	const names = ["a", "a/b", "a/b/c", "..", ".", "../../x", ".vblade-objects", "a//b", "/a", "a=b", "a%2Fb"];
	const strange = ["%", "ü€😀", "a b+c", "half-x", "'\"<>&", "a/"];
	const all = [...names, ...strange];
	const at = (name: string): string => `/odd/${name.split("/").map(encodeURIComponent).join("/")}`;
	const quoted = (name: string): string =>
		at(name).replaceAll(/['()*!]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
	await ask("PUT", "/odd");
	for (const name of all) t.equal(await told("PUT", quoted(name), { body: name }), "200", name);
	for (const name of all) t.equal((await ask("GET", quoted(name))).body.toString(), name, name);
	const { body } = await ask("GET", "/odd", { query: { "list-type": "2" } });
	t.strictSame(textsIn(body.toString(), "Key"), all.toSorted(), "each is in the list, once");
	t.strictSame(readdirSync(stage.folder).sort(), [".vblade-objects", "gold", "odd"], "and nowhere else");
	t.equal(await told("GET", "/odd/a%00b"), "400 InvalidURI", "NUL");
	t.equal(await told("PUT", `/odd/${"n".repeat(256)}`, { body: "" }), "400 KeyTooLongError");
	t.equal(await told("PUT", `/odd/${"n".repeat(255)}`, { body: "" }), "200", "the longest there is");
	for (const bucket of ["..", ".vblade-objects", "-a", "a%20b", "a".repeat(64)])
		t.equal(await told("PUT", `/${bucket}`), "400 InvalidBucketName", bucket);
	const raw = await ask("GET", "/odd/x", { raw: "/odd/%zz" });
	t.equal(raw.code, "InvalidURI");
});

t.test("links and files of others are no objects", async (t) => {
	await ask("PUT", "/planted");
	const folder = path.join(stage.folder, "planted");
	symlinkSync("/etc/passwd", path.join(folder, "link"));
	symlinkSync("/etc", path.join(stage.folder, "linked"));
	writeFileSync(path.join(folder, "other"), "somebody else's");
	t.equal(await told("GET", "/planted/link"), "404 NoSuchKey");
	t.equal(await told("GET", "/linked/passwd"), "404 NoSuchBucket");
	t.equal(await told("GET", "/planted/other"), "500 InternalError", "not told as if it were one");
	const { body } = await ask("GET", "/planted", { query: { "list-type": "2" } });
	t.strictSame(textsIn(body.toString(), "Key"), []);
	t.equal(await told("PUT", "/planted/other", { body: "ours" }), "200", "and it can be written over");
});

t.test("lists: some at a time, by prefix, and as if there were folders", async (t) => {
	await ask("PUT", "/lists");
	const names = Array.from({ length: 25 }, (_, index) => `n/${String(index).padStart(2, "0")}/x`);
	for (const name of [...names, "a", "z&<"])
		await ask("PUT", `/lists/${encodeURIComponent(name).replaceAll("%2F", "/")}`, { body: name });
	const pages = async (query: Record<string, string>, tag: string): Promise<string[][]> => {
		const found: string[][] = [];
		for (let token: string | undefined, page = 0; page < 50; page++) {
			const going = token === undefined ? {} : { "continuation-token": token };
			const { body } = await ask("GET", "/lists", { query: { "list-type": "2", ...query, ...going } });
			found.push(tag === "Prefix" ? textsIn(body.toString(), tag).slice(1) : textsIn(body.toString(), tag));
			token = textIn(body.toString(), "NextContinuationToken");
			if (token === undefined) break;
		}
		return found;
	};
	t.strictSame((await pages({ "max-keys": "10" }, "Key")).flat(), ["a", ...names, "z&<"]);
	t.equal((await pages({ "max-keys": "10" }, "Key")).length, 3);
	t.strictSame((await pages({ prefix: "n/1" }, "Key")).flat(), names.slice(10, 20));
	t.strictSame((await pages({ "start-after": "n/23/x" }, "Key")).flat(), [names[24], "z&<"]);
	t.strictSame((await pages({ delimiter: "/" }, "Prefix")).flat(), ["n/"]);
	const folders = names.map((name) => name.slice(0, -1));
	t.strictSame((await pages({ delimiter: "/", prefix: "n/", "max-keys": "4" }, "Prefix")).flat(), folders);
	const { body } = await ask("GET", "/lists", { query: { marker: "n/22/x", "encoding-type": "url" } });
	t.strictSame(textsIn(body.toString(), "Key"), [...names.slice(23), "z%26%3C"], "the older form");
	const old = await ask("GET", "/lists", { query: { marker: "n/", delimiter: "/" } });
	t.strictSame(textsIn(old.body.toString(), "Key"), ["z&<"], "behind what was one row");
	for (const query of [{ "max-keys": "-1" }, { "list-type": "3" }, { "encoding-type": "x" }])
		t.equal(await told("GET", "/lists", { query }), "400 InvalidArgument");
	t.match((await ask("GET", "/")).body.toString(), /<Name>gold<\/Name>.*<Name>lists<\/Name>/);
});

t.test("what is removed is gone, also many at once", async (t) => {
	await ask("PUT", "/removed");
	for (const name of ["a", "b/c", "d&"])
		await ask("PUT", `/removed/${name.replace("&", "%26")}`, { body: name });
	t.equal(await told("DELETE", "/removed"), "409 BucketNotEmpty");
	t.equal(await told("DELETE", "/removed/a"), "204");
	t.equal(await told("DELETE", "/removed/a"), "204", "and if it was not there");
	const remove = (body: string): Promise<Answered> =>
		ask("POST", "/removed", { body, query: { delete: "" } });
	const key = (name: string): string => `<Object><Key>${name}</Key></Object>`;
	const { body } = await remove(`<Delete>${key("b/c")}${key("d&amp;")}${key("n".repeat(300))}</Delete>`);
	t.strictSame(textsIn(body.toString(), "Deleted"), ["<Key>b/c</Key>", "<Key>d&</Key>"]);
	t.strictSame(textsIn(body.toString(), "Code"), ["KeyTooLongError"]);
	for (const bad of [
		"",
		"<Delete>",
		"<Delete></Delete>",
		"nonsense",
		`<Delete>${key("a").repeat(1001)}</Delete>`,
	])
		t.equal((await remove(bad)).code, "MalformedXML");
	t.equal((await remove("x".repeat(3 * 1024 * 1024))).code, "EntityTooLarge");
	t.equal(await told("DELETE", "/removed"), "204");
	t.equal(await told("GET", "/removed/a"), "404 NoSuchBucket");
	t.equal(await told("PUT", "/removed/a", { body: "a" }), "404 NoSuchBucket");
});

t.test("what is not done here is said to be that, and nothing happens", async (t) => {
	for (const [method, where, asking] of [
		["POST", "/gold/parts", { query: { uploads: "" }, body: "" }],
		["PUT", "/gold/parts", { query: { partNumber: "1", uploadId: "a" }, body: "a" }],
		["GET", "/gold", { query: { policy: "" } }],
		["GET", "/gold/race", { query: { acl: "" } }],
		["PUT", "/gold/copy", { headers: { "x-amz-copy-source": "/gold/race" }, body: "" }],
		["PUT", "/gold/acl", { headers: { "x-amz-acl": "public-read" }, body: "a" }],
		["PUT", "/gold/sse", { headers: { "x-amz-server-side-encryption": "AES256" }, body: "a" }],
		["PUT", "/gold/match", { headers: { "if-none-match": '"abc"' }, body: "a" }],
		["DELETE", "/gold/race", { headers: { "if-match": '"abc"' } }],
	] as const)
		t.equal(await told(method, where, asking), "501 NotImplemented", `${method} ${where}`);
	t.equal(await told("PATCH", "/gold/race"), "405 MethodNotAllowed");
	t.equal(await told("PUT", "/"), "405 MethodNotAllowed");
	t.equal(
		await told("PUT", "/gold/chunks", { headers: { "transfer-encoding": "chunked" } }),
		"411 MissingContentLength",
	);
	for (const name of ["parts", "copy", "acl", "sse", "match", "chunks"])
		t.equal(await told("GET", `/gold/${name}`), "404 NoSuchKey", name);
	t.equal(await told("PUT", "/gold"), "409 BucketAlreadyOwnedByYou");
});

t.test("nothing of all that was a defect", async (t) => {
	t.strictSame(
		stage.warnings.filter((warning) => !warning.includes("/planted/other")),
		[],
	);
});
