/** Requests are signed as another implementation (aws4) signs them. */

import { createHash } from "node:crypto";
import aws4 from "aws4";
import t from "tap";
import { queryText, type Signer, sign, stampOf, type Unsigned } from "../../lib/object/sigv4.js";
import { Random } from "../../lib/random.js";

const SEED = 20261128;

function word(random: Random, characters: string, most: number): string {
	const length = 1 + random.below(most);
	return Array.from({ length }, () => characters[random.below(characters.length)]).join("");
}

const NAME = "abcXYZ019._-/";
const ANY = `${NAME} +&=%?#'()*!~:;,äß€`;

function randomRequest(random: Random): Unsigned {
	const query = Array.from(
		{ length: random.below(4) },
		(_, number) => [`q${number}${word(random, "abz-", 3)}`, word(random, ANY, 12)] as const,
	);
	const headers = Object.fromEntries(
		Array.from({ length: random.below(4) }, (_, number) => [
			`x-amz-meta-${number}`,
			word(random, `${NAME}  ,`, 20),
		]),
	);
	return {
		method: random.pick(["GET", "PUT", "POST", "DELETE", "HEAD"]),
		path: `/gold/${word(random, "abcXYZ019._-", 30)}`,
		query,
		headers: { host: "objects.example.org:8080", range: "bytes=0-5", ...headers },
		bodyHash: createHash("sha256")
			.update(word(random, ANY, 100))
			.digest("hex"),
	};
}

function signedByOthers(
	{ method, path, query, headers, bodyHash }: Unsigned,
	signer: Signer,
	date: Date,
): string {
	const given = { ...headers, "x-amz-content-sha256": bodyHash, "x-amz-date": stampOf(date) };
	const asked = query.length === 0 ? path : `${path}?${queryText(query)}`;
	const request = { method, path: asked, service: "s3", region: signer.region, headers: given };
	const signed = aws4.sign(request, { accessKeyId: signer.accessKey, secretAccessKey: signer.secret });
	return String(new Map(Object.entries(signed.headers ?? {})).get("Authorization"));
}

t.test("as another implementation does", async (t) => {
	const random = new Random(SEED);
	const signer = { region: "eu-test-1", accessKey: "AKIDEXAMPLE", secret: "sec/ret+" };
	const date = new Date("2026-11-28T15:04:05.678Z");
	let different = 0;
	for (let round = 0; round < 300; round++) {
		const request = randomRequest(random);
		const { authorization } = sign(signer, request, date);
		if (authorization === signedByOthers(request, signer, date)) continue;
		different += 1;
		if (different === 1)
			t.equal(authorization, signedByOthers(request, signer, date), JSON.stringify(request));
	}
	t.equal(different, 0, `300 requests, seed ${SEED}`);
	t.not(sign(signer, randomRequest(random), date).authorization, undefined, "there is a signature");
});
