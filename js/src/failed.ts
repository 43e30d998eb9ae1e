/** A failed effect, with its kind for the core (core/contract/README.md, "Inputs"). */
export class Failed extends Error {
  /** @param cause the host's own error */
  constructor(
    readonly kind: string,
    cause?: unknown,
  ) {
    super(kind, { cause });
  }
}
