/**
 * A stand-in for S3 that is strict: it takes no request that is not signed as another implementation of signatures (`aws4`) would sign
 * it, nor a body of another sum. For the tests of `lib/object/s3.ts`; what real ones do is in `services.test.ts`.
 */

import { createHash } from "node:crypto";
import aws4 from "aws4";
import { type Asked, StandIn, type Told } from "./stand-in.js";

export const KEYS = {
	accessKey: "AKIDEXAMPLE",
	secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
	region: "eu-test-1",
};
export const BUCKET = "gold";

/** `none`: conditions on a PUT are not looked at; `refused`: 501, as Swift's S3 has it. */
export type Conditions = "kept" | "none" | "refused";

function problem(status: number, code: string): Told {
	return {
		status,
		body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code} &amp; so on</Message></Error>`,
	};
}

function hash(algorithm: string, bytes: Buffer, encoding: "hex" | "base64" = "hex"): string {
	return createHash(algorithm).update(bytes).digest(encoding);
}

export class StandInS3 extends StandIn {
	hasBucket = false;
	conditions: Conditions = "kept";

	/** As a stranger would sign the same request. */
	#isSigned({ method, target, headers }: Asked): boolean {
		const signed = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? "")?.[1]?.split(";") ?? [];
		const given = signed.map((name) => [name, headers[name] ?? ""] as const);
		const options = {
			method,
			path: target,
			service: "s3",
			region: KEYS.region,
			headers: Object.fromEntries(given),
		};
		const again = aws4.sign(options, { accessKeyId: KEYS.accessKey, secretAccessKey: KEYS.secret });
		const { Authorization: wanted } = again.headers as Record<string, string>;
		const needed = ["host", "x-amz-content-sha256", "x-amz-date"];
		return needed.every((name) => signed.includes(name)) && wanted === headers.authorization;
	}

	protected answer(asked: Asked): Told {
		const { method, url, headers, body } = asked;
		if (!this.#isSigned(asked)) return problem(403, "SignatureDoesNotMatch");
		if (hash("sha256", body) !== headers["x-amz-content-sha256"])
			return problem(400, "XAmzContentSHA256Mismatch");
		// By path or by host.
		const [, bucket, ...rest] =
			headers.host?.startsWith(`${BUCKET}.`) === true
				? ["", BUCKET, ...url.pathname.split("/").slice(1)]
				: url.pathname.split("/");
		const name = rest.join("/");
		if (bucket !== BUCKET) return problem(404, "NoSuchBucket");
		if (name === "") return this.#bucket(asked);
		if (!this.hasBucket) return problem(404, "NoSuchBucket");
		if (method === "PUT") return this.#put(asked, name);
		const kept = this.objects.get(name);
		if (method === "DELETE") {
			this.objects.delete(name);
			return { status: 204 };
		}
		return kept === undefined ? problem(404, "NoSuchKey") : this.read(asked, kept);
	}

	#put({ headers, body }: Asked, name: string): Told {
		const before = this.objects.get(name);
		const { "if-none-match": none, "if-match": match } = headers;
		if (this.conditions === "refused" && (none ?? match) !== undefined) return problem(501, "NotImplemented");
		if (this.conditions === "kept") {
			if (none !== undefined && before !== undefined) return problem(412, "PreconditionFailed");
			if (match !== undefined && before === undefined) return problem(404, "NoSuchKey");
			// As radosgw has it: quotes are no part of it.
			if (match !== undefined && `"${match}"` !== before?.headers.etag)
				return problem(412, "PreconditionFailed");
		}
		const own = Object.entries(headers).filter(([header]) => header.startsWith("x-amz-meta-"));
		const etag = `"${hash("md5", body)}"`;
		this.objects.set(name, {
			bytes: body,
			headers: { ...Object.fromEntries(own), etag } as Record<string, string>,
		});
		return { status: 200, headers: { etag } };
	}

	#bucket(asked: Asked): Told {
		const { method, url, body } = asked;
		if (method === "PUT") {
			if (!body.includes(`<LocationConstraint>${KEYS.region}<`))
				return problem(400, "IllegalLocationConstraintException");
			this.hasBucket = true;
			return { status: 200 };
		}
		if (!this.hasBucket) return problem(404, "NoSuchBucket");
		if (method === "HEAD") return { status: 200 };
		if (method === "POST" && url.searchParams.has("delete")) return this.#deleteAll(asked);
		if (url.searchParams.get("list-type") !== "2") return problem(400, "InvalidArgument");
		const names = this.names(url.searchParams.get("prefix") ?? "", url.searchParams.get("start-after") ?? "");
		const most = Number(url.searchParams.get("max-keys"));
		const keys = names
			.slice(0, most)
			.map((name) => `<Contents><Key>${name}</Key><Size>1</Size></Contents>`)
			.join("");
		return {
			status: 200,
			body: `<ListBucketResult><IsTruncated>${names.length > most}</IsTruncated>${keys}</ListBucketResult>`,
		};
	}

	#deleteAll({ headers, body }: Asked): Told {
		if (headers["content-md5"] !== hash("md5", body, "base64")) return problem(400, "InvalidDigest");
		for (const [, name = ""] of body.toString().matchAll(/<Key>([^<]+)<\/Key>/g)) this.objects.delete(name);
		return { status: 200, body: "<DeleteResult></DeleteResult>" };
	}
}
