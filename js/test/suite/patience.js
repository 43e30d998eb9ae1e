/**
 * How long a test waits for what is to come, in ms: so long that only what hangs never comes. What
 * a test is about is no matter of time, so it has no other bound.
 */
export const PATIENCE = 300_000;
