/** What a scenario is, and what a run of it gives. */
import type { Logger } from '../src/platform/logger.ts';
import type { CpuUs } from './cpu.ts';
import type { BenchServers } from './servers.ts';
import type { Spread } from './statistics.ts';

/** What every scenario is run with. */
export interface BenchContext {
  readonly servers: BenchServers;
  /** Smaller sizes and fewer rounds: shows that everything works, its figures are rough. */
  readonly quick: boolean;
  readonly rounds: number;
  readonly logger: Logger;
  /** Where CPU profiles of the measured workers go; none are taken without it. */
  readonly profileDirectory: string | undefined;
  /** Settings of the measured workers that differ from their defaults. */
  readonly workerEnv: Readonly<Record<string, string>>;
  /** Worker processes that drain together in the ingest scenarios. */
  readonly workerCount: number;
  /** Another number at each call, for names and seeds. */
  readonly nextNumber: () => number;
  /** When all pulses were used: one instant, because the hour may turn while a run lasts. */
  readonly timestamp: string;
  /** A line for the person who waits. */
  readonly tell: (line: string) => void;
}

/** One side of one round. */
export interface Measured {
  /** In the scenario's unit. */
  readonly value: number;
  /** CPU time by process, over the measured time alone; null where it cannot be read. */
  readonly cpuUs?: CpuUs | null;
  /** How many pulses (or rows, for a flush) that CPU time was spent on. */
  readonly pulseCount?: number;
  /** More of what was seen. */
  readonly details?: Readonly<Record<string, number>>;
}

/** A second condition beside the bar, such as the longest pause. */
export interface Condition {
  readonly name: string;
  readonly value: number;
  readonly atMost: number;
  readonly passed: boolean;
}

/** A round is a preparation that is not measured, then both sides in alternating order. */
export interface OpenedScenario {
  /** @param warmUp The first round only warms both sides up; it may be smaller, and is not recorded. */
  prepare(warmUp: boolean): Promise<void>;
  product(): Promise<Measured>;
  /** Left out where nothing is compared. */
  reference?(): Promise<Measured>;
  /** Proves, after the last round, that what came out is right. @throws Error saying what is not. */
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
  /** Where the ratio is not that of the two values. */
  readonly ratioOf?: (product: Measured, reference: Measured) => number;
}

/** Both sides of one round. */
export interface Round {
  readonly first: 'product' | 'reference';
  readonly product: Measured;
  readonly reference: Measured | null;
  readonly ratio: number | null;
}

/** What is written down of a scenario. */
export interface ScenarioResult {
  readonly name: string;
  readonly measured: string;
  readonly against: string;
  readonly unit: string;
  readonly judgement: Judgement;
  /** Median over the rounds; null when the scenario failed before its end. */
  readonly value: number | null;
  readonly reference: number | null;
  /** Over the ratios of each round, whose two sides ran right after each other. */
  readonly ratio: Spread | null;
  readonly mustReach: number;
  readonly aim: number;
  readonly conditions: readonly Condition[];
  readonly passed: boolean;
  /** What came out was right. */
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
