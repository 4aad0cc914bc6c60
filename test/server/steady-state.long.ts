/** The steady state over a million requests of each kind: `steady-state.test.ts` with a larger number. */

process.env.STEADY_REQUESTS ??= "1000000";
await import("./steady-state.test.js");

export {};
