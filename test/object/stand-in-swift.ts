/**
 * A stand-in for Swift with both kinds of login, its own and Keystone's: it takes no request without a token that it has given and not
 * forgotten, and no body of another sum. For the tests of `lib/object/swift.ts`; what a real one does is in `services.test.ts`.
 */

import { createHash } from "node:crypto";
import type { SwiftAccount } from "../../lib/object/swift-login.js";
import { type Asked, StandIn, type Told } from "./stand-in.js";

export const CONTAINER = "gold";
const PROJECT = "storage";
const USER = "tester";
const KEY = "testing";
const PATH = "/v1/AUTH_test";

function field(value: unknown, ...path: string[]): unknown {
	let at = value;
	for (const name of path)
		at = typeof at === "object" && at !== null ? new Map(Object.entries(at)).get(name) : undefined;
	return at;
}

export class StandInSwift extends StandIn {
	hasContainer = false;
	hasBulk = true;
	logins = 0;
	/** Where it is. */
	origin = "";
	/** Good ones. */
	readonly tokens = new Set<string>();

	override async start(): Promise<string> {
		this.origin = await super.start();
		return this.origin;
	}

	account(version: 1 | 3, key = KEY): SwiftAccount {
		return version === 1
			? { version, auth: `${this.origin}/auth/v1.0`, user: USER, key }
			: { version, auth: `${this.origin}/v3`, user: USER, key, project: PROJECT, region: "two" };
	}

	protected answer(asked: Asked): Told {
		const { method, url, headers } = asked;
		if (url.pathname === "/auth/v1.0")
			return headers["x-auth-user"] === USER && headers["x-auth-key"] === KEY
				? this.#welcome("x-auth-token")
				: { status: 401 };
		if (url.pathname === "/v3/auth/tokens") return this.#keystone(asked);
		if (!this.tokens.has(String(headers["x-auth-token"]))) return { status: 401 };
		if (url.pathname === PATH && method === "POST") return this.#bulk(asked);
		const path = `${PATH}/${CONTAINER}`;
		if (url.pathname === path) return this.#container(asked);
		if (!this.hasContainer || !url.pathname.startsWith(`${path}/`))
			return { status: 404, body: "<html>no</html>" };
		return this.#object(asked, url.pathname.slice(path.length + 1));
	}

	#welcome(header: string): Told {
		this.logins += 1;
		const token = `token-${this.logins}`;
		this.tokens.add(token);
		return { status: 200, headers: { [header]: token, "x-storage-url": `${this.origin}${PATH}` } };
	}

	#keystone({ body }: Asked): Told {
		const { auth } = JSON.parse(body.toString());
		const password = field(auth, "identity", "password", "user", "password");
		const user = field(auth, "identity", "password", "user", "name");
		const domain = field(auth, "scope", "project", "domain", "name");
		if (
			user !== USER ||
			password !== KEY ||
			field(auth, "scope", "project", "name") !== PROJECT ||
			domain !== "Default"
		)
			return { status: 401 };
		const place = (kind: string, region: string, url: string) => ({
			interface: kind,
			region,
			region_id: region,
			url,
		});
		const endpoints = [
			place("admin", "two", "http://127.0.0.1:1/admin"),
			place("public", "one", "http://127.0.0.1:1/elsewhere"),
			place("public", "two", `${this.origin}${PATH}`),
		];
		const catalog = [
			{ type: "compute", endpoints: [place("public", "two", "http://127.0.0.1:1/")] },
			{ type: "object-store", endpoints },
		];
		return { ...this.#welcome("x-subject-token"), status: 201, body: JSON.stringify({ token: { catalog } }) };
	}

	#container({ method, url }: Asked): Told {
		if (method === "PUT") {
			this.hasContainer = true;
			return { status: 201 };
		}
		if (!this.hasContainer) return { status: 404 };
		if (method === "HEAD") return { status: 204 };
		const { searchParams } = url;
		const names = this.names(searchParams.get("prefix") ?? "", searchParams.get("marker") ?? "");
		const some = names.slice(0, Number(searchParams.get("limit")));
		return some.length === 0
			? { status: 204 }
			: { status: 200, body: some.map((name) => `${name}\n`).join("") };
	}

	#object(asked: Asked, name: string): Told {
		const { method, headers, body } = asked;
		const kept = this.objects.get(name);
		if (method === "PUT") {
			if (headers["if-none-match"] === "*" && kept !== undefined) return { status: 412 };
			if (headers.etag !== createHash("md5").update(body).digest("hex")) return { status: 422 };
			const own = Object.entries(headers).filter(([header]) => header.startsWith("x-object-meta-"));
			this.objects.set(name, { bytes: body, headers: Object.fromEntries(own) as Record<string, string> });
			return { status: 201 };
		}
		if (kept === undefined) return { status: 404, body: "<html>no</html>" };
		if (method !== "DELETE") return this.read(asked, kept);
		this.objects.delete(name);
		return { status: 204 };
	}

	#bulk({ url, body }: Asked): Told {
		// An account that is posted to without that has its metadata changed.
		if (!this.hasBulk || !url.searchParams.has("bulk-delete")) return { status: 204 };
		for (const line of body.toString().split("\n")) this.objects.delete(line.replace(`/${CONTAINER}/`, ""));
		return { status: 200, body: `  ${JSON.stringify({ "Response Status": "200 OK", Errors: [] })}` };
	}
}
