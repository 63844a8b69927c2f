/** Waiting times between attempts: 1, 2, 4 … 30 s, each shortened by chance so that clients do not come back at once. */

export class Backoff {
  private attempt = 0;

  constructor(
    private readonly random: () => number = Math.random,
    private readonly firstMs = 1_000,
    private readonly lastMs = 30_000,
  ) {}

  next(): number {
    const fullMs = Math.min(this.lastMs, this.firstMs * 2 ** this.attempt);
    this.attempt += 1;
    return fullMs / 2 + (this.random() * fullMs) / 2;
  }

  reset(): void {
    this.attempt = 0;
  }
}
