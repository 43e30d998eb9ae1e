export const startProof = (): void => {};
export const readFragment = async (_text: string): Promise<void> => {};
