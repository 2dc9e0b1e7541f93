/** What a scenario is, and what its run returns. */
import type { Logger } from '../src/platform/logger.ts';
import type { CpuUs } from './cpu.ts';
import type { BenchServers } from './servers.ts';
import type { Spread } from './statistics.ts';

/** The context in which every scenario runs. */
export interface BenchContext {
  readonly servers: BenchServers;
  /** Smaller sizes and fewer rounds: shows that everything works, but its figures are rough. */
  readonly quick: boolean;
  readonly rounds: number;
  readonly logger: Logger;
  /** The folder for CPU profiles of the measured workers; undefined takes none. */
  readonly profileDirectory: string | undefined;
  /** Settings of the measured workers that differ from the defaults. */
  readonly workerEnv: Readonly<Record<string, string>>;
  /** How many worker processes drain together in the ingest scenarios. */
  readonly workerCount: number;
  /** A new number on each call, for names and seeds. */
  readonly nextNumber: () => number;
  /** The time of use of all pulses: one instant, because a run may cross the full hour. */
  readonly timestamp: string;
  /** Prints a progress line for people. */
  readonly tell: (line: string) => void;
}

/** The measurement of one side in one round. */
export interface Measured {
  /** In the scenario's unit. */
  readonly value: number;
  /** CPU time by process, over the measured time only; null where it cannot be read. */
  readonly cpuUs?: CpuUs | null;
  /** How many pulses (or rows, for a flush) the CPU time was spent on. */
  readonly pulseCount?: number;
  /** Additional figures. */
  readonly details?: Readonly<Record<string, number>>;
}

/** A second condition next to the target, such as the longest pause. */
export interface Condition {
  readonly name: string;
  readonly value: number;
  readonly atMost: number;
  readonly passed: boolean;
}

/** A round is an unmeasured preparation, then both sides in alternating order. */
export interface OpenedScenario {
  /** @param warmUp The first round only warms up both sides. It may be smaller, and is not recorded. */
  prepare(warmUp: boolean): Promise<void>;
  product(): Promise<Measured>;
  /** Missing where nothing is compared. */
  reference?(): Promise<Measured>;
  /** Checks after the last round that the result is correct. @throws Error saying what is wrong. */
  verify(): Promise<void>;
  close(): Promise<void>;
}

/** How a result is judged: by its ratio to the reference, or by the value itself. */
export type Judgement = 'ratio at least' | 'ratio at most' | 'value at most';

/** One row of the table. */
export interface Scenario {
  readonly name: string;
  /** What is measured, in a few words. */
  readonly measured: string;
  /** What it is compared with, in a few words. */
  readonly against: string;
  readonly unit: string;
  readonly judgement: Judgement;
  readonly mustReach: number;
  readonly aim: number;
  readonly open: (context: BenchContext) => Promise<OpenedScenario>;
  /** Other conditions that the same runs must meet. */
  readonly conditions?: (rounds: readonly Round[]) => Condition[];
  /** Set where the ratio is not that of the two values. */
  readonly ratioOf?: (product: Measured, reference: Measured) => number;
}

export interface Round {
  readonly first: 'product' | 'reference';
  readonly product: Measured;
  readonly reference: Measured | null;
  readonly ratio: number | null;
}

/** What is stored for a scenario. */
export interface ScenarioResult {
  readonly name: string;
  readonly measured: string;
  readonly against: string;
  readonly unit: string;
  readonly judgement: Judgement;
  /** The median over the rounds; null when the scenario failed before its end. */
  readonly value: number | null;
  readonly reference: number | null;
  /** Over the ratios of the rounds; the two sides of a round run right after each other. */
  readonly ratio: Spread | null;
  readonly mustReach: number;
  readonly aim: number;
  readonly conditions: readonly Condition[];
  readonly passed: boolean;
  /** The result was correct. */
  readonly verified: boolean;
  readonly error: string | null;
  readonly runs: readonly Round[];
  readonly cpu_us_per_pulse: CpuUs | null;
  readonly reference_cpu_us_per_pulse: CpuUs | null;
  readonly quick: boolean;
  readonly commit: string;
  readonly measuredAt: string;
  readonly seconds: number;
}
