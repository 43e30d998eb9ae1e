/**
 * An effect that failed, with the kind that the core is told (core/contract/README.md, "Inputs").
 */
export class Failed extends Error {
  /** @param cause the host's own error */
  constructor(
    readonly kind: string,
    cause?: unknown,
  ) {
    super(kind, { cause });
  }
}
