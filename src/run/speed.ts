/** Weight of the latest step. */
const DECAY = 0.1;

/** How fast a run is: a moving average over its steps. */
export class Speed {
  private secondsPerStep: number | undefined;

  /** @param samples of a step */
  constructor(private readonly samples: number) {}

  /** Takes the seconds of a step. */
  add(seconds: number): void {
    const { secondsPerStep = seconds } = this;
    this.secondsPerStep = (1 - DECAY) * secondsPerStep + DECAY * seconds;
  }

  /** NaN before the first step. */
  get imagesPerSecond(): number {
    return this.samples / (this.secondsPerStep ?? Number.NaN);
  }
}
