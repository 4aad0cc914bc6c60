/**
 * The part of the addon that is about sockets, as types: pairs of them and channels between processes of ours, connected streams, TLS on
 * them, and sockets that listen. `native-types.ts` has the rest.
 */

declare const channelBrand: unique symbol;
declare const streamBrand: unique symbol;
declare const tlsThreadBrand: unique symbol;
declare const tlsSideBrand: unique symbol;
export interface ChannelHandle {
	readonly [channelBrand]: true;
}
export interface StreamHandle {
	readonly [streamBrand]: true;
}

/** A thread in which TLS runs. */
export interface TlsThreadHandle {
	readonly [tlsThreadBrand]: true;
}
/** Certificates, keys and ciphers of one end of TLS. */
export interface TlsSideHandle {
	readonly [tlsSideBrand]: true;
}
/** `TLS_UP` (protocol, cipher, identity or "", refusal or ""), `TLS_FAILED` or `TLS_BROKEN` (why), or `TLS_OVER`, of which connection. */
export type TlsNews = readonly [
	news: number,
	id: number,
	one: string,
	two: string,
	three: string,
	four: string,
];

/** See native/node/channel.c, stream.c, tls.c, connect.c and listen.c. */
export interface SocketAddon {
	/** Two connected stream sockets of the unix kind, closed in programs that are started. */
	socketPair(): [number, number];
	/** Another descriptor of the same open file. */
	duplicate(descriptor: number): number;
	/** Has the descriptor from now on, unless it throws; `ready` is called when there is something to receive, or room to send. */
	channelOpen(descriptor: number, ready: (events: number) => void): ChannelHandle;
	/** How many bytes are on their way, or -errno. The descriptors go with the first of them, and stay open here. */
	channelSend(handle: ChannelHandle, bytes: Uint8Array, descriptors: Int32Array): number;
	/** How many bytes came, 0 at the end, or -errno. `files`: see ReceivedFiles in native-layout.ts. */
	channelReceive(handle: ChannelHandle, into: Uint8Array, files: Int32Array): number;
	channelWantWritable(handle: ChannelHandle, wanted: boolean): void;
	channelClose(handle: ChannelHandle): void;
	/** Has the descriptor of a connected stream socket from now on, unless it throws; `ready` gets `EVENT_` bits. */
	streamOpen(descriptor: number, ready: (events: number) => void): StreamHandle;
	/** How many bytes came, 0 at the end, or -errno. If there is nothing it is looked again for `watchUs` (0..1000), without sleeping. */
	streamReceive(
		handle: StreamHandle,
		into: Uint8Array,
		offset: number,
		length: number,
		watchUs: number,
	): number;
	/** How many bytes are on their way, or -errno: of `count` parts, each an address and a length. */
	streamSend(handle: StreamHandle, parts: Float64Array, count: number): number;
	/** Of which `EVENT_` bits `ready` is told: to begin with `EVENT_READABLE`. */
	streamWant(handle: StreamHandle, events: number): void;
	/** A descriptor of who connected, of a socket that listens, or -errno. */
	streamAccept(handle: StreamHandle): number;
	/** The errno that it had, if `ready` was told `EVENT_FAILED`; 0: none. */
	streamError(handle: StreamHandle): number;
	streamClose(handle: StreamHandle): void;
	/** A thread; `ready` is called when it has news. Throws a NativeError. */
	tlsStart(ready: (events: number) => void): TlsThreadHandle;
	/** The next news, null: there is none now. */
	tlsNext(handle: TlsThreadHandle): TlsNews | null;
	/** "" is none. `psk`: lines of NAME:KEY. Nothing is looked at until a connection wants it. */
	tlsSide(
		isServer: number,
		certificate: string,
		key: string,
		ca: string,
		psk: string,
		ciphers: string,
		suites: string,
	): TlsSideHandle;
	/** It has both descriptors from now on, unless it throws a NativeError. Of a client: whom the server has to be, and who it is; "": nobody. */
	tlsSecure(
		handle: TlsThreadHandle,
		id: number,
		socket: number,
		plain: number,
		side: TlsSideHandle,
		host: string,
		identity: string,
	): void;
	/** Ends that connection, if there is one. Throws a NativeError. */
	tlsDrop(handle: TlsThreadHandle, id: number): void;
	/** Ends the thread, and its connections with it. May be called again. */
	tlsEnd(handle: TlsThreadHandle): void;
	/**
	 * A TCP socket that connects; `address` is a number of IPv4 or IPv6. It fails when the other end has been silent for `limitMs`
	 * (1..86400000), though there was something to be heard. Throws a NativeError.
	 */
	connectTcp(address: string, port: number, limitMs: number): number;
	/** A unix socket that is connected. Throws a NativeError: ENOENT and ECONNREFUSED if nobody listens there. */
	connectUnix(path: string): number;
	/**
	 * A unix socket that listens at `path`, with this mode and group (2^32 - 1: as it is). Throws a NativeError: EADDRINUSE if there
	 * is something already.
	 */
	listenUnix(path: string, mode: number, group: number): number;
	/**
	 * A TCP socket that listens; `address` is a number of IPv4 or IPv6. Who connects to it is cut off when silent for `silenceMs` (at most 86400000), though there
	 * was something to be heard; 0: when the system thinks so. Throws a NativeError.
	 */
	listenTcp(address: string, port: number, silenceMs: number): number;
	/**
	 * What a socket is bound to, or its other end is: `unix:PATH`, `127.0.0.1:9470`, `[::1]:9470`, the other end of a unix socket
	 * `unix:pid 123`; "" if it is nothing of that kind.
	 */
	socketName(descriptor: number, isPeer: boolean): string;
}
