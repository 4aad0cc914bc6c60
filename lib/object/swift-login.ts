/**
 * Logging in to Swift: a token, and the address of the account's storage, by the first version of its authentication or by Keystone's
 * third. Whoever finds that a token is good no more says so, and one login is made for all who wait. Used by `swift-door.ts`.
 */

import type { Clock } from "../clock.js";
import { unlessAborted, within } from "./attempts.js";
import { ObjectError, ObjectFault } from "./errors.js";
import { type Answer, HttpDoor, type HttpOptions } from "./http.js";
import { fieldsOf, itemsOf, parsed } from "./json.js";

/** `key` is the password, by Keystone. */
export type SwiftAccount =
	| { readonly version: 1; readonly auth: string; readonly user: string; readonly key: string }
	| {
			readonly version: 3;
			/** `https://keystone.example.org:5000/v3` */
			readonly auth: string;
			readonly user: string;
			readonly userDomain?: string;
			readonly key: string;
			readonly project: string;
			readonly projectDomain?: string;
			/** Of the storage, where there are several. */
			readonly region?: string;
	  };

export interface SwiftSession {
	readonly token: string;
	/** Of the account: `http://host:port/v1/AUTH_test` */
	readonly storage: URL;
}

type V3 = Extract<SwiftAccount, { version: 3 }>;

/** A login has a limit of its own, since those who wait for it have different ones. */
const LOGIN_MS = 10_000;
/** Catalogs of large clouds are long. */
const CATALOG_MAX_BYTES = 1024 * 1024;
const STATUS = { okBelow: 300, unauthorized: 401, server: 500 };
const BUSY: ReadonlySet<number> = new Set([408, 409, 429, 498]);

export class SwiftLogin {
	readonly #account: SwiftAccount;
	readonly #clock: Clock;
	readonly #door: HttpDoor;
	readonly #path: string;
	#session: Promise<SwiftSession> | undefined;
	/** What came of it, when it is there. */
	#known: SwiftSession | undefined;

	constructor(account: SwiftAccount, http: HttpOptions) {
		const url = new URL(account.auth);
		this.#account = account;
		this.#clock = http.clock;
		this.#door = new HttpDoor(url.origin, { ...http, sockets: 1 });
		this.#path = url.pathname.replace(/\/$/, "");
	}

	/** The session that there is, or a new one: also if it is `spoiled`, which the store did not take. */
	async session(signal: AbortSignal, spoiled?: SwiftSession): Promise<SwiftSession> {
		const isGood = spoiled === undefined || spoiled !== this.#known;
		const session = (isGood ? this.#session : undefined) ?? this.#begin();
		return unlessAborted(signal, () => session);
	}

	#begin(): Promise<SwiftSession> {
		const begun = within(this.#clock, LOGIN_MS, `${this.#account.auth}: login`, [], async (signal) => {
			const session = await this.#logIn(signal);
			this.#known = session;
			return session;
		});
		this.#known = undefined;
		this.#session = begun;
		begun.catch(() => {
			// The next one who asks begins anew.
			if (this.#session === begun) this.#session = undefined;
		});
		return begun;
	}

	async #logIn(signal: AbortSignal): Promise<SwiftSession> {
		const account = this.#account;
		if (account.version === 3) return this.#keystone(account, signal);
		const headers = { "x-auth-user": account.user, "x-auth-key": account.key };
		const answer = await this.#door.ask({ op: "login", method: "GET", path: this.#path, headers }, signal);
		this.#refuse(answer);
		return this.#made(answer.header("x-auth-token"), answer.header("x-storage-url"));
	}

	async #keystone(account: V3, signal: AbortSignal): Promise<SwiftSession> {
		const body = [Buffer.from(JSON.stringify(passwordForm(account)))];
		const headers = { "content-type": "application/json", accept: "application/json" };
		const path = `${this.#path}/auth/tokens`;
		const mostBytes = CATALOG_MAX_BYTES;
		const answer = await this.#door.ask(
			{ op: "login", method: "POST", path, headers, body, mostBytes },
			signal,
		);
		this.#refuse(answer);
		return this.#made(answer.header("x-subject-token"), storageIn(answer.body, account.region));
	}

	#refuse({ status }: Answer): void {
		if (status < STATUS.okBelow) return;
		const isBusy = status >= STATUS.server || BUSY.has(status);
		const kind = isBusy ? ObjectFault.unavailable : ObjectFault.refused;
		throw new ObjectError(kind, `${this.#account.auth}: login of ${this.#account.user}: ${status}`);
	}

	#made(token: string | undefined, storage: string | undefined): SwiftSession {
		const url = storage !== undefined && URL.canParse(storage) ? new URL(storage) : undefined;
		if (token === undefined || token === "" || url === undefined || !/^https?:$/.test(url.protocol))
			throw new ObjectError(
				ObjectFault.refused,
				`${this.#account.auth}: login: no token, or no storage to go to`,
			);
		return { token, storage: url };
	}

	close(): Promise<void> {
		return this.#door.close();
	}
}

function passwordForm(account: V3): object {
	const { user, userDomain = "Default", key, project, projectDomain = "Default" } = account;
	return {
		auth: {
			identity: {
				methods: ["password"],
				password: { user: { name: user, domain: { name: userDomain }, password: key } },
			},
			scope: { project: { name: project, domain: { name: projectDomain } } },
		},
	};
}

/** The address of the object store in a catalog, for everybody, and in the region if one is wanted. */
function storageIn(body: Buffer, region: string | undefined): string | undefined {
	const token = fieldsOf(fieldsOf(parsed(body)).get("token"));
	const services = itemsOf(token.get("catalog")).map(fieldsOf);
	const urls = services
		.filter((service) => service.get("type") === "object-store")
		.flatMap((service) => itemsOf(service.get("endpoints")).map(fieldsOf))
		.filter((place) => place.get("interface") === "public")
		.filter((place) => region === undefined || [place.get("region"), place.get("region_id")].includes(region))
		.map((place) => place.get("url"));
	return urls.find((url): url is string => typeof url === "string");
}
