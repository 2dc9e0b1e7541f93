/** What a fault is, and the scene it happens in. */
import type { Pool } from 'pg';
import type { Random } from '../../src/populate/random.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import type { Env, KeptWorker, PulseChild } from './pulse-child.ts';
import type { Installation, TestServers } from './test-servers.ts';

/** One process's connections to the three servers. */
export interface Proxies {
  readonly rabbitmq: TcpProxy;
  readonly redis: TcpProxy;
  readonly postgres: TcpProxy;
}

/** A worker and what connects it. */
export interface Seat {
  readonly worker: KeptWorker;
  readonly proxies: Proxies;
}

/** A process beside the workers, gone at the end of the round. */
export interface Extra {
  readonly child: PulseChild;
  readonly proxies: Proxies;
}

export interface Scene {
  readonly random: Random;
  readonly servers: TestServers;
  readonly installation: Installation;
  readonly seats: readonly Seat[];
  /** The worker that this fault may hurt; a fault with `firstEnv` has one of its own. */
  readonly seat: Seat;
  readonly producerProxy: TcpProxy;
  readonly admin: Pool;
  /** How long something that is suspended stays so. */
  readonly stopMs: number;
  readonly startPulse: (args: readonly string[], env?: Env) => Promise<Extra>;
  /** Pulses that others published: at least so many confirmed, at most so many sent. */
  readonly foreign: { least: number; most: number };
  /** Holds the milliseconds by which the clock of workers is wrong; see clock-shift.ts. */
  readonly clockFile: string;
}

export interface Fault {
  readonly name: string;
  readonly about: string;
  /** Workers that it takes at least. */
  readonly workers?: number;
  readonly threads?: number;
  /** Given to the first process of a worker of this fault's own. */
  readonly firstEnv?: (random: Random) => Env;
  /** The workers' wall clock follows `clockFile`. */
  readonly shiftedClock?: true;
  /** Needs servers of its own whose disks are small. */
  readonly smallDisks?: true;
  /** Starts together with the workers instead of some time later. */
  readonly atOnce?: true;
  /** Hurts and heals. Resolves with what was seen, if it is worth a word. */
  readonly inject: (scene: Scene) => Promise<string | undefined>;
}

/** This machine does not allow it. */
export class NotPossibleError extends Error {}

export function pick<T>(values: readonly T[], random: Random): T {
  return values[random.below(values.length)]!;
}

export function between(least: number, most: number, random: Random): number {
  return least + random.below(most - least + 1);
}
